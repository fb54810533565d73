/* What is shown, and the drawing of it: only boxes on the screen, at least half a pixel wide, are drawn. */
const canvas = $("canvas"), scroll = $("scroll"), ctx = canvas.getContext("2d");
/* measure: 0 samples, 1 weight; side: 0 this file's widths, 1 the base's; view: down (from the root), up (from the leaves), fn (around one).
 * x and w are the part that is shown, in values of the column; zoom is the box that the shares of the zoomed part are of. */
const at = {tree: null, event: 0, measure: 0, side: 0, by: "command", view: "down", fn: -1, zoom: 0, focus: 0, hover: -1, x: 0, w: 1,
	icicle: true, colour: "kind", dark: false};
const ROW = 18, FOUND = "#f06bff", INK = "#111", ANIMATION_MS = 140;
const LIGHT = ["#f2b35c", "#ee8f78", "#f6d98b", "#9ccf7c", "#c9c9c9", "#c3b1e1", "#9fc5e8", "#dedede"];
const DARK = ["#cf9a4a", "#d27b64", "#cbb067", "#7faf62", "#9c9c9c", "#a796ca", "#7ea8cf", "#8f8f8f"];
let draws = 0, firstDrawn = 0, drawn = {x: 0, w: 1}, move = null, asked = false, digitWidth = 7;
const column = () => at.measure + 2 * at.side;

function hash(s) {
	let h = 2166136261;
	for (let i = 0; i < s.length; i++)
		h = Math.imul(h ^ s.charCodeAt(i), 16777619);
	return h >>> 0;
}
/* Neighbours of one kind differ a little. */
const shades = [LIGHT, DARK].map(palette => palette.map(c => [0.93, 1, 1.06].map(f =>
	"rgb(" + [1, 3, 5].map(i => Math.min(255, Math.round(parseInt(c.slice(i, i + 2), 16) * f))).join() + ")")));
const hues = [];
const hueOf = s => hues[s] === undefined ? hues[s] = hash(S[s]) % 360 : hues[s];
const moduleColour = s => S[s] ? `hsl(${hueOf(s)} ${at.dark ? "45% 62%" : "65% 76%"})` : at.dark ? "#999" : "#ccc";
const selfColour = share => `hsl(18 ${20 + 70 * Math.sqrt(share)}% ${(at.dark ? 68 : 88) - (at.dark ? 12 : 28) * Math.sqrt(share)}%)`;
const deltaColour = d => `hsl(${d > 0 ? 8 : 215} 80% ${(at.dark ? 72 : 88) - (at.dark ? 14 : 28) * Math.min(1, Math.abs(d))}%)`;

/* The change of box i between the files, as shares of each: {now, base, change -1..1, noise}. Noise: within two standard deviations of two
 * draws of so many samples. */
