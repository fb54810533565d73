/* What is said: numbers with their units, a box in words, the lines above the graph, the legend. */
const NAME_SHOWN = 600, CRUMBS = 7;
const short = s => s.length > NAME_SHOWN ? s.slice(0, NAME_SHOWN) + "\u2026" : s;
const percent = (n, of) => of ? (100 * n / of).toFixed(2) + "%" : "-";
const points = d => (d < 0 ? "\u2212" : "+") + (100 * Math.abs(d)).toFixed(2) + " points";
const unit = () => PAGE.events[at.event] ? PAGE.events[at.event][1] : "";

/* With commas, at most two digits after the point. The browser's own formatter takes 50 ms to wake. */
function grouped(v) {
	const [whole, rest] = String(Math.round(v * 100) / 100).split(".");
	return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest ? "." + rest : "");
}
function scaled(v, steps) {
	const [size, name] = steps.find(x => v >= x[0]) || steps[steps.length - 1];
	return grouped(v / size) + " " + name;
}
/* measure 0: samples, 1: the event's weight. */
function amount(v, measure) {
	if (measure % 2 === 0)
		return grouped(v);
	if (unit() === "ns")
		return scaled(v, [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"], [1, "ns"]]);
	return scaled(v, [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]]).trim() + (unit() ? " " + unit() : "");
}
const weightName = () => unit() === "ns" ? "CPU time" : unit() || "weight";
function difference(t, i) {
	const d = delta(t, i), side = m => `${percent(t.total[m][i], WHOLE[m])} (${amount(t.total[m][i], m)})`;
	return [`now ${side(at.measure)}, base ${side(2 + at.measure)}: ${points(d.now - d.was)}` + (d.noise ? ", within noise" : "")];
}
/* A box in lines of text. */
function describe(t, i) {
	const f = t.frame[i], kind = FRAMES.kind[f], k = column(), z = at.zoom, build = builds.get(FRAMES.module[f]), both = at.side * 2;
	const value = v => `${amount(v[k][i], at.measure)}${at.measure ? "" : " samples"} (${percent(v[k][i], WHOLE[k])}` + (z ? `, ${percent(v[k][i], t.total[k][z])} of the zoomed part)` : ")");
	const lines = [short(S[FRAMES.name[f]]), `total ${value(t.total)}`, `self ${value(t.self)}`];
	if (at.measure === 0 && t.total[both + 1][i])
		lines.push(`${weightName()} ${amount(t.total[both + 1][i], 1)}, self ${amount(t.self[both + 1][i], 1)}`);
	else if (at.measure)
		lines.push(`samples ${amount(t.total[both][i], 0)}, self ${amount(t.self[both][i], 0)}`);
	if (SIDES > 1)
		lines.push(...difference(t, i));
	lines.push(kind < GROUP && S[FRAMES.module[f]] ? `${KINDS[kind]}, ${short(S[FRAMES.module[f]])}` : kind === GROUP ? i ? at.by : "the root" : KINDS[kind]);
	if (S[FRAMES.file[f]])
		lines.push(S[FRAMES.file[f]] + (FRAMES.line[f] ? ":" + FRAMES.line[f] : ""));
	if (build)
		lines.push(`build ID ${build}`);
	return lines;
}
function setFocus(i) {
	at.focus = i;
	$("status").textContent = describe(at.tree, i).join("  \u00b7  ");
	reveal(i);
	draw();
}
function showTip(i, x, y) {
	const el = $("tip");
	el.hidden = i < 0;
	if (i < 0)
		return;
	el.textContent = "";
	for (const line of describe(at.tree, i)) {
		const p = document.createElement("p");
		p.textContent = line;
		el.append(p);
	}
	el.style.left = Math.max(0, Math.min(x + 12, innerWidth - el.offsetWidth - 4)) + "px";
	el.style.top = Math.max(0, y + 18 + el.offsetHeight > innerHeight ? y - el.offsetHeight - 8 : y + 18) + "px";
}
/* The way from the root to what is zoomed; the middle of a long one is left out. */
function crumbs() {
	const path = [], nav = $("crumbs");
	for (let i = at.zoom; i > 0; i = at.tree.parent[i])
		path.unshift(i);
	path.unshift(0);
	nav.textContent = "";
	path.forEach((i, k) => {
		const hidden = path.length > CRUMBS && k >= 2 && k < path.length - CRUMBS + 2;
		if (hidden && k > 2)
			return;
		const el = document.createElement(hidden ? "span" : "button");
		el.textContent = hidden ? `\u2026 ${path.length - CRUMBS} more \u2026` : label(S[FRAMES.name[at.tree.frame[i]]], 40);
		if (!hidden) {
			el.title = short(S[FRAMES.name[at.tree.frame[i]]]);
			el.onclick = () => zoom(i);
		}
		if (k === path.length - 1)
			el.setAttribute("aria-current", "location");
		nav.append(el);
	});
}
/* How whole the data is, and what this page leaves out. */
function header() {
	const title = PAGE.runs.length === 1 ? PAGE.runs[0][1] || "a recording" : `${PAGE.runs.length} recordings`;
	const base = PAGE.base ? `, against ${PAGE.base}` : "";
	document.title = `${visible(title)}${base} - Aperture`;
	$("title").textContent = short(visible(title)) + base;
	$("quality").textContent = visible(PAGE.header[0] || "");
	$("warnings").textContent = "";
	for (const text of PAGE.header.slice(1).concat(PAGE.events[0] && PAGE.events[0][2] ? [`${PAGE.events[0][0]} was sampled: ${PAGE.events[0][2]}`] : [])) {
		const li = document.createElement("li");
		li.textContent = visible(text);
		$("warnings").append(li);
	}
	$("notes").hidden = !$("warnings").children.length;
	$("howmany").textContent = `${$("warnings").children.length} remark` + ($("warnings").children.length > 1 ? "s" : "");
}
function notes() {
	const [n, share] = PAGE.folded, text = [], lost = at.tree.lost[column()];
	if (n)
		text.push(`${grouped(n)} small boxes (${percent(share, 1)} of all) are left out; boxes called [left out] stand for them.`);
	if (lost)
		text.push(`This view would have more than ${grouped(NODES_MAX)} boxes; ${percent(lost, WHOLE[column()])} of all ends early in it.`);
	$("folded").textContent = text.join(" ");
	$("folded").hidden = !text.length;
}
function legend() {
	const put = (colour, text) => {
		const s = document.createElement("span"), i = document.createElement("i");
		i.style.background = colour;
		s.append(i, text);
		$("legend").append(s);
	};
	$("legend").textContent = "";
	if (at.colour === "kind") {
		const there = new Uint8Array(KINDS.length), kind = Uint8Array.from(FRAMES.kind);
		for (let i = 0; i < BASE.n; i++)
			there[kind[BASE.frame[i]]] = 1;
		KINDS.forEach((k, i) => there[i] && put((at.dark ? DARK : LIGHT)[i], i === GROUP ? at.by === "none" ? "all" : at.by : k));
	} else if (at.colour === "module") {
		const k = column(), sums = new Map();
		FUNCTIONS.forEach(f => sums.set(f.module, (sums.get(f.module) || 0) + f.self[k]));
		for (const [s, v] of [...sums].filter(x => x[1]).sort((a, b) => b[1] - a[1]).slice(0, 10))
			put(moduleColour(s), `${short(S[s]).replace(/.*\/(?=.)/, "") || "no module"} ${percent(v, WHOLE[k])} self`);
	} else if (at.colour === "self") {
		[0, 0.05, 0.25, 1].forEach(v => put(selfColour(v), `${100 * v}% self`));
	} else {
		[[0.9, "more than in the base"], [0.3, "a little more"], [-0.3, "a little less"], [-0.9, "less"]].forEach(x => put(deltaColour(x[0]), x[1]));
		put(at.dark ? "#8f8f8f" : "#dedede", "within noise (2 standard deviations)");
	}
	if (matches)
		put(FOUND, "found");
}
