/* The controls, and the start. */
const COLOURINGS = (PAGE.base ? ["delta"] : []).concat("kind", "module", "self");

function fillSelect(id, values, names, chosen) {
	const el = $(id);
	el.textContent = "";
	values.forEach((v, i) => el.append(new Option(names[i], v, false, String(v) === String(chosen))));
	el.parentNode.hidden = values.length < 2;
}
function measures() {
	const list = [["0", "samples"], ["1", weightName()]];
	return SIDES > 1 ? list.concat([["2", "samples of the base"], ["3", `${weightName()} of the base`]]) : list;
}
function showControls() {
	const m = measures(), by = groupings();
	fillSelect("event", PAGE.events.map((_, i) => i), PAGE.events.map(e => visible(e[0])), at.event);
	fillSelect("measure", m.map(x => x[0]), m.map(x => x[1]), column());
	fillSelect("by", by, by, at.by);
	fillSelect("colour", COLOURINGS, COLOURINGS, at.colour);
	$("invert").setAttribute("aria-pressed", String(at.view === "up"));
	$("sandwich").setAttribute("aria-pressed", String(at.view === "fn"));
	$("flip").textContent = at.icicle ? "Flame" : "Icicle";
	$("around").textContent = at.view === "fn" ? `Callers and callees of ${short(S[FUNCTIONS[at.fn].name])}` : at.view === "up" ? "Callers: from the leaves" : "";
	crumbs();
}
function setDark(on) {
	at.dark = on;
	document.documentElement.classList.toggle("dark", on);
	$("dark").setAttribute("aria-pressed", String(on));
	if (at.tree) {
		legend();
		draw();
	}
}
/* The same box in the tree after another event, measure or grouping was chosen, as far as it is there. */
function keepZoom() {
	const path = pathOf(at.zoom);
	show(false);
	if (path)
		zoom(findPath(path), false);
	if (searched)
		setSearch(searched);
}
const CHANGES = {
	event: v => { at.event = Number(v); },
	measure: v => { at.measure = v % 2; at.side = v >> 1; },
	by: v => { at.by = v; },
};
function fillKeys() {
	for (const [name, text] of KEYS.filter(k => k[1]).concat(MOUSE)) {
		const dt = document.createElement("dt"), dd = document.createElement("dd");
		dt.textContent = name;
		dd.textContent = text;
		$("keys").append(dt, dd);
	}
}
function listen() {
	const press = {back, reset, flip, invert: () => openView(at.view === "up" ? "down" : "up", -1), functions: () => setMode("functions"),
		sandwich: () => at.view === "fn" ? openView("down", -1) : openFunction(FRAMES.fn[at.tree.frame[at.focus]]), boxes: () => setMode("boxes"),
		helpbutton: () => $("help").showModal(), close: () => $("help").close(), dark: () => setDark(!at.dark),
		more: () => { table.shown += 1000; fillTable(); }};
	for (const id in press)
		$(id).onclick = press[id];
	for (const id in CHANGES)
		$(id).onchange = () => { CHANGES[id]($(id).value); keepZoom(); };
	$("colour").onchange = () => { at.colour = $("colour").value; legend(); draw(); saveState(); };
	$("search").oninput = () => setSearch($("search").value);
	for (const b of document.querySelectorAll("th button"))
		b.onclick = () => sortBy(b.dataset.sort);
	$("rows").onclick = e => {
		const tr = e.target.closest("tr");
		table.row = tr.sectionRowIndex;
		openRow(table.row);
	};
	document.onkeydown = key;
	window.onpopstate = () => { if ((location.hash || "#") !== ownHash) loadState(); };
}
function listenCanvas() {
	canvas.onclick = click;
	canvas.onpointerdown = pointerDown;
	canvas.onpointermove = pointerMove;
	canvas.onpointerup = canvas.onpointercancel = pointerUp;
	canvas.onpointerleave = unhover;
	canvas.addEventListener("wheel", wheel, {passive: false});
	scroll.onscroll = draw;
	new ResizeObserver(draw).observe(scroll);
}
function start() {
	const wish = matchMedia("(prefers-color-scheme: dark)");
	wish.onchange = () => setDark(wish.matches);
	for (const el of document.querySelectorAll(".diff"))
		el.hidden = SIDES < 2;
	setDark(wish.matches);
	fillKeys();
	header();
	listen();
	listenCanvas();
	loadState();
}
start();
const firstUse = performance.now(); /* ms since the page was asked for */