function delta(t, i) {
	const T = t.total, now = T[at.measure][i] / (WHOLE[at.measure] || 1), was = T[2 + at.measure][i] / (WHOLE[2 + at.measure] || 1);
	const N = WHOLE[0], M = WHOLE[2], p = (T[0][i] + T[2][i]) / (N + M || 1), sd = Math.sqrt(p * (1 - p) * (1 / (N || 1) + 1 / (M || 1)));
	return {now, was, change: now + was ? (now - was) / (now + was) : 0, noise: Math.abs(T[0][i] / (N || 1) - T[2][i] / (M || 1)) <= 2 * sd};
}
function colourOf(t, i) {
	const f = t.frame[i], kind = FRAMES.kind[f], fixed = at.colour === "kind" || (kind >= GROUP && at.colour !== "delta") || kind === LEFT_OUT;
	if (fixed)
		return shades[at.dark ? 1 : 0][kind][f % 3];
	if (at.colour === "module")
		return moduleColour(FRAMES.module[f]);
	if (at.colour === "self")
		return selfColour(t.self[column()][i] / (WHOLE[column()] || 1));
	const d = delta(t, i);
	return d.noise ? at.dark ? "#8f8f8f" : "#dedede" : deltaColour(d.change);
}
/* As much of the name as fits: without the arguments, or cut at its end. */
function label(name, room) {
	if (name.length <= room)
		return name;
	const open = name.indexOf("(", 1);
	return name.slice(0, Math.max(1, open > 3 && open < room && !name.startsWith("operator", open - 8) ? open : room - 1)) + "\u2026";
}
const topOf = row => (at.icicle ? row : at.tree.rows - 1 - row) * ROW;
/* Whether box i is in what is zoomed, above it or below, and not a caller while a callee is zoomed, or the other way round. */
function inside(i) {
	const t = at.tree, z = at.zoom;
	return t.x[i] < at.x + at.w && t.x[i] + t.width[i] > at.x && (z === 0 || i === 0 || t.side[i] === t.side[z]);
}
function drawBox(i, x0, x1, y) {
	const t = at.tree, w = x1 - x0;
	ctx.fillStyle = hit(t, i) ? FOUND : at.zoom && (t.row[i] - t.row[at.zoom]) * (t.side[i] || 1) < 0 ? at.dark ? "#8a8a8a" : "#dcdcdc" : colourOf(t, i);
	ctx.fillRect(x0, y, Math.max(0.5, w - (w > 2 ? 0.7 : 0)), ROW - 1);
	if (i === at.focus || i === at.hover) {
		ctx.strokeStyle = i === at.focus ? "#1b5fd0" : INK;
		ctx.lineWidth = i === at.focus ? 2.5 : 1.5;
		ctx.strokeRect(x0 + 1, y + 1, Math.max(1, w - 2.5), ROW - 3);
	}
	if (w > 3 * digitWidth) {
		ctx.fillStyle = INK;
		ctx.fillText(label(S[FRAMES.name[t.frame[i]]], Math.floor((w - 6) / digitWidth)), x0 + 4, y + 13);
	}
}
function drawRow(r, width, y) {
	const t = at.tree, scale = width / drawn.w, end = drawn.x + drawn.w;
	let last = -1;
	for (let k = firstIn(t, r, drawn.x); k < t.rowStart[r + 1] && t.x[t.boxes[k]] < end; k++) {
		const i = t.boxes[k], x0 = Math.max(0, (t.x[i] - drawn.x) * scale), x1 = Math.min(width, (t.x[i] + t.width[i] - drawn.x) * scale);
		if ((at.zoom && i && t.side[i] !== t.side[at.zoom]) || (x1 - last < 0.5 && i !== at.focus))
			continue;
		last = x1;
		drawBox(i, x0, x1, y);
	}
}
function fit() {
	const width = scroll.clientWidth, height = scroll.clientHeight, ratio = window.devicePixelRatio || 1;
	if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		canvas.style.height = height + "px";
	}
	$("space").style.height = Math.max(0, at.tree.rows * ROW - height) + "px";
	ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
	ctx.clearRect(0, 0, width, height);
	ctx.font = "12px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
	digitWidth = ctx.measureText("0000000000").width / 10;
}
function paint() {
	const n = at.tree.rows;
	draws++;
	fit();
	if (!at.tree.width[0]) {
		ctx.fillStyle = at.dark ? "#ddd" : "#444";
		ctx.fillText(SIDES > 1 && WHOLE[at.measure + 2 - 2 * at.side] ? "No samples on this side." : "No samples.", 10, 20);
		return;
	}
	const top = scroll.scrollTop, from = Math.max(0, Math.floor(top / ROW)), to = Math.min(n - 1, Math.floor((top + scroll.clientHeight) / ROW));
	for (let k = from; k <= to; k++)
		drawRow(at.icicle ? k : n - 1 - k, scroll.clientWidth, k * ROW - top);
}
/* The part that is drawn follows the part that is asked for, in a moment. */
function step(now) {
	asked = false;
	if (move) {
		const p = Math.min(1, Math.max(0, (now - move.start) / ANIMATION_MS)), e = p * (2 - p);
		drawn = p < 1 ? {x: move.x + (at.x - move.x) * e, w: move.w + (at.w - move.w) * e} : {x: at.x, w: at.w};
		if (p === 1)
			move = null;
		else
			draw();
	}
	paint();
	firstDrawn = firstDrawn || performance.now();
}
function draw() {
	if (!asked) {
		asked = true;
		requestAnimationFrame(step);
	}
}
function setWindow(x, w, smooth) {
	at.x = x;
	at.w = w || 1;
	move = smooth && !matchMedia("(prefers-reduced-motion: reduce)").matches ? {x: drawn.x, w: drawn.w, start: performance.now()} : null;
	if (!move)
		drawn = {x: at.x, w: at.w};
	draw();
}
function reveal(i) {
	const y = topOf(at.tree.row[i]), h = scroll.clientHeight;
	$("space").style.height = Math.max(0, at.tree.rows * ROW - h) + "px";
	if (y < scroll.scrollTop || y + ROW > scroll.scrollTop + h)
		scroll.scrollTop = Math.max(0, y - h / 2);
}
