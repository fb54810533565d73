/* node flame_test.js CHROMIUM FOLDER: the pages of tests/flame_page in FOLDER, driven over --remote-debugging-pipe. TAP. */
"use strict";
const {spawn} = require("child_process"), fs = require("fs"), path = require("path");
const [browser, folder] = process.argv.slice(2);
const chrome = spawn(browser, ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--window-size=1200,800", "--user-data-dir=" + path.join(folder, "profile"),
	"--remote-debugging-pipe", "about:blank"], {stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"]});
let id = 0, tests = 0, failed = 0, pending = "", session;
const waiting = new Map(), events = [];
const limit = setTimeout(() => { console.log("Bail out! no answer from the browser within 90 s"); chrome.kill("SIGKILL"); process.exit(1); }, 90000);

chrome.stdio[4].setEncoding("utf8");
chrome.stdio[4].on("data", data => {
	const parts = (pending + data).split("\0");
	pending = parts.pop();
	for (const m of parts.map(JSON.parse)) {
		if (m.id) {
			waiting.get(m.id)(m);
			waiting.delete(m.id);
		} else {
			events.push(m);
		}
	}
});
function send(method, params = {}) {
	return new Promise((resolve, reject) => {
		waiting.set(++id, m => m.error ? reject(new Error(method + ": " + m.error.message)) : resolve(m.result));
		chrome.stdio[3].write(JSON.stringify({id, method, params, sessionId: session}) + "\0");
	});
}
async function js(expression) {
	const r = await send("Runtime.evaluate", {expression, returnByValue: true, awaitPromise: true});
	if (r.exceptionDetails)
		throw new Error(expression + ": " + JSON.stringify(r.exceptionDetails.exception));
	return r.result.value;
}
const NAMES = {Enter: 13, Backspace: 8, Escape: 27, ArrowDown: 40, ArrowUp: 38, ArrowLeft: 37, ArrowRight: 39};
async function press(key) {
	const text = key === "Enter" ? "\r" : key.length === 1 ? key : undefined;
	await send("Input.dispatchKeyEvent", {type: text ? "keyDown" : "rawKeyDown", key, text, windowsVirtualKeyCode: NAMES[key]});
	await send("Input.dispatchKeyEvent", {type: "keyUp", key});
}
function is(got, want, what) {
	const ok = JSON.stringify(got) === JSON.stringify(want);
	console.log(`${ok ? "ok" : "not ok"} ${++tests} - ${what}`);
	if (!ok) {
		failed++;
		console.log(`# got ${JSON.stringify(got)}\n# want ${JSON.stringify(want)}`);
	}
}
async function open(name) {
	const url = "file://" + path.join(folder, name + ".html");
	events.length = 0;
	await send("Page.navigate", {url: "about:blank"});
	events.length = 0;
	await send("Page.navigate", {url});
	while (!events.some(e => e.method === "Page.loadEventFired"))
		await new Promise(r => setTimeout(r, 20));
	for (let i = 0; i < 500 && !await js("typeof draws !== 'undefined' && draws > 0"); i++)
		await new Promise(r => setTimeout(r, 10));
	await js(NAME);
}
const quiet = () => events.filter(e => e.method === "Runtime.exceptionThrown" || e.method === "Log.entryAdded" || e.method === "Runtime.consoleAPICalled")
	.map(e => JSON.stringify(e.params).slice(0, 300));
const requests = () => events.filter(e => e.method === "Network.requestWillBeSent").map(e => e.params.request.url).filter(u => !/^(file|blob):/.test(u));
const NAME = "const name = (i, t = at.tree) => S[FRAMES.name[t.frame[i]]], row = r => Array.from(at.tree.boxes.subarray(at.tree.rowStart[r], at.tree.rowStart[r + 1]));";
const focus = () => js("name(at.focus)");
const search = text => js(`$("search").value = ${JSON.stringify(text)}; $("search").oninput(); searching.then(() => $("found").textContent)`);
const settled = () => js("new Promise(r => setTimeout(r, 60))");

async function plain() {
	await open("plain");
	is(await js("WHOLE"), [100, 100], "all samples are there, and their weight");
	is(await js("draws > 0 && at.tree.rows"), 6, "it is drawn, six rows");
	is(await js("[window.hacked === undefined, document.images.length, document.querySelectorAll('script').length]"), [true, 0, 4], "a hostile name stays text");
	is(await js("$('rows').textContent.includes('<img src=x onerror')"), true, "and is shown as it is");
	is(await js("$('quality').textContent.startsWith('100 samples')"), true, "the first line says how whole the data is");
	is(await search("^(work|leaf)$"), "50.00% of all, 50.00% of the zoomed part, 20.00% self; 3 boxes", "a match below a match counts once");
	await js("canvas.focus(), zoom(hits[0])");
	is(await js('$("found").textContent'), "50.00% of all, 100.00% of the zoomed part, 20.00% self; 3 boxes", "the shares under zoom");
	is(await search("inl"), "30.00% of all, 60.00% of the zoomed part, 30.00% self; 1 boxes", "another search under zoom");
	is(await search("("), "not a regular expression", "a bad regular expression is said");
	is(await js("$('search').getAttribute('aria-invalid')"), "true", "also to a screen reader");
	await search("");
	await js("canvas.focus()");
	await keys();
	await look();
	is(quiet(), [], "no error and no message");
	is(requests(), [], "no network request");
}
async function keys() {
	await press("0");
	is(await js("at.zoom"), 0, "0 resets the zoom");
	for (const k of ["ArrowDown", "ArrowDown", "ArrowDown"])
		await press(k);
	is(await focus(), "work", "arrows go down to the largest callee");
	await press("ArrowLeft");
	is(await focus(), "sys_read\\u{202e}", "an arrow to the side goes to the neighbour; a character that turns text is shown as its number");
	await press("ArrowRight");
	await press("Enter");
	is(await js("[name(at.zoom), at.tree.width[at.zoom]]"), ["work", 50], "Enter zooms");
	is(await js("Array.from($('crumbs').children, x => x.textContent)"), ["all", "<i>app", "main", "work"], "the way to it is there");
	is(await js("decodeURIComponent(location.hash).includes('work')"), true, "the address has the path");
	const hash = await js("location.hash");
	await press("Backspace");
	await settled();
	is(await js("at.zoom"), 0, "Backspace goes back");
	await js("history.forward()");
	await settled();
	is(await js("name(at.zoom)"), "work", "and the browser's own forward returns");
	await press("0");
	await js(`location.hash = ${JSON.stringify(hash)}`);
	await settled();
	is(await js("name(at.zoom)"), "work", "an address brings the view back");
	await press("Escape");
	await press("I");
	is(await js("row(1).map(i => [name(i).slice(0, 9), at.tree.width[i]])"),
		[["</script>", 25], ["inl", 30], ["main", 10], ["sys_read\\", 15], ["work", 20]], "I: the leaves with their self samples");
	await press("I");
	await js("setFocus(at.tree.frame.findIndex(f => S[FRAMES.name[f]] === 'work'))");
	await press("c");
	is(await js("Array.from({length: at.tree.rows}, (_, r) => row(r).map(i => name(i) + ' ' + at.tree.width[i]))"),
		[["<i>app 50"], ["main 50"], ["work 50"], ["leaf 30", "work 20"], ["inl 30"]], "c: callers above, callees below, recursion once");
	is(await js("stackOf(row(4)[0]).join()"), "inl,leaf,work", "the stack of a callee ends in the function");
	await press("Escape");
	is(await js("at.view"), "down", "Escape leaves it");
	is(await js("FUNCTIONS.filter(f => S[f.name] === 'work').map(f => [f.self[0], f.total[0]])"), [[20, 50]], "the table counts recursion once");
	await press("/");
	is(await js("document.activeElement.id"), "search", "/ goes to the search");
	await send("Input.insertText", {text: "leaf"});
	await press("Enter");
	await js("searching");
	is(await focus(), "leaf", "Enter in the search goes to the first hit");
	await press("?");
	is(await js("$('help').open && KEYS.filter(k => k[1]).every(k => $('keys').textContent.includes(k[1]))"), true, "? lists the keys");
	await js("$('help').close(); canvas.focus()");
	await press("i");
	is(await js("at.icicle"), false, "i turns it over");
	await press("i");
	await press("k");
	is(await js("[at.colour, $('legend').textContent.includes('app')]"), ["module", true], "k colours by module, and the legend names them");
	await press("k");
	await press("k");
	await press("m");
	is(await js("[at.measure, $('measure').selectedOptions[0].text]"), [1, "weight"], "m shows the weight");
	await press("m");
	await press("+");
	is(await js("[at.x, at.w]"), [25, 50], "+ goes nearer");
	await press("<");
	is(await js("at.x < 25 && at.w === 50"), true, "< moves");
	await press("0");
	await press("y");
	is(await js("$('status').textContent"), "copied: all", "y copies the name");
	await press("t");
	is(await js("$('list').hidden"), true, "t hides the table");
	await press("t");
}
/* The colours, the table, the pointer. */
async function look() {
	is(await js(`(() => {
		const lum = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
			.reduce((a, v, i) => a + v * [0.2126, 0.7152, 0.0722][i], 0);
		const rgb = c => { const p = document.createElement("p"); p.style.color = c; document.body.append(p); const v = getComputedStyle(p).color; p.remove(); return v; };
		const ink = lum(rgb(INK)), all = shades.flat(2).concat(FOUND, "#8a8a8a");
		for (at.dark of [true, false])
			all.push(...[0, 0.25, 1].map(selfColour), ...[-1, 1].map(deltaColour), ...S.map((_, i) => moduleColour(i)));
		return Math.min(...all.map(c => (lum(rgb(c)) + 0.05) / (ink + 0.05))) >= 4.5;
	})()`), true, "names on every colour, light and dark, have a contrast of 4.5 or more");
	const theme = await js("document.documentElement.className");
	await press("d");
	is(await js("document.documentElement.className") !== theme, true, "d changes the theme");
	await search("");
	await js("canvas.focus()");
	await press("0");
	const box = await js("(() => { const b = canvas.getBoundingClientRect(); return [b.left + 5, b.top + topOf(1) - scroll.scrollTop + 5]; })()");
	const mouse = (type, x, more) => send("Input.dispatchMouseEvent", {type, x, y: box[1], button: type === "mouseMoved" ? "none" : "left", clickCount: 1, ...more});
	await mouse("mouseMoved", box[0]);
	is(await js("$('tip').hidden ? '' : Array.from($('tip').children, p => p.textContent).slice(0, 2)"), ["<i>app", "total 100 samples (100.00%)"], "the tooltip tells of the box");
	await mouse("mousePressed", box[0]);
	await mouse("mouseReleased", box[0]);
	is(await js("at.tree.row[at.zoom]"), 1, "a click zooms");
	await press("0");
	await send("Input.dispatchMouseEvent", {type: "mouseWheel", x: box[0] + 595, y: box[1], deltaX: 0, deltaY: -200, modifiers: 2});
	is(await js("[at.w < 40, at.zoom]"), [true, 0], "the wheel with Ctrl goes nearer");
	const x = await js("at.x");
	await mouse("mousePressed", box[0] + 300);
	await mouse("mouseMoved", box[0] + 200, {buttons: 1, button: "left"});
	await mouse("mouseReleased", box[0] + 200);
	is(await js("at.x") > x && await js("at.zoom") === 0, true, "dragging moves, and is no click");
	await press("0");
	await grid();
}
async function grid() {
	await js("document.querySelector('th button[data-sort=total]').click()");
	is(await js("$('rows').rows[0].cells[0].textContent + $('rows').rows[0].cells[4].textContent"), "main100", "the table sorts by total");
	is(await js("document.querySelector('th[aria-sort=descending]').textContent"), "Total", "and says so");
	await js("$('rows').rows[0].focus()");
	await press("ArrowDown");
	is(await js("[document.activeElement.sectionRowIndex, document.querySelectorAll('#rows [tabindex=\"0\"]').length]"), [1, 1], "arrows move in it, one row is in the order of Tab");
	await press("Enter");
	is(await js("[at.view, S[FUNCTIONS[at.fn].name]]"), ["fn", "work"], "Enter opens the function");
	await js("canvas.focus()");
	await press("Escape");
	await press("s");
	is(await js("Array.from($('rows').rows, r => r.getAttribute('aria-level') + r.cells[0].textContent.slice(2, 7))"),
		["1all", "2<i>ap", "3main", "4work", "5leaf", "6 inl", "5 work", "4 </sc", "4 sys_"], "s: the boxes, open along the way of the most");
	await js("$('rows').rows[0].focus()");
	await press("ArrowDown");
	await press("ArrowLeft");
	is(await js("[$('rows').rows.length, $('rows').rows[1].getAttribute('aria-expanded'), document.activeElement.sectionRowIndex]"), [2, "false", 1], "left closes a row");
	await press("ArrowRight");
	is(await js("$('rows').rows[1].getAttribute('aria-expanded')"), "true", "right opens it");
	is(await focus(), "<i>app", "and the graph follows");
	await press("s");
	await js("canvas.focus()");
}
async function deep() {
	await open("deep");
	is(await js("at.tree.rows"), 10002, "10,000 frames: all rows");
	is(await js("canvas.height < 4000 && scroll.scrollHeight > 10000 * ROW"), true, "the canvas is as large as the window, the scroll as the tree");
	await js("canvas.focus(), zoom(BASE.n - 1)");
	is(await js("scroll.scrollTop > 9900 * ROW && location.hash.length < 200"), true, "the deepest frame can be seen and has an address");
	is(await js("$('crumbs').children.length"), 8, "the way to it is short");
	const hash = await js("location.hash");
	await press("0");
	await js(`location.hash = ${JSON.stringify(hash)}`);
	await settled();
	is(await js("at.zoom === BASE.n - 1"), true, "and is found from it");
	await press("0");
	await press("I");
	is(await js("[at.tree.rows, at.tree.lost[0]]"), [10002, 0], "inverted");
	is(await search("odd"), "100.00% of all, 100.00% of the zoomed part, 0.00% self; 5000 boxes", "search");
	is(quiet(), [], "no error");
}
/* Two events in two units, two runs on two hosts, three threads; a name of 64 KB and one that is no UTF-8. */
async function several() {
	await open("several");
	is(await js("Array.from($('event').options, o => o.text)"), ["cpu-clock", "page-faults"], "two events are two views");
	is(await js("[WHOLE, Array.from($('measure').options, o => o.text)]"), [[6, 6000000], ["samples", "CPU time"]], "the first alone is shown");
	is(await js("describe(at.tree, 0).slice(1, 4)"), ["total 6 samples (100.00%)", "self 0 samples (0.00%)", "CPU time 6 ms, self 0 ns"], "both in words, with the unit");
	await js("canvas.focus()");
	await press("m");
	is(await js("describe(at.tree, 0)[1] + location.hash"), "total 6 ms (100.00%)#measure=1", "by weight");
	await press("e");
	is(await js("[WHOLE, amount(WHOLE[1], 1), at.tree.n]"), [[2, 30], "30 faults", 3], "the other event");
	await press("e");
	await press("m");
	const groups = by => js(`$("by").value = "${by}"; $("by").onchange(); row(1).map(i => name(i).slice(0, 9) + " " + at.tree.width[i])`);
	is(await js("Array.from($('by').options, o => o.text)"), ["command", "thread", "run", "host", "none"], "groupings");
	is(await groups("command"), ["app 4", "other 2"], "by command");
	is(await groups("thread"), ["app 11 of 2", "app 9 2", "other 12  2"], "by thread");
	is(await groups("host"), ["alpha 4", "beta 2"], "by host");
	is(await groups("run"), [" (1970-01 4", " (1970-01 2"], "by run");
	is(await groups("none"), ["main 6"], "not grouped");
	is(await js("S.some(s => s.includes('\\ufffd')) && S.every(s => s.length <= 5000)"), true, "a name that is no UTF-8, and one of 64 KB, cut");
	is(await js("describe(at.tree, at.tree.n - 1).every(s => s.length < 1000) && builds.size"), 1, "what is said is of a bounded length; build IDs are known");
	is(await search("^(a+)+$"), "takes more than a second: stopped", "a search without end is ended");
	is(await search("zzz"), "0.00% of all, 0.00% of the zoomed part, 0.00% self; 0 boxes", "and the next one works");
	is(quiet(), [], "no error");
	await send("Emulation.setScriptExecutionDisabled", {value: true});
	await send("Page.navigate", {url: "file://" + path.join(folder, "plain.html")});
	await new Promise(r => setTimeout(r, 300));
	await send("Emulation.setScriptExecutionDisabled", {value: false});
	is(await js("document.querySelector('noscript').textContent.includes('off here')"), true, "without JavaScript the page says so");
}
async function diff() {
	await open("diff");
	is(await js("[WHOLE, document.title]"), [[200, 200, 100, 100], "a recording, against before - Aperture"], "two files side by side");
	is(await js("at.colour"), "delta", "coloured by the change");
	const of = name => js(`(() => { const i = at.tree.frame.findIndex(f => S[FRAMES.name[f]] === "${name}"), d = delta(at.tree, i); return [d.now, d.was, d.noise]; })()`);
	is(await of("work"), [0.8, 0.5, false], "shares of each file's own total");
	is(await of("leaf"), [0.3, 0.3, true], "no change is noise");
	is(await of("new"), [0.005, 0, true], "one sample against none is noise too");
	is(await js("describe(at.tree, at.tree.frame.findIndex(f => S[FRAMES.name[f]] === 'work')).includes('now 80.00% (160), base 50.00% (50): +30.00 points')"), true, "the tooltip has both");
	is(await js("/^hsl\\(8 /.test(colourOf(at.tree, at.tree.frame.findIndex(f => S[FRAMES.name[f]] === 'work')))"), true, "more is red");
	await js("document.querySelector('th button[data-sort=change]').click()");
	is(await js("$('rows').rows[0].cells[0].textContent + $('rows').rows[0].cells[6].textContent"), "work+30.00 points", "the table sorts by change");
	await js("$('measure').value = '2'; $('measure').onchange()");
	is(await js("[at.tree.width[0], row(3).map(i => name(i).slice(0, 5) + at.tree.width[i]).filter(s => !s.endsWith('0'))]"), [100, ["</scr25", "sys_r15"]], "widths of the base show what is gone");
	is(quiet(), [], "no error");
}
async function rest() {
	await open("wide");
	is(await js("PAGE.folded[0] > 0 && !$('folded').hidden && $('folded').textContent.includes('left out')"), true, "what is left out is said");
	is(await js("BASE.total[0][0]"), 180000, "and its samples are not lost");
	await js("canvas.focus()");
	await press("I");
	is(await js("row(1).reduce((n, i) => n + at.tree.width[i], 0)"), 180000, "nor from the inverted view");
	is(quiet(), [], "no error");
	await open("empty");
	is(await js("BASE.total[0][0]"), 0, "an empty file opens");
	is(quiet(), [], "no error");
	await open("one");
	is(await js("[WHOLE, row(at.tree.rows - 1).map(i => name(i) + ' ' + at.tree.width[i])]"), [[1, 7], ["main 1"]], "one sample is one stack");
	is(quiet(), [], "no error");
	if (fs.existsSync(path.join(folder, "cli.html"))) {
		await open("cli");
		is(await js("[SIDES, PAGE.base.includes('before') || PAGE.base.startsWith('a base of'), WHOLE[0] > 0 && WHOLE[0] === WHOLE[2]]"), [2, true, true], "report --flame --base: both sides");
		is(await js("Math.max(...Array.from({length: at.tree.n}, (_, i) => Math.abs(delta(at.tree, i).change)))"), 0, "a file against itself has no change");
		is(quiet(), [], "no error");
	}
	const page = fs.readFileSync(path.join(folder, "empty.html"), "utf8"), data = page.slice(page.indexOf('id="data"'), page.indexOf('id="code"'));
	is(Buffer.byteLength(page) - Buffer.byteLength(data) <= 40960, true, "the page without data is at most 40 KB");
	is(/(https?:|src=|href=|@import|@font-face|url\()/.test(page.slice(0, page.indexOf('id="data"'))), false, "it names nothing to fetch");
	is(fs.statSync(path.join(folder, "wide.html")).size <= 2 << 20, true, "a page is at most 2 MB");
}
async function main() {
	const {targetId} = await send("Target.createTarget", {url: "about:blank"});
	session = (await send("Target.attachToTarget", {targetId, flatten: true})).sessionId;
	for (const domain of ["Page", "Runtime", "Log", "Network"])
		await send(domain + ".enable");
	if (process.env.FLAME_PAINT) { /* make bench */
		const times = []; /* CPU of the page's own thread: the clock says more about what else runs */
		await send("Performance.enable", {timeDomain: "threadTicks"});
		const cpu = async () => (await send("Performance.getMetrics")).metrics.find(m => m.name === "TaskDuration").value * 1000;
		for (let i = 0; i < 5; i++) {
			await send("Page.navigate", {url: "about:blank"});
			const before = await cpu();
			await open(process.env.FLAME_PAINT);
			times.push([await js("firstUse"), await js("firstDrawn"), await cpu() - before].map(Math.round));
		}
		const median = k => times.map(t => t[k]).sort((a, b) => a - b)[2];
		console.log(`first use (keys and pointer are answered) after ${median(0)} ms, graph drawn after ${median(1)} ms, ${median(2)} ms of CPU by then, medians of 5; ` +
			`${await js("BASE.n")} boxes; ${await js("$('folded').textContent")}`);
		return;
	}
	await plain();
	if (process.env.FLAME_SHOT) {
		await open("plain");
		fs.writeFileSync(process.env.FLAME_SHOT, Buffer.from((await send("Page.captureScreenshot")).data, "base64"));
	}
	await deep();
	await several();
	await diff();
	await rest();
	console.log("1.." + tests);
}
main().catch(e => { console.log("Bail out! " + e.message); failed++; }).finally(() => {
	clearTimeout(limit);
	chrome.on("exit", () => process.exit(failed ? 1 : 0));
	chrome.kill("SIGKILL");
});
