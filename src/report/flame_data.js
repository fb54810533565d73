"use strict";
/* The data: strings, frames and boxes, read once. A tree is flat arrays, parents first, with one self and one total a column: samples and weight
 * of the event that is shown, and the same of the file that is compared with. Names reach the page as text only (textContent, fillText). */
const $ = id => document.getElementById(id);
const PAGE = JSON.parse($("data").textContent);
const KINDS = ["user", "kernel", "inlined", "JIT", "cut", "other", "group", "left out"], GROUP = 6, LEFT_OUT = 7;
const NODES_MAX = 1000000, SIDES = PAGE.base ? 2 : 1, COLUMNS = 2 * SIDES;

/* Control characters and those that turn or hide text are shown as what they are. */
const visible = s => s.replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
	c => "\\u{" + c.charCodeAt(0).toString(16) + "}");
const S = PAGE.strings.map(visible), FRAMES = {name: [], module: [], kind: [], file: [], line: [], fn: [], rank: []}, FUNCTIONS = [];
const known = new Map(), builds = new Map();

/* Numbers as flame_fold.c writes them: digits of base 45, lowest first, each but the last plus 45. */
function reader(text) {
	let at = 0;
	return () => {
		for (let v = 0, m = 1;; m *= 45) {
			const c = text.charCodeAt(at++), d = c - (c < 60 ? 35 : c < 92 ? 36 : 37);
			if (d < 45)
				return v + d * m;
			if (!(d < 90))
				throw new Error("the data is cut off");
			v += (d - 45) * m;
		}
	};
}
/* A function is a name in a module, inlined or not. Groups are none. */
function functionOf(name, module) {
	const key = name + "," + module;
	let k = known.get(key);
	if (k === undefined) {
		known.set(key, k = FUNCTIONS.length);
		FUNCTIONS.push({id: k, name, module});
	}
	return k;
}
function addFrame(kind, name, module, file, line) {
	FRAMES.kind.push(kind);
	FRAMES.name.push(name);
	FRAMES.module.push(module);
	FRAMES.file.push(file);
	FRAMES.line.push(line);
	FRAMES.fn.push(kind < GROUP ? functionOf(name, module) : -1);
	return FRAMES.kind.length - 1;
}
function readFrames() {
	const next = reader(PAGE.frames), end = PAGE.counts[0];
	addFrame(LEFT_OUT, S.push("[left out: small boxes]") - 1, 0, 0, 0);
	for (let i = 0; i < end; i++)
		addFrame(next(), next(), next(), next(), next());
	for (const [s, id] of PAGE.builds)
		builds.set(s, builds.has(s) ? builds.get(s) + ", " + id : id);
}
/* All boxes of all events: a child of the root has the number of its group + 1, 0 stands for what is left out everywhere. */
function readBoxes() {
	const next = reader(PAGE.nodes), n = PAGE.counts[1] + 1, events = PAGE.events.length;
	const raw = {n, parent: new Int32Array(n), frame: new Int32Array(n), values: Array.from({length: events * COLUMNS}, () => new Float64Array(n))};
	for (let i = 1; i < n; i++) {
		const code = next();
		let parent = i - 1;
		for (let up = code >> 1; up; up--)
			parent = raw.parent[parent];
		raw.parent[i] = parent;
		raw.frame[i] = next();
		for (let e = 0, k = 0; code & 1 && e < events; e++)
			for (let side = 0; side < SIDES; side++, k += 2) {
				raw.values[k][i] = next();
				raw.values[k + 1][i] = PAGE.events[e][3] ? raw.values[k][i] * PAGE.events[e][3] : next();
			}
	}
	return raw;
}

/* ---- trees */
function resize(t, room) {
	const wider = (old, Type) => {
		const v = new Type(room);
		if (old)
			v.set(old);
		return v;
	};
	let cells = 2048;
	while (cells < 2 * room)
		cells *= 2;
	t.parent = wider(t.parent, Int32Array);
	t.frame = wider(t.frame, Int32Array);
	t.side = wider(t.side, Int8Array);
	t.self = Array.from({length: COLUMNS}, (_, k) => wider(t.self && t.self[k], Float64Array));
	t.total = Array.from({length: COLUMNS}, (_, k) => wider(t.total && t.total[k], Float64Array));
	t.room = room;
	t.cells = new Int32Array(cells); /* node + 1; 0: free */
	for (let i = 0; i < t.n; i++)
		t.cells[find(t, t.parent[i], t.frame[i], t.side[i])] = i + 1;
}
function newTree(room) {
	const t = {n: 0, lost: new Float64Array(COLUMNS)};
	resize(t, Math.min(room, NODES_MAX));
	return t;
}
/* The cell of that child, or the free one where it belongs. */
function find(t, parent, frame, side) {
	const mask = t.cells.length - 1;
	let h = Math.imul(parent ^ side << 30, 0x9e3779b1) ^ Math.imul(frame + 1, 0x85ebca6b);
	h = Math.imul(h ^ h >>> 15, 0x2c1b3c6d);
	for (h = (h ^ h >>> 13) & mask;; h = h + 1 & mask) {
		const i = t.cells[h] - 1;
		if (i < 0 || (t.parent[i] === parent && t.frame[i] === frame && t.side[i] === side))
			return h;
	}
}
function append(t, parent, frame, side) {
	t.parent[t.n] = parent;
	t.frame[t.n] = frame;
	t.side[t.n] = side;
	return t.n++;
}
/* The child of `parent` with that frame, made if it is not there; -1 where the tree is as large as it may be. */
function child(t, parent, frame, side) {
	let h = find(t, parent, frame, side);
	if (t.cells[h])
		return t.cells[h] - 1;
	if (t.n === t.room) {
		if (t.n >= NODES_MAX)
			return -1;
		resize(t, Math.min(NODES_MAX, 2 * t.room));
		h = find(t, parent, frame, side);
	}
	t.cells[h] = t.n + 1;
	return append(t, parent, frame, side);
}
/* Adds one box's values to another's: `from` and `to` are both self or total columns. */
function addTo(to, i, from, j) {
	for (let k = 0; k < COLUMNS; k++)
		to[k][i] += from[k][j];
}
function sumUp(t) {
	for (let k = 0; k < COLUMNS; k++) {
		const total = t.total[k];
		total.set(t.self[k]);
		for (let i = t.n - 1; i > 0; i--)
			total[t.parent[i]] += total[i];
	}
	return t;
}
readFrames();
const RAW = readBoxes();
