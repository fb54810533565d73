"use strict";
/* Trees are flat arrays, parents first; a view is a tree with its rows of boxes, each row in order of x. Only boxes on the screen are drawn,
 * and nothing recurses. Names reach the page as text only (textContent, fillText). */
const KINDS = ["user", "kernel", "inlined", "JIT", "cut", "other", "command"];
const COLOURS = ["#f2b35c", "#e8836b", "#f6d98b", "#9ccf7c", "#c9c9c9", "#c3b1e1", "#9fc5e8"];
const ROW = 18, WORDS = 8, NODES_MAX = 1000000;
/* Control characters and those that turn or hide text are shown as what they are. */
const S = DATA.strings.map(s => s.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
	c => "\\u{" + c.charCodeAt(0).toString(16) + "}"));
const $ = id => document.getElementById(id);
const canvas = $("canvas"), scroll = $("scroll"), ctx = canvas.getContext("2d");
const at = {tree: null, zoom: 0, focus: 0, icicle: true, invert: DATA.invert, fn: -1, colour: "kind", re: null, history: [], sort: "self", down: true, shown: 200};
let draws = 0;

/* ---- trees */
function newTree() {
	return {n: 0, parent: [], fn: [], mod: [], kind: [], self: [], total: [], file: [], line: [], side: [], lost: 0};
}
function push(t, parent, fn, mod, kind, file, line, side) {
	t.parent.push(parent); t.fn.push(fn); t.mod.push(mod); t.kind.push(kind); t.file.push(file); t.line.push(line);
	t.self.push(0); t.total.push(0); t.side.push(side);
	return t.n++;
}
/* What a node has and neither itself nor its children show becomes a child, so that every view adds up. */
function addLeftOut(t) {
	const gap = t.total.map((n, i) => n - t.self[i]), name = S.push("[left out: small boxes]") - 1, nothing = S.push("") - 1, n = t.n;
	for (let i = 1; i < n; i++)
		gap[t.parent[i]] -= t.total[i];
	for (let i = 0; i < n; i++)
		if (gap[i] > 0) {
			const c = push(t, i, name, nothing, 4, nothing, 0, 1);
			t.self[c] = t.total[c] = gap[i];
		}
}
function load() {
	const t = newTree(), v = DATA.nodes;
	for (let i = 0, j = 0; j < v.length; i++, j += WORDS) {
		push(t, i - v[j], v[j + 1], v[j + 2], v[j + 3], v[j + 6], v[j + 7], 1);
		t.self[i] = v[j + 4];
		t.total[i] = v[j + 5];
	}
	if (DATA.folded[0])
		addLeftOut(t);
	return finish(t);
}
/* The child of `parent` that looks like node i of `from`; -1 where the tree is as large as it may be. */
function child(t, index, parent, from, i, side) {
	const key = parent + "," + from.fn[i] + "," + from.mod[i] + "," + from.kind[i] + "," + side;
	let c = index.get(key);
	if (c === undefined) {
		if (t.n >= NODES_MAX)
			return -1;
		c = push(t, parent, from.fn[i], from.mod[i], from.kind[i], from.file[i], from.line[i], side);
		index.set(key, c);
	}
	return c;
}
/* Adds the callers of node i, nearest first. Weight goes to every node passed. */
function addCallers(t, index, root, from, i, weight, side) {
	let c = root;
	for (; i > 0; i = from.parent[i]) {
		c = child(t, index, c, from, i, side);
		if (c < 0) {
			t.lost += weight;
			return;
		}
		t.total[c] += weight;
	}
}
function inverted(from) {
	const t = newTree(), index = new Map();
	push(t, 0, from.fn[0], from.mod[0], from.kind[0], from.file[0], 0, 1);
	t.total[0] = from.total[0];
	/* the largest first, so that a full tree cuts the smallest */
	const leaves = from.self.map((n, i) => i).filter(i => from.self[i] > 0).sort((a, b) => from.self[b] - from.self[a] || a - b);
	for (const i of leaves)
		addCallers(t, index, 0, from, i, from.self[i], 1);
	for (let i = 0; i < t.n; i++) /* in a callers' tree self is that of the leaf functions, the first row */
		t.self[i] = t.parent[i] === 0 && i ? t.total[i] : 0;
	return finish(t);
}
/* One function: its callees below (side 1), its callers above (side -1). Where it recurs, its outermost call counts. */
function sandwich(from, fn, mod) {
	const t = newTree(), index = new Map(), map = new Int32Array(from.n).fill(-1), same = i => from.fn[i] === fn && from.mod[i] === mod;
	for (let i = 0; i < from.n; i++) {
		const up = i ? map[from.parent[i]] : -1;
		if (up >= 0) {
			map[i] = child(t, index, up, from, i, 1);
			if (map[i] < 0) {
				t.lost += from.total[i];
				continue;
			}
		} else if (up !== -2 && same(i)) {
			if (!t.n)
				push(t, 0, fn, mod, from.kind[i], from.file[i], from.line[i], 1);
			map[i] = 0;
			addCallers(t, index, 0, from, from.parent[i], from.total[i], -1);
		}
		if (map[i] >= 0) {
			t.total[map[i]] += from.total[i];
			t.self[map[i]] += from.self[i];
		}
	}
	return t.n ? finish(t) : null;
}
/* Children in order of name, x, and rows. Row 0 is the root, or the farthest caller. */
function finish(t) {
	const count = new Int32Array(t.n + 1), kids = new Int32Array(Math.max(0, t.n - 1)), depth = new Int32Array(t.n);
	let up = 0, down = 0;
	for (let i = 1; i < t.n; i++) {
		count[t.parent[i] + 1]++;
		depth[i] = depth[t.parent[i]] + t.side[i];
		up = Math.min(up, depth[i]);
		down = Math.max(down, depth[i]);
	}
	for (let i = 0; i < t.n; i++)
		count[i + 1] += count[i];
	t.first = count.slice();
	for (let i = 1; i < t.n; i++)
		kids[count[t.parent[i]]++] = i;
	t.kids = kids;
	t.x = new Float64Array(t.n);
	t.row = depth.map(d => d - up);
	t.rows = Array.from({length: down - up + 1}, () => []);
	const compare = (a, b) => S[t.fn[a]] < S[t.fn[b]] ? -1 : S[t.fn[a]] > S[t.fn[b]] ? 1 : a - b;
	for (let i = 0; i < t.n; i++) {
		const list = kids.subarray(t.first[i], t.first[i + 1]);
		let x = [t.x[i], t.x[i]];
		if (list.length > 1)
			list.sort(compare);
		for (const c of list) {
			const s = t.side[c] < 0 ? 0 : 1;
			t.x[c] = x[s];
			x[s] += t.total[c];
		}
		t.rows[t.row[i]].push(i);
	}
	for (const row of t.rows)
		row.sort((a, b) => t.x[a] - t.x[b]);
	return t;
}
const base = load();

