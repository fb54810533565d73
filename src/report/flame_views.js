/* The trees that can be shown, each made from the boxes of the page: by group from the root, from the leaves, and around one function. */
const GROUPINGS = ["command", "thread", "run", "host", "none"], groupFrames = new Map();

/* What a group is called when boxes are grouped by `by`; null: not grouped. */
function groupName(group, by) {
	const [comm, run, pid, tid] = group, r = PAGE.runs.find(x => x[0] === run);
	if (by === "thread")
		return `${comm} ${tid}` + (tid === pid ? "" : ` of ${pid}`);
	if (by === "run" && r)
		return `${r[1]} (${new Date(r[3]).toISOString().slice(0, 19)}Z)`;
	if (by === "host" && r)
		return r[2];
	return by === "none" ? null : comm;
}
/* Those that tell the boxes apart. */
function groupings() {
	const names = by => new Set(PAGE.groups.map(g => groupName(g, by))).size;
	return GROUPINGS.filter(by => by === "command" || by === "none" || (names(by) > 1 && (by !== "thread" || PAGE.groups.some(g => g[3]))));
}
function groupFrame(text) {
	const name = visible(text || "(no name)");
	if (!groupFrames.has(name))
		groupFrames.set(name, addFrame(GROUP, S.push(name) - 1, 0, 0, 0));
	return groupFrames.get(name);
}
const hasValue = (columns, i) => columns.some(c => c[i] > 0);

function baseTree(event, by) {
	const t = newTree(RAW.n), map = new Int32Array(RAW.n), values = RAW.values.slice(event * COLUMNS, (event + 1) * COLUMNS);
	const tops = PAGE.groups.map(g => groupName(g, by)).map(name => name === null ? -1 : groupFrame(name)), alive = new Uint8Array(RAW.n);
	for (let i = RAW.n - 1; i > 0; i--)
		if (alive[i] || hasValue(values, i))
			alive[i] = alive[RAW.parent[i]] = 1;
	/* boxes of one group differ already: they are looked for only where groups become one */
	const make = new Set(tops).size === tops.length && !tops.includes(-1) ? append : child;
	child(t, 0, groupFrame("all"), 0);
	for (let i = 1; i < RAW.n; i++) {
		const parent = RAW.parent[i], frame = parent || !RAW.frame[i] ? RAW.frame[i] : tops[RAW.frame[i] - 1];
		if (!alive[i])
			continue;
		map[i] = frame < 0 ? 0 : make(t, map[parent], frame, 1);
		addTo(t.self, map[i], values, i);
	}
	return sumUp(t);
}
/* Adds the callers of box i, nearest first; what is added goes to every box passed. */
function addCallers(t, from, i, columns, j, side) {
	let c = 0;
	for (; i > 0; i = from.parent[i]) {
		c = child(t, c, from.frame[i], side);
		if (c < 0)
			return columns.forEach((v, k) => { t.lost[k] += v[j]; });
		addTo(t.total, c, columns, j);
	}
}
function inverted(from, column) {
	const t = newTree(1024), self = from.self[column], leaves = [];
	child(t, 0, from.frame[0], 0);
	addTo(t.total, 0, from.total, 0);
	for (let i = 0; i < from.n; i++)
		if (hasValue(from.self, i))
			leaves.push(i);
	leaves.sort((a, b) => self[b] - self[a] || a - b); /* so that a full tree cuts the smallest */
	for (const i of leaves)
		addCallers(t, from, i, from.self, i, 1);
	for (let i = 1; i < t.n; i++) /* in a callers' tree self is that of the leaf functions, the first row */
		if (t.parent[i] === 0)
			t.self.forEach((v, k) => { v[i] = t.total[k][i]; });
	return t;
}
/* One function: its callees below (side 1), its callers above (side -1). Where it recurs, its outermost call counts. */
function sandwich(from, fn) {
	const t = newTree(1024), map = new Int32Array(from.n).fill(-1);
	for (let i = 1; i < from.n; i++) {
		const up = map[from.parent[i]];
		if (up >= 0) {
			map[i] = child(t, up, from.frame[i], 1);
			if (map[i] < 0) {
				map[i] = -2;
				t.lost.forEach((_, k) => { t.lost[k] += from.total[k][i]; });
			}
		} else if (up === -2) {
			map[i] = -2; /* below a box that found no room */
		} else if (FRAMES.fn[from.frame[i]] === fn) {
			map[i] = t.n ? 0 : child(t, 0, from.frame[i], 0);
			addCallers(t, from, from.parent[i], from.total, i, -1);
		}
		if (map[i] >= 0) {
			addTo(t.total, map[i], from.total, i);
			addTo(t.self, map[i], from.self, i);
		}
	}
	return t.n ? t : null;
}
/* Functions of a tree from the root, each counted once in a stack. `path` is of the functions from the root to where the walk is. */
function countFunctions(t) {
	const sums = () => Array.from({length: COLUMNS}, () => new Float64Array(FUNCTIONS.length)), self = sums(), total = sums();
	const open = new Int32Array(FUNCTIONS.length), path = new Int32Array(t.rows + 1), fnOf = Int32Array.from(FRAMES.fn), order = t.order;
	for (let n = 0, depth = 0; n < order.length; n++) {
		const i = order[n], fn = fnOf[t.frame[i]];
		for (; depth > t.row[i]; depth--)
			if (path[depth - 1] >= 0)
				open[path[depth - 1]]--;
		path[depth++] = fn;
		if (fn < 0)
			continue;
		for (let k = 0; k < COLUMNS; k++) {
			self[k][fn] += t.self[k][i];
			if (!open[fn])
				total[k][fn] += t.total[k][i];
		}
		open[fn]++;
	}
	FUNCTIONS.forEach((f, fn) => {
		f.self = self.map(v => v[fn]);
		f.total = total.map(v => v[fn]);
	});
}
