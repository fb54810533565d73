/* What is shown is in the address, by names: the same address brings the same view back, in this page and in one of another recording. A step
 * that the browser can go back from is a place of its own in its history. */
let BASE = null, WHOLE = null, built = "", ownHash = "";

/* Makes the tree that `at` asks for, where it is not the one that is there. */
function build() {
	const base = at.event + at.by, wanted = [base, at.view, at.fn, column()].join();
	if (!BASE || BASE.key !== base) {
		BASE = place(baseTree(at.event, at.by), column());
		BASE.key = base;
		WHOLE = BASE.total.map(v => v[0]);
		countFunctions(BASE);
	}
	if (wanted === built)
		return false;
	built = wanted;
	const t = at.view === "fn" ? sandwich(BASE, at.fn) : at.view === "up" ? inverted(BASE, column()) : null;
	if (!t && at.view === "fn")
		at.view = "down";
	at.tree = place(t || BASE, column());
	place(BASE, column());
	at.zoom = at.focus = 0;
	at.hover = -1;
	setWindow(0, at.tree.width[0], false);
	return true;
}
/* After anything that changes which boxes there are. `push`: the browser's Back returns to what was. */
function show(push) {
	build();
	showControls();
	notes();
	setFocus(at.focus);
	count();
	fillTable();
	legend();
	saveState(push);
}
function openView(view, fn) {
	at.view = view;
	at.fn = fn;
	show(true);
}
function openFunction(fn) {
	if (fn >= 0)
		openView("fn", fn);
}
function zoom(i, push = true) {
	const changed = i !== at.zoom;
	at.zoom = i;
	setWindow(at.tree.x[i], at.tree.width[i], true);
	setFocus(i);
	count();
	crumbs();
	saveState(push && changed);
}
/* Shows w values from x on; what is zoomed is then the nearest box around all of it. */
function look(x, w) {
	const t = at.tree, whole = t.width[0];
	w = Math.min(whole, Math.max(w, whole / 1e9));
	x = Math.min(whole - w, Math.max(0, x));
	while (at.zoom && (t.x[at.zoom] > x || t.x[at.zoom] + t.width[at.zoom] < x + w))
		at.zoom = t.parent[at.zoom];
	setWindow(x, w, false);
	crumbs();
	count();
	saveState();
}
function back() {
	if (history.state && history.state.n)
		history.back();
}
function reset() {
	const first = PAGE.invert ? "up" : "down";
	if (at.zoom || at.x || at.w !== at.tree.width[0])
		zoom(0);
	else if (at.view !== first)
		openView(first, -1);
}
function flip() {
	at.icicle = !at.icicle;
	showControls();
	reveal(at.focus);
	draw();
	saveState();
}

/* ---- the address */
const partOf = (t, i) => (t.side[i] < 0 ? "^" : "") + [S[FRAMES.name[t.frame[i]]], S[FRAMES.module[t.frame[i]]], KINDS[FRAMES.kind[t.frame[i]]]].map(encodeURIComponent).join("@");
function pathOf(i) {
	const parts = [];
	for (; i > 0; i = at.tree.parent[i])
		parts.push(partOf(at.tree, i));
	return parts.reverse().join("/");
}
function findPath(path) {
	const t = at.tree;
	let i = 0;
	for (const part of path.split("/")) {
		let next = -1;
		for (let j = t.first[i]; j < t.first[i + 1] && next < 0; j++)
			if (partOf(t, t.kids[j]) === part)
				next = t.kids[j];
		if (next < 0)
			return i; /* as far as it is there */
		i = next;
	}
	return i;
}
/* A path too long for an address is there as its row and its hash. */
function findHash(text) {
	const [row, h] = text.split("."), t = at.tree, r = Number(row);
	for (let k = t.rowStart[r]; k < t.rowStart[r + 1]; k++)
		if (hash(pathOf(t.boxes[k])).toString(16) === h)
			return t.boxes[k];
	return 0;
}
function address() {
	const p = new URLSearchParams(), path = at.zoom ? pathOf(at.zoom) : "", first = PAGE.invert ? "up" : "down";
	const put = (name, value, otherwise) => value !== otherwise && p.set(name, value);
	put("event", at.event ? PAGE.events[at.event][0] : "", "");
	put("measure", at.measure, 0);
	put("side", at.side, 0);
	put("by", at.by, "command");
	put("view", at.view, first);
	if (at.view === "fn") {
		p.set("function", S[FUNCTIONS[at.fn].name]);
		p.set("module", S[FUNCTIONS[at.fn].module]);
	}
	if (path)
		path.length < 2000 ? p.set("path", path) : p.set("pathhash", at.tree.row[at.zoom] + "." + hash(path).toString(16));
	put("flame", at.icicle ? 0 : 1, 0);
	put("colour", at.colour, PAGE.base ? "delta" : "kind");
	put("search", searched, "");
	return p.toString() ? "#" + p.toString() : "#";
}
function saveState(push) {
	const n = history.state ? history.state.n : 0, wanted = address();
	if (push && wanted !== ownHash)
		history.pushState({n: n + 1}, "", wanted);
	else if (location.hash !== wanted && (location.hash || wanted !== "#"))
		history.replaceState({n}, "", wanted);
	ownHash = wanted;
	$("back").disabled = !(history.state && history.state.n);
}
function loadState() {
	const p = new URLSearchParams(location.hash.slice(1)), one = (name, list, otherwise) => list.includes(p.get(name)) ? p.get(name) : otherwise;
	ownHash = location.hash || "#";
	at.event = Math.max(0, PAGE.events.findIndex(e => e[0] === p.get("event")));
	at.measure = p.get("measure") === "1" ? 1 : 0;
	at.side = SIDES > 1 && p.get("side") === "1" ? 1 : 0;
	at.by = one("by", groupings(), "command");
	at.view = one("view", ["up", "down", "fn"], PAGE.invert ? "up" : "down");
	at.fn = at.view === "fn" ? FUNCTIONS.findIndex(f => S[f.name] === p.get("function") && S[f.module] === (p.get("module") || "")) : -1;
	if (at.view === "fn" && at.fn < 0)
		at.view = "down";
	at.icicle = p.get("flame") !== "1";
	at.colour = one("colour", COLOURINGS, PAGE.base ? "delta" : "kind");
	const text = p.get("search") || "";
	build();
	at.zoom = at.focus = p.has("path") ? findPath(p.get("path")) : p.has("pathhash") ? findHash(p.get("pathhash")) : 0;
	setWindow(at.tree.x[at.zoom], at.tree.width[at.zoom], false);
	show(false);
	if (text !== searched) {
		$("search").value = text;
		setSearch(text);
	}
}
