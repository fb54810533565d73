/* Keys, the pointer, copying. Every key is in KEYS, which is also the help. */
const pointers = new Map(), DRAG_PX = 4;
let dragged = false;

function boxAt(x, y) {
	const b = canvas.getBoundingClientRect(), t = at.tree, k = Math.floor((y - b.top + scroll.scrollTop) / ROW), row = at.icicle ? k : t.rows - 1 - k;
	if (row < 0 || row >= t.rows)
		return -1;
	const v = drawn.x + (x - b.left) / b.width * drawn.w, j = firstIn(t, row, v);
	return j < t.rowStart[row + 1] && t.x[t.boxes[j]] <= v && inside(t.boxes[j]) ? t.boxes[j] : -1;
}
function hover(e) {
	const i = boxAt(e.clientX, e.clientY);
	showTip(i, e.clientX, e.clientY);
	canvas.style.cursor = i < 0 ? "default" : "pointer";
	if (i !== at.hover) {
		at.hover = i;
		draw();
	}
}
function unhover() {
	$("tip").hidden = true;
	at.hover = -1;
	draw();
}
/* Makes the part that is shown `factor` as wide, around the place at `x` px. */
function scaleAt(factor, x) {
	const b = canvas.getBoundingClientRect(), p = (x - b.left) / b.width;
	look(at.x + p * at.w * (1 - factor), at.w * factor);
}
const pan = px => look(at.x + px / canvas.clientWidth * at.w, at.w);
function wheel(e) {
	if (e.ctrlKey || e.metaKey)
		scaleAt(Math.exp(Math.max(-1, Math.min(1, e.deltaY / 200))), e.clientX);
	else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY))
		pan(e.deltaX || e.deltaY);
	else
		return;
	e.preventDefault();
	$("tip").hidden = true;
}
function pointerDown(e) {
	if (e.button)
		return;
	dragged = pointers.size > 0;
	pointers.set(e.pointerId, {x: e.clientX, y: e.clientY, x0: e.clientX, y0: e.clientY});
}
function pinch(e, p) {
	const other = [...pointers.values()].find(q => q !== p), old = Math.abs(p.x - other.x), now = Math.abs(e.clientX - other.x);
	if (old > 5 && now > 5)
		scaleAt(old / now, (e.clientX + other.x) / 2);
}
function pointerMove(e) {
	const p = pointers.get(e.pointerId);
	if (!p)
		return pointers.size || e.pointerType === "touch" ? undefined : hover(e);
	if (!dragged && Math.hypot(e.clientX - p.x0, e.clientY - p.y0) < DRAG_PX)
		return;
	dragged = true;
	$("tip").hidden = true;
	canvas.setPointerCapture(e.pointerId);
	if (pointers.size > 1) {
		pinch(e, p);
	} else {
		pan(p.x - e.clientX);
		if (e.pointerType !== "touch") /* a finger scrolls by itself */
			scroll.scrollTop += p.y - e.clientY;
	}
	p.x = e.clientX;
	p.y = e.clientY;
}
const pointerUp = e => pointers.delete(e.pointerId);
/* A finger has no hover: the first tap tells, the second zooms. */
function click(e) {
	const i = boxAt(e.clientX, e.clientY);
	if (dragged || i < 0)
		return;
	if (e.pointerType !== "touch" || i === at.focus)
		return zoom(i);
	setFocus(i);
	showTip(i, e.clientX, e.clientY);
}