/* ---- functions of the whole, each counted once in a stack */
function functions() {
	const byKey = new Map(), list = [], of = new Int32Array(base.n), open = [], stack = [0];
	for (let i = 1; i < base.n; i++) {
		const key = base.fn[i] + "," + base.mod[i];
		let k = byKey.get(key);
		if (base.kind[i] === 6) {
			of[i] = -1;
			continue;
		}
		if (k === undefined) {
			byKey.set(key, k = list.length);
			list.push({fn: base.fn[i], mod: base.mod[i], self: 0, total: 0});
			open.push(0);
		}
		of[i] = k;
		list[k].self += base.self[i];
	}
	of[0] = -1;
	while (stack.length) { /* ~i: leaving i */
		const i = stack.pop(), k = of[i < 0 ? ~i : i];
		if (i < 0) {
			if (k >= 0)
				open[k]--;
			continue;
		}
		if (k >= 0 && open[k]++ === 0)
			list[k].total += base.total[i];
		stack.push(~i);
		for (let j = base.first[i]; j < base.first[i + 1]; j++)
			stack.push(base.kids[j]);
	}
	return list;
}
const FUNCTIONS = functions();

/* ---- search */
let matches = null, hits = [];
function setSearch(text) {
	let re = null, bad = false;
	try {
		re = text ? new RegExp(text, "i") : null;
	} catch (e) {
		bad = true;
	}
	$("search").classList.toggle("bad", bad);
	if (bad) {
		$("found").textContent = "not a regular expression";
		return;
	}
	at.re = re;
	matches = re ? S.map(s => re.test(s)) : null;
	at.shown = 200;
	found();
	fillTable();
	draw();
	saveHash();
}
const hit = (t, i) => matches !== null && i > 0 && matches[t.fn[i]];
/* Samples in the boxes that match, below `top` and itself; a match below a match is not counted again. */
function matched(t, top) {
	const state = new Uint8Array(t.n); /* 1 inside, 2 inside a match */
	let sum = 0;
	for (let i = top; i < t.n; i++) {
		const above = i === top ? 1 : state[t.parent[i]];
		if (!above || (t.side[i] < 0 && t.side[top] > 0))
			continue;
		state[i] = above;
		if (above === 1 && matches[t.fn[i]] && (i > 0 || t !== base)) {
			state[i] = 2;
			sum += t.total[i];
		}
	}
	return sum;
}
const pct = (n, of) => of ? (100 * n / of).toFixed(2) + "%" : "-";
function found() {
	hits = [];
	if (!matches) {
		$("found").textContent = "";
		return;
	}
	const t = at.tree, z = at.zoom, all = matched(base, 0), part = matched(t, z);
	let self = 0;
	for (const f of FUNCTIONS)
		self += matches[f.fn] ? f.self : 0;
	for (const row of t.rows)
		for (const i of row)
			if (hit(t, i))
				hits.push(i);
	$("found").textContent = `${pct(all, base.total[0])} of all, ${pct(part, t.total[z])} of the zoomed part, ${pct(self, base.total[0])} self; ${hits.length} boxes`;
}
function nextHit(step) {
	if (!hits.length)
		return;
	let k = hits.indexOf(at.focus);
	k = k < 0 ? (step > 0 ? 0 : hits.length - 1) : (k + step + hits.length) % hits.length;
	if (!inside(hits[k]))
		zoom(0);
	setFocus(hits[k]);
}

