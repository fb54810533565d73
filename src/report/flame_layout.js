/* Where boxes are: children in order of name, x in the values of one column, rows by depth. Row 0 is the root, or the farthest caller. */
function rankNames() {
	const order = FRAMES.name.map((_, i) => i), name = i => S[FRAMES.name[i]];
	order.sort((a, b) => name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : a - b);
	order.forEach((f, r) => { FRAMES.rank[f] = FRAMES.kind[f] === LEFT_OUT ? order.length : r; });
}
function linkChildren(t) {
	const n = t.n, at = new Int32Array(n + 1);
	t.kids = new Int32Array(Math.max(0, n - 1));
	for (let i = 1; i < n; i++)
		at[t.parent[i] + 1]++;
	for (let i = 0; i < n; i++)
		at[i + 1] += at[i];
	t.first = at.slice();
	for (let i = 1; i < n; i++)
		t.kids[at[t.parent[i]]++] = i;
	if (FRAMES.rank.length !== FRAMES.name.length)
		rankNames();
	const rank = FRAMES.rank, compare = (a, b) => rank[t.frame[a]] - rank[t.frame[b]] || a - b;
	for (let i = 0; i < n; i++)
		if (t.first[i + 1] - t.first[i] > 1)
			t.kids.subarray(t.first[i], t.first[i + 1]).sort(compare);
}
/* The boxes from left to right, parents first: each row, read in this order, is in order of x. */
function preorder(t) {
	const order = new Int32Array(t.n), stack = new Int32Array(t.n + 1);
	for (let n = 0, top = 1; top;) {
		const i = stack[--top];
		order[n++] = i;
		for (let j = t.first[i + 1] - 1; j >= t.first[i]; j--)
			stack[top++] = t.kids[j];
	}
	return order;
}
function placeRows(t, order) {
	const row = t.row = new Int32Array(t.n);
	let up = 0, down = 0;
	for (let i = 1; i < t.n; i++) {
		row[i] = row[t.parent[i]] + t.side[i];
		up = Math.min(up, row[i]);
		down = Math.max(down, row[i]);
	}
	t.rows = down - up + 1;
	t.rowStart = new Int32Array(t.rows + 1);
	for (let i = 0; i < t.n; i++)
		t.rowStart[(row[i] -= up) + 1]++;
	for (let r = 0; r < t.rows; r++)
		t.rowStart[r + 1] += t.rowStart[r];
	const at = t.rowStart.slice();
	t.boxes = new Int32Array(t.n);
	for (let k = 0; k < order.length; k++)
		t.boxes[at[row[order[k]]]++] = order[k];
}
function place(t, column) {
	if (t.placed === column)
		return t;
	t.placed = column;
	const width = t.width = t.total[column], x = t.x = new Float64Array(t.n);
	if (!t.kids) {
		linkChildren(t);
		t.order = preorder(t);
		placeRows(t, t.order);
	}
	for (let i = 0; i < t.n; i++) {
		let above = x[i], below = x[i];
		for (let j = t.first[i]; j < t.first[i + 1]; j++) {
			const c = t.kids[j];
			if (t.side[c] < 0) {
				x[c] = above;
				above += width[c];
			} else {
				x[c] = below;
				below += width[c];
			}
		}
	}
	return t;
}
/* The first place in a row whose box ends after x. */
function firstIn(t, row, x) {
	let low = t.rowStart[row], high = t.rowStart[row + 1];
	while (low < high) {
		const mid = low + high >> 1;
		if (t.x[t.boxes[mid]] + t.width[t.boxes[mid]] > x)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}