function stackOf(i) {
	const t = at.tree, names = [];
	for (; i > 0; i = t.parent[i])
		names.push(S[FRAMES.name[t.frame[i]]]);
	if (at.view === "fn")
		names.push(S[FUNCTIONS[at.fn].name]);
	return at.view === "down" ? names.reverse() : names;
}
function copy(text) {
	const area = document.createElement("textarea"), from = document.activeElement;
	area.value = text;
	document.body.append(area);
	area.select();
	const ok = document.execCommand("copy"); /* a page from a file has no navigator.clipboard everywhere */
	area.remove();
	from.focus();
	$("status").textContent = (ok ? "copied: " : "cannot copy: ") + short(text);
}
/* To the caller, to the largest callee, or to a neighbour. */
function moveRow(dr) {
	const t = at.tree, i = at.focus, r = t.row[i] + (at.icicle ? dr : -dr);
	let best = -1;
	if (i && r === t.row[t.parent[i]])
		return setFocus(t.parent[i]);
	for (let j = t.first[i]; j < t.first[i + 1]; j++) {
		const c = t.kids[j];
		if (t.row[c] === r && inside(c) && (best < 0 || t.width[c] > t.width[best]))
			best = c;
	}
	if (best >= 0)
		setFocus(best);
}
function moveSide(dx) {
	const t = at.tree, r = t.row[at.focus];
	let k = t.boxes.indexOf(at.focus, t.rowStart[r]) + dx;
	while (k >= t.rowStart[r] && k < t.rowStart[r + 1] && !t.width[t.boxes[k]])
		k += dx;
	if (k >= t.rowStart[r] && k < t.rowStart[r + 1] && inside(t.boxes[k]))
		setFocus(t.boxes[k]);
}
function cycle(id) {
	const el = $(id);
	if (el.options.length > 1) {
		el.selectedIndex = (el.selectedIndex + 1) % el.options.length;
		el.onchange();
	}
}
const middle = () => canvas.getBoundingClientRect().left + canvas.clientWidth / 2;
const KEYS = [
	["arrows", "to the caller, the largest callee, a neighbour; in the table: rows"],
	["Enter", "zoom to the box; in the table: open the row", () => zoom(at.focus)], ["Backspace", "back", back],
	["0", "show all again; Esc too", reset], ["Escape", "", reset],
	["+", "nearer", () => scaleAt(0.5, middle())], ["=", "", () => scaleAt(0.5, middle())], ["-", "farther", () => scaleAt(2, middle())],
	["<", "to the left", () => pan(-100)], [">", "to the right", () => pan(100)],
	["/", "search by regular expression", () => $("search").select()], ["n", "next box found", () => nextHit(1)], ["N", "the one before", () => nextHit(-1)],
	["I", "callers: from the leaves, or back", () => openView(at.view === "up" ? "down" : "up", -1)], ["i", "flame or icicle", flip],
	["c", "callers and callees of the function", () => openFunction(FRAMES.fn[at.tree.frame[at.focus]])],
	["k", "next colouring", () => cycle("colour")], ["m", "samples or weight", () => cycle("measure")], ["e", "next event", () => cycle("event")],
	["g", "next grouping", () => cycle("by")], ["s", "table: functions or boxes", () => setMode(table.mode === "boxes" ? "functions" : "boxes")],
	["t", "hide or show the table", () => $("list").hidden = !$("list").hidden], ["d", "dark or light", () => setDark(!at.dark)],
	["y", "copy the name", () => copy(S[FRAMES.name[at.tree.frame[at.focus]]])], ["Y", "copy the stack", () => copy(stackOf(at.focus).join(";"))],
	["l", "copy the link to this view", () => copy(location.href)], ["?", "this help", () => $("help").showModal()],
	["ArrowUp", "", () => moveRow(-1)], ["ArrowDown", "", () => moveRow(1)], ["ArrowLeft", "", () => moveSide(-1)], ["ArrowRight", "", () => moveSide(1)],
];
const MOUSE = [["click", "zoom (a finger: the second tap)"], ["drag", "move"], ["wheel", "up and down; with Shift to the sides, with Ctrl nearer and farther; or pinch"]];

function searchKey(e) {
	if (e.key !== "Enter" && e.key !== "Escape")
		return;
	e.preventDefault();
	canvas.focus();
	if (e.key === "Enter")
		searching.then(() => nextHit(1));
}
function key(e) {
	const k = KEYS.find(x => x[0] === e.key && x[2]), tag = e.target.tagName;
	if (e.ctrlKey || e.metaKey || e.altKey || $("help").open)
		return;
	if (tag === "INPUT")
		return searchKey(e);
	if ($("rows").contains(e.target) && tableKey(e))
		return e.preventDefault();
	if (!k || tag === "SELECT" || ((tag === "BUTTON" || tag === "SUMMARY") && (e.key === "Enter" || e.key.startsWith("Arrow"))) ||
		(e.key.startsWith("Arrow") && $("list").contains(e.target)))
		return;
	e.preventDefault();
	k[2]();
}