/* ---- drawing */
function hue(s) {
	let h = 2166136261;
	for (let i = 0; i < s.length; i++)
		h = Math.imul(h ^ s.charCodeAt(i), 16777619);
	return (h >>> 0) % 360;
}
function colourOf(t, i) {
	if (at.colour === "module")
		return S[t.mod[i]] ? `hsl(${hue(S[t.mod[i]])} 60% 75%)` : "#ccc";
	if (at.colour === "self") {
		const share = t.total[0] ? Math.sqrt(t.self[i] / t.total[0]) : 0;
		return `hsl(15 ${20 + 70 * share}% ${88 - 33 * share}%)`;
	}
	return COLOURS[t.kind[i]] || COLOURS[5];
}
const topOf = row => (at.icicle ? row : at.tree.rows.length - 1 - row) * ROW;
const windowOf = () => ({x: at.tree.x[at.zoom], w: at.tree.total[at.zoom] || 1});
/* Whether box i shares samples with the window and is not a caller while a callee is zoomed, or the other way round. */
function inside(i) {
	const t = at.tree, z = at.zoom, w = windowOf();
	return t.x[i] < w.x + w.w && t.x[i] + t.total[i] > w.x && (z === 0 || i === 0 || t.side[i] === t.side[z]);
}
/* The first box of a row that ends after x. */
function firstIn(row, x) {
	let low = 0, high = row.length;
	while (low < high) {
		const mid = (low + high) >> 1;
		if (at.tree.x[row[mid]] + at.tree.total[row[mid]] > x)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}
function drawRow(r, width, y) {
	const t = at.tree, row = t.rows[r], w = windowOf(), scale = width / w.w;
	let last = -1;
	for (let k = firstIn(row, w.x); k < row.length && t.x[row[k]] < w.x + w.w; k++) {
		const i = row[k], x0 = Math.max(0, (t.x[i] - w.x) * scale), x1 = Math.min(width, (t.x[i] + t.total[i] - w.x) * scale);
		if (!inside(i) || (x1 - last < 0.5 && i !== at.focus))
			continue;
		last = x1;
		ctx.globalAlpha = t.row[i] < t.row[at.zoom] && at.zoom ? 0.55 : 1;
		ctx.fillStyle = hit(t, i) ? "#e040fb" : colourOf(t, i);
		ctx.fillRect(x0, y, Math.max(0.5, x1 - x0 - (x1 - x0 > 2 ? 0.7 : 0)), ROW - 1);
		if (i === at.focus) {
			ctx.strokeStyle = "#2a6fdb";
			ctx.lineWidth = 2;
			ctx.strokeRect(x0 + 1, y + 1, Math.max(1, x1 - x0 - 2), ROW - 3);
		}
		if (x1 - x0 > 22) {
			const room = Math.floor((x1 - x0 - 6) / 6.7), name = S[t.fn[i]];
			ctx.fillStyle = "#111";
			ctx.globalAlpha = 1;
			ctx.fillText(name.length <= room ? name : name.slice(0, Math.max(1, room - 1)) + "\u2026", x0 + 3, y + 13);
		}
	}
	ctx.globalAlpha = 1;
}
function paint() {
	const width = scroll.clientWidth, height = scroll.clientHeight, ratio = window.devicePixelRatio || 1, n = at.tree.rows.length;
	draws++;
	if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		canvas.style.height = height + "px";
	}
	$("space").style.height = Math.max(0, n * ROW - height) + "px";
	ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
	ctx.clearRect(0, 0, width, height);
	ctx.font = "11px monospace";
	if (!base.total[0]) {
		ctx.fillStyle = "#888";
		ctx.fillText("No samples.", 10, 20);
		return;
	}
	const top = scroll.scrollTop, from = Math.floor(top / ROW), to = Math.min(n - 1, Math.floor((top + height) / ROW));
	for (let k = Math.max(0, from); k <= to; k++)
		drawRow(at.icicle ? k : n - 1 - k, width, k * ROW - top);
}
let asked = false;
function draw() {
	if (!asked) {
		asked = true;
		requestAnimationFrame(() => { asked = false; paint(); });
	}
}
function reveal(i) {
	const y = topOf(at.tree.row[i]), h = scroll.clientHeight;
	$("space").style.height = Math.max(0, at.tree.rows.length * ROW - h) + "px";
	if (y < scroll.scrollTop || y + ROW > scroll.scrollTop + h)
		scroll.scrollTop = Math.max(0, y - h / 2);
}

