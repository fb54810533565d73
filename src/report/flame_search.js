/* The names are searched in a worker, so that an expression that never ends costs a second and not the page. */
const SEARCH_MS = 1000, WORKER = "let names; onmessage = e => { if (e.data.names) { names = e.data.names; return; }" +
	" const re = new RegExp(e.data.text, 'i'); postMessage({id: e.data.id, found: Uint8Array.from(names, s => re.test(s) ? 1 : 0)}); };";
let matches = null, hits = [], searched = "", searchId = 0, worker = null, workerNames = 0, timer = 0, busy = false, searching = Promise.resolve();

function stopWorker() {
	worker.terminate();
	worker = null;
}
function askWorker(text) {
	return new Promise(resolve => {
		const id = ++searchId;
		if (busy)
			stopWorker();
		if (!worker) {
			const url = URL.createObjectURL(new Blob([WORKER], {type: "text/javascript"}));
			worker = new Worker(url);
			URL.revokeObjectURL(url);
			workerNames = 0;
		}
		if (workerNames !== S.length)
			worker.postMessage({names: S});
		workerNames = S.length;
		busy = true;
		const end = found => {
			clearTimeout(timer);
			busy = false;
			resolve(found);
		};
		timer = setTimeout(() => {
			stopWorker();
			end("takes more than a second: stopped");
		}, SEARCH_MS);
		worker.onmessage = e => e.data.id === id && end(e.data.found);
		worker.onerror = () => end("cannot be searched for by this browser");
		worker.postMessage({id, text});
	});
}
function said(text, bad) {
	$("search").classList.toggle("bad", bad);
	$("search").setAttribute("aria-invalid", String(bad));
	$("found").textContent = text;
}
async function search(text) {
	let found = null;
	try {
		new RegExp(text, "i");
	} catch (e) {
		return said("not a regular expression", true);
	}
	if (text) {
		clearTimeout(timer);
		const id = searchId + 1;
		found = await askWorker(text);
		if (id !== searchId)
			return; /* another one was asked for since */
		if (typeof found === "string")
			return said(found, true);
	} else {
		searchId++;
		clearTimeout(timer);
	}
	searched = text;
	matches = found;
	said("", false);
	count();
	fillTable();
	draw();
	saveState();
}
const setSearch = text => searching = search(text);
const hit = (t, i) => matches !== null && i > 0 && matches[FRAMES.name[t.frame[i]]] === 1;

/* The values of boxes that match, at `top` and below it; a match below a match is not counted again. */
function matched(t, top, values) {
	const state = new Uint8Array(t.n); /* 1 inside, 2 inside a match */
	let sum = 0;
	for (let i = top; i < t.n; i++) {
		const above = i === top ? 1 : state[t.parent[i]];
		if (!above || (t.side[i] < 0 && t.side[top] >= 0))
			continue;
		state[i] = above;
		if (above === 1 && matches[FRAMES.name[t.frame[i]]] && FRAMES.kind[t.frame[i]] !== LEFT_OUT && (i > 0 || at.view === "fn")) {
			state[i] = 2;
			sum += values[i];
		}
	}
	return sum;
}
function count() {
	hits = [];
	if (!matches)
		return said("", false);
	const t = at.tree, z = at.zoom, k = column(), all = matched(BASE, 0, BASE.total[k]), part = matched(t, z, t.total[k]);
	let self = 0;
	for (const f of FUNCTIONS)
		self += matches[f.name] ? f.self[k] : 0;
	for (const i of t.boxes)
		if (hit(t, i))
			hits.push(i);
	said(`${percent(all, WHOLE[k])} of all, ${percent(part, t.total[k][z])} of the zoomed part, ${percent(self, WHOLE[k])} self; ${hits.length} boxes`, false);
}
function nextHit(step) {
	if (!hits.length)
		return;
	const k = hits.indexOf(at.focus), i = hits[k < 0 ? step > 0 ? 0 : hits.length - 1 : (k + step + hits.length) % hits.length];
	if (!inside(i))
		zoom(0);
	setFocus(i);
}
