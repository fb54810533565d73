/* The same for those who do not see a canvas: a treegrid of the functions, or of the boxes below the one that is zoomed. One row is in the
 * order of Tab; the arrows move among rows and open and close them. */
const MORE = 200, HOT_LEVELS = 12;
const table = {mode: "functions", sort: "self", down: true, shown: MORE, open: new Set(), of: null, row: 0, list: []};

function functionRows() {
	const k = column(), value = {name: f => S[f.name], module: f => S[f.module], self: f => f.self[k], total: f => f.total[k], change: f => changeOf(f)}[table.sort];
	const sign = table.down ? -1 : 1;
	return FUNCTIONS.filter(f => f.total.some(v => v > 0) && (!matches || matches[f.name]))
		.map(f => ({f, key: value(f)})).sort((a, b) => a.key < b.key ? -sign : a.key > b.key ? sign : b.f.total[k] - a.f.total[k])
		.map(({f}) => ({fn: f.id, name: f.name, module: f.module, self: f.self, total: f.total, level: 1}));
}
const shareOf = (v, k) => v[k] / (WHOLE[k] || 1);
const changeOf = f => SIDES > 1 ? shareOf(f.total, at.measure) - shareOf(f.total, 2 + at.measure) : 0;
function sortedKids(i) {
	const t = at.tree, kids = Array.from(t.kids.subarray(t.first[i], t.first[i + 1]));
	return kids.sort((a, b) => t.width[b] - t.width[a] || a - b);
}
/* Open along the way of the most, until there is none. */
function openHot() {
	table.open = new Set([at.zoom]);
	table.of = at.tree;
	for (let i = at.zoom, n = 0; n < HOT_LEVELS; n++) {
		const kids = sortedKids(i);
		if (!kids.length || at.tree.width[kids[0]] * 2 < at.tree.width[i])
			break;
		table.open.add(i = kids[0]);
	}
}
function boxRows() {
	const t = at.tree, list = [], stack = [[at.zoom, 1, 1, 1]];
	if (table.of !== t || !table.open.has(at.zoom))
		openHot();
	while (stack.length && list.length < table.shown + 1) {
		const [i, level, place, size] = stack.pop(), f = t.frame[i], kids = table.open.has(i) ? sortedKids(i) : [];
		const value = columns => columns.map(v => v[i]);
		list.push({box: i, name: FRAMES.name[f], module: FRAMES.module[f], self: value(t.self), total: value(t.total), level, place, size,
			more: t.first[i + 1] > t.first[i], open: table.open.has(i)});
		for (let k = kids.length - 1; k >= 0; k--)
			stack.push([kids[k], level + 1, k + 1, kids.length]);
	}
	return list;
}
function cell(tr, text, className) {
	const td = tr.insertCell();
	td.textContent = text;
	td.className = className;
	td.setAttribute("role", "gridcell");
	return td;
}
function addRow(r, i) {
	const tr = $("rows").insertRow(), k = column();
	tr.tabIndex = i === table.row ? 0 : -1;
	tr.setAttribute("role", "row");
	tr.setAttribute("aria-level", r.level);
	if (r.more)
		tr.setAttribute("aria-expanded", String(r.open));
	if (r.size) {
		tr.setAttribute("aria-posinset", r.place);
		tr.setAttribute("aria-setsize", r.size);
	}
	const name = cell(tr, (r.more ? r.open ? "\u25be " : "\u25b8 " : r.box === undefined ? "" : "\u00a0\u00a0 ") + short(S[r.name]), "name");
	name.style.paddingLeft = 14 * Math.min(r.level - 1, 40) + "px";
	cell(tr, S[r.module].replace(/.*\/(?=.)/, ""), "module").title = short(S[r.module]);
	for (const v of [r.self, r.total]) {
		cell(tr, amount(v[k], at.measure), "n");
		cell(tr, percent(v[k], WHOLE[k]), "n bar").style.setProperty("--share", 100 * v[k] / (WHOLE[k] || 1) + "%");
	}
	if (SIDES > 1)
		cell(tr, points(changeOf(r)), "n");
}
function fillTable() {
	table.list = table.mode === "functions" ? functionRows() : boxRows();
	table.row = Math.max(0, Math.min(table.row, table.list.length - 1, table.shown - 1));
	const rows = table.list.slice(0, table.shown);
	$("rows").textContent = "";
	rows.forEach(addRow);
	$("more").hidden = table.list.length <= table.shown;
	$("grid").setAttribute("aria-rowcount", table.list.length > table.shown && table.mode === "boxes" ? -1 : table.list.length + 1);
	$("caption").textContent = table.mode === "functions" ? `${table.list.length} functions` + (matches ? " found" : "") + ", in all that is shown"
		: "Boxes from what is zoomed downwards";
	for (const b of document.querySelectorAll("th button")) {
		b.disabled = table.mode !== "functions";
		b.parentNode.setAttribute("aria-sort", b.dataset.sort !== table.sort || b.disabled ? "none" : table.down ? "descending" : "ascending");
	}
}
function setMode(mode) {
	table.mode = mode;
	table.row = 0;
	table.shown = MORE;
	$("functions").setAttribute("aria-pressed", String(mode === "functions"));
	$("boxes").setAttribute("aria-pressed", String(mode === "boxes"));
	fillTable();
}
function sortBy(name) {
	table.down = table.sort === name ? !table.down : name !== "name" && name !== "module";
	table.sort = name;
	fillTable();
}
function goRow(i) {
	const rows = $("rows").rows;
	i = Math.max(0, Math.min(i, rows.length - 1));
	if (!rows.length)
		return;
	if (rows[table.row])
		rows[table.row].tabIndex = -1;
	table.row = i;
	rows[i].tabIndex = 0;
	rows[i].focus();
	if (table.list[i].box !== undefined)
		setFocus(table.list[i].box);
}
function setOpen(i, open) {
	open ? table.open.add(table.list[i].box) : table.open.delete(table.list[i].box);
	fillTable();
	goRow(i);
}
function goIn(i) {
	const r = table.list[i];
	if (r.more && !r.open)
		setOpen(i, true);
	else if (r.more)
		goRow(i + 1);
}
function goOut(i) {
	const r = table.list[i];
	if (r.more && r.open && i)
		return setOpen(i, false);
	for (let j = i - 1; j >= 0; j--)
		if (table.list[j].level < r.level)
			return goRow(j);
}
function openRow(i) {
	const r = table.list[i];
	if (r.box === undefined)
		return openFunction(r.fn);
	zoom(r.box);
	fillTable();
	goRow(0);
}
/* Whether the key was one of the table's. */
function tableKey(e) {
	const tr = e.target.closest("#rows tr"), i = table.row, page = 10;
	const to = {ArrowDown: () => goRow(i + 1), ArrowUp: () => goRow(i - 1), Home: () => goRow(0), End: () => goRow(1e9), PageDown: () => goRow(i + page),
		PageUp: () => goRow(i - page), ArrowRight: () => goIn(i), ArrowLeft: () => goOut(i), Enter: () => openRow(i)}[e.key];
	if (!tr || !to)
		return false;
	to();
	return true;
}