/* ---- what the user does */
function describe(t, i) {
	const where = S[t.file[i]] ? `${S[t.file[i]]}:${t.line[i]}` : "", of = base.total[0];
	return [S[t.fn[i]], S[t.mod[i]], where, `${KINDS[t.kind[i]] || "other"}; self ${t.self[i]} (${pct(t.self[i], of)}), total ${t.total[i]} (${pct(t.total[i], of)})`]
		.filter(s => s !== "");
}
function setFocus(i) {
	at.focus = i;
	$("status").textContent = describe(at.tree, i).join("  ");
	reveal(i);
	draw();
}
function zoom(i, keep) {
	if (!keep && i !== at.zoom)
		at.history.push({zoom: at.zoom, fn: at.fn, mod: at.mod, invert: at.invert});
	at.zoom = i;
	setFocus(i);
	found();
	saveHash();
}
function show(keep) {
	let t = at.fn >= 0 ? sandwich(base, at.fn, at.mod) : at.invert ? inverted(base) : base;
	if (!t) {
		at.fn = -1;
		t = at.invert ? inverted(base) : base;
	}
	at.tree = t;
	at.zoom = at.focus = 0;
	$("invert").setAttribute("aria-pressed", String(at.invert && at.fn < 0));
	$("flip").textContent = at.icicle ? "Flame" : "Icicle";
	notes();
	setFocus(0);
	found();
	if (!keep)
		saveHash();
}
function remember() {
	at.history.push({zoom: at.zoom, fn: at.fn, mod: at.mod, invert: at.invert});
}
function invert() {
	remember();
	at.invert = !at.invert;
	at.fn = -1;
	show();
}
function openFunction(fn, mod) {
	remember();
	at.fn = fn;
	at.mod = mod;
	show();
}
function back() {
	const h = at.history.pop();
	if (!h)
		return;
	if (h.fn !== at.fn || h.mod !== at.mod || h.invert !== at.invert) {
		at.fn = h.fn;
		at.mod = h.mod;
		at.invert = h.invert;
		show(true);
	}
	zoom(h.zoom, true);
}
function reset() {
	if (at.fn >= 0 || at.invert !== DATA.invert) {
		remember();
		at.fn = -1;
		at.invert = DATA.invert;
		show();
	} else {
		zoom(0);
	}
}
function flip() {
	at.icicle = !at.icicle;
	$("flip").textContent = at.icicle ? "Flame" : "Icicle";
	reveal(at.focus);
	draw();
	saveHash();
}
function stackOf(i) {
	const t = at.tree, names = [];
	for (; i > 0; i = t.parent[i])
		names.push(S[t.fn[i]]);
	if (at.fn >= 0)
		names.push(S[at.fn]);
	return at.invert || at.fn >= 0 ? names : names.reverse();
}
function copy(text) {
	const done = ok => { $("status").textContent = ok ? "copied: " + text : "cannot copy: " + text; };
	const area = document.createElement("textarea");
	area.value = text;
	document.body.append(area);
	area.select();
	done(document.execCommand("copy"));
	area.remove();
	canvas.focus();
}
function move(dr, dx) {
	const t = at.tree, i = at.focus;
	if (dr) {
		const r = t.row[i] + (at.icicle ? dr : -dr);
		if (r < 0 || r >= t.rows.length)
			return;
		if (i && r === t.row[t.parent[i]])
			return setFocus(t.parent[i]);
		let best = -1;
		for (let j = t.first[i]; j < t.first[i + 1]; j++) {
			const c = t.kids[j];
			if (t.row[c] === r && inside(c) && (best < 0 || t.total[c] > t.total[best]))
				best = c;
		}
		if (best >= 0)
			setFocus(best);
		return;
	}
	const row = t.rows[t.row[i]], k = row.indexOf(i) + dx;
	if (k >= 0 && k < row.length && inside(row[k]))
		setFocus(row[k]);
}
function boxAt(e) {
	const b = canvas.getBoundingClientRect(), t = at.tree, w = windowOf(), k = Math.floor((e.clientY - b.top + scroll.scrollTop) / ROW);
	const row = t.rows[at.icicle ? k : t.rows.length - 1 - k], x = w.x + (e.clientX - b.left) / b.width * w.w;
	if (!row)
		return -1;
	const j = firstIn(row, x);
	return j < row.length && t.x[row[j]] <= x && inside(row[j]) ? row[j] : -1;
}
function tip(e) {
	const i = boxAt(e), el = $("tip");
	el.hidden = i < 0;
	if (i < 0)
		return;
	el.textContent = describe(at.tree, i).join("\n");
	el.style.left = Math.max(0, Math.min(e.clientX + 12, innerWidth - el.offsetWidth - 4)) + "px";
	el.style.top = Math.max(0, e.clientY + 18 + el.offsetHeight > innerHeight ? e.clientY - el.offsetHeight - 8 : e.clientY + 18) + "px";
}
function dark(on) {
	document.documentElement.classList.toggle("dark", on);
}

/* ---- the address: the view and the path of names; a path too long for an address is there as its hash */
function fnv(s) {
	let h = 2166136261;
	for (let i = 0; i < s.length; i++)
		h = Math.imul(h ^ s.charCodeAt(i), 16777619);
	return (h >>> 0).toString(16);
}
function pathOf(i) {
	const t = at.tree, names = [];
	for (; i > 0; i = t.parent[i])
		names.push((t.side[i] < 0 ? "^" : "") + encodeURIComponent(S[t.fn[i]]) + "@" + encodeURIComponent(S[t.mod[i]]) + "@" + t.kind[i]);
	return names.reverse().join("/");
}
let ownHash = "";
function saveHash() {
	const p = new URLSearchParams(), path = at.zoom ? pathOf(at.zoom) : "";
	if (path)
		path.length < 2000 ? p.set("path", path) : p.set("pathhash", at.tree.row[at.zoom] + "." + fnv(path));
	if (at.invert !== DATA.invert)
		p.set("invert", at.invert ? "1" : "0");
	if (at.fn >= 0) {
		p.set("function", S[at.fn]);
		p.set("module", S[at.mod]);
	}
	if (!at.icicle)
		p.set("flame", "1");
	if (at.colour !== "kind")
		p.set("colour", at.colour);
	if (at.re)
		p.set("search", at.re.source);
	ownHash = p.toString() ? "#" + p.toString() : "#";
	if (location.hash !== ownHash && (location.hash || ownHash !== "#"))
		history.replaceState(null, "", ownHash);
}
function findPath(path) {
	const t = at.tree;
	let i = 0;
	for (const part of path.split("/")) {
		let c = -1;
		for (let j = t.first[i]; j < t.first[i + 1] && c < 0; j++) {
			const k = t.kids[j];
			if ((t.side[k] < 0 ? "^" : "") + encodeURIComponent(S[t.fn[k]]) + "@" + encodeURIComponent(S[t.mod[k]]) + "@" + t.kind[k] === part)
				c = k;
		}
		if (c < 0)
			return i;
		i = c;
	}
	return i;
}
function findHash(text) {
	const [row, h] = text.split(".");
	for (const i of at.tree.rows[Number(row)] || [])
		if (fnv(pathOf(i)) === h)
			return i;
	return 0;
}
function loadHash() {
	const p = new URLSearchParams(location.hash.slice(1)), colour = p.get("colour");
	at.invert = p.has("invert") ? p.get("invert") === "1" : DATA.invert;
	at.icicle = p.get("flame") !== "1";
	at.colour = colour === "module" || colour === "self" ? colour : "kind";
	$("colour").value = at.colour;
	at.fn = -1;
	if (p.has("function")) {
		const f = FUNCTIONS.find(g => S[g.fn] === p.get("function") && S[g.mod] === (p.get("module") || ""));
		if (f) {
			at.fn = f.fn;
			at.mod = f.mod;
		}
	}
	show(true);
	zoom(p.has("path") ? findPath(p.get("path")) : p.has("pathhash") ? findHash(p.get("pathhash")) : 0, true);
	$("search").value = p.get("search") || "";
	setSearch($("search").value);
	legend();
}

/* ---- the rest of the page */
function notes() {
	const [n, samples] = DATA.folded, said = [];
	if (n)
		said.push(`${n} small boxes (${pct(samples, base.total[0])} of the samples) are left out; [left out] boxes stand for them.`);
	if (at.tree.lost)
		said.push(`This view has more than ${NODES_MAX} boxes; ${pct(at.tree.lost, base.total[0])} of the samples end early in it.`);
	$("folded").textContent = said.join(" ");
	$("folded").hidden = !said.length;
}
function quality() {
	const p = v => v < 0 ? "-" : v.toFixed(1) + "%";
	$("quality").textContent = `${DATA.samples} samples, ${DATA.lost} lost, ${p(DATA.complete)} of stacks complete, ${p(DATA.symbolised)} of frames symbolised` +
		(DATA.incomplete ? "; a recording has no end: it was cut off" : "");
}
function legend() {
	const put = (colour, text) => {
		const s = document.createElement("span"), i = document.createElement("i");
		i.style.background = colour;
		s.append(i, text);
		$("legend").append(s);
	};
	$("legend").textContent = "";
	if (at.colour === "kind")
		KINDS.forEach((k, i) => put(COLOURS[i], k));
	else if (at.colour === "module")
		$("legend").append("one colour a module");
	else
		[0, 0.25, 1].forEach(v => put(`hsl(15 ${20 + 70 * Math.sqrt(v)}% ${88 - 33 * Math.sqrt(v)}%)`, `self ${100 * v}%`));
	put("#e040fb", "found");
}
function fillTable() {
	const key = {name: f => S[f.fn], module: f => S[f.mod], self: f => f.self, total: f => f.total}[at.sort], sign = at.down ? -1 : 1;
	const list = FUNCTIONS.filter(f => !matches || matches[f.fn]), of = base.total[0];
	list.sort((a, b) => key(a) < key(b) ? -sign : key(a) > key(b) ? sign : b.total - a.total || a.fn - b.fn);
	$("rows").textContent = "";
	for (const f of list.slice(0, at.shown)) {
		const tr = $("rows").insertRow(), b = document.createElement("button");
		b.textContent = S[f.fn];
		b.title = "callers and callees";
		b.onclick = () => openFunction(f.fn, f.mod);
		tr.insertCell().append(b);
		tr.insertCell().textContent = S[f.mod];
		for (const v of [f.self, f.total]) {
			const td = tr.insertCell();
			td.className = "n";
			td.textContent = `${v}  ${pct(v, of)}`;
		}
	}
	$("more").hidden = list.length <= at.shown;
	$("more").textContent = `${list.length - at.shown} more`;
	for (const b of document.querySelectorAll("th button"))
		b.parentNode.setAttribute("aria-sort", b.dataset.sort !== at.sort ? "none" : at.down ? "descending" : "ascending");
}
function setColour(name) {
	at.colour = name;
	legend();
	draw();
	saveHash();
}
const current = () => at.tree.kind[at.focus] === 6 ? undefined : openFunction(at.tree.fn[at.focus], at.tree.mod[at.focus]);
const KEYS = [
	["arrows", "move to a caller, callee or neighbour", null], ["Enter", "zoom", () => zoom(at.focus)], ["Backspace", "back", back],
	["0", "reset; Esc too", reset], ["Escape", null, reset], ["/", "search", () => { $("search").focus(); $("search").select(); }],
	["n", "next box found", () => nextHit(1)], ["N", "previous box found", () => nextHit(-1)], ["I", "callers: the tree from the leaves", invert],
	["i", "flame or icicle", flip], ["c", "callers and callees of the function", current],
	["k", "colour by kind, module or self", () => { $("colour").selectedIndex = ($("colour").selectedIndex + 1) % 3; setColour($("colour").value); }],
	["d", "dark or light", () => dark(!document.documentElement.classList.contains("dark"))],
	["y", "copy the name", () => copy(S[at.tree.fn[at.focus]])], ["Y", "copy the stack", () => copy(stackOf(at.focus).join(";"))],
	["?", "this help", () => $("help").showModal()],
	["ArrowUp", null, () => move(-1, 0)], ["ArrowDown", null, () => move(1, 0)], ["ArrowLeft", null, () => move(0, -1)], ["ArrowRight", null, () => move(0, 1)],
];
function key(e) {
	const k = KEYS.find(x => x[0] === e.key && x[2]), tag = e.target.tagName;
	if (e.ctrlKey || e.metaKey || e.altKey || $("help").open)
		return;
	if (tag === "INPUT") {
		if (e.key === "Enter" || e.key === "Escape") {
			e.preventDefault();
			canvas.focus();
			if (e.key === "Enter")
				nextHit(1);
		}
		return;
	}
	if (!k || tag === "SELECT" || (e.key.startsWith("Arrow") && $("list").contains(e.target)) || (tag === "BUTTON" && e.key === "Enter"))
		return;
	e.preventDefault();
	k[2]();
}
function start() {
	for (const [name, text] of KEYS.filter(k => k[1])) {
		const dt = document.createElement("dt"), dd = document.createElement("dd");
		dt.textContent = name;
		dd.textContent = text;
		$("keys").append(dt, dd);
	}
	const click = {back, reset, invert, flip, sandwich: current, helpbutton: () => $("help").showModal(), close: () => $("help").close()};
	for (const id in click)
		$(id).onclick = click[id];
	$("dark").onclick = () => dark(!document.documentElement.classList.contains("dark"));
	$("colour").onchange = () => setColour($("colour").value);
	$("search").oninput = () => setSearch($("search").value);
	$("more").onclick = () => { at.shown += 1000; fillTable(); };
	for (const b of document.querySelectorAll("th button"))
		b.onclick = () => {
			at.down = at.sort === b.dataset.sort ? !at.down : b.dataset.sort === "self" || b.dataset.sort === "total";
			at.sort = b.dataset.sort;
			fillTable();
		};
	canvas.onclick = e => { const i = boxAt(e); if (i >= 0) zoom(i); };
	canvas.onmousemove = tip;
	canvas.onmouseleave = () => { $("tip").hidden = true; };
	scroll.onscroll = draw;
	window.onresize = draw;
	new ResizeObserver(draw).observe(scroll);
	document.onkeydown = key;
	window.onhashchange = () => { if (location.hash !== ownHash) loadHash(); };
	const wish = matchMedia("(prefers-color-scheme: dark)");
	wish.onchange = () => dark(wish.matches);
	dark(wish.matches);
	quality();
	loadHash();
}
start();
