/* node flame_test.js CHROMIUM FOLDER SOURCES: the pages of tests/flame_page in FOLDER, driven over --remote-debugging-pipe. TAP. */
"use strict";
const {spawn} = require("child_process"), fs = require("fs"), path = require("path");
const [browser, folder, sources] = process.argv.slice(2);
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
	await js("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))");
}
const quiet = () => events.filter(e => e.method === "Runtime.exceptionThrown" || e.method === "Log.entryAdded" || e.method === "Runtime.consoleAPICalled")
	.map(e => JSON.stringify(e.params).slice(0, 300));
const requests = () => events.filter(e => e.method === "Network.requestWillBeSent").map(e => e.params.request.url).filter(u => !u.startsWith("file://"));
const focus = () => js("S[at.tree.fn[at.focus]]");
const search = text => js(`$("search").value = ${JSON.stringify(text)}; $("search").oninput(); $("found").textContent`);

async function plain() {
	await open("plain");
	is(await js("base.total[0]"), 100, "all samples are there");
	is(await js("draws > 0 && at.tree.rows.length"), 6, "it is drawn, six rows");
	is(await js("window.hacked === undefined && document.scripts.length === 1 && document.images.length === 0"), true, "a hostile name stays text");
	is(await js("document.body.textContent.includes('<img src=x onerror')"), true, "and is shown as it is");
	is(await search("^(work|leaf)$"), "50.00% of all, 50.00% of the zoomed part, 20.00% self; 3 boxes", "a match below a match counts once");
	await js("canvas.focus(), zoom(hits[0])");
	is(await js('$("found").textContent'), "50.00% of all, 100.00% of the zoomed part, 20.00% self; 3 boxes", "the shares under zoom");
	is(await search("inl"), "30.00% of all, 60.00% of the zoomed part, 30.00% self; 1 boxes", "another search under zoom");
	is(await search("("), "not a regular expression", "a bad regular expression is said");
	await search("");
	await js("canvas.focus()");
	await press("0");
	is(await js("at.zoom"), 0, "0 resets the zoom");
	for (const k of ["ArrowDown", "ArrowDown", "ArrowDown"])
		await press(k);
	is(await focus(), "work", "arrows go down to the largest callee");
	await press("ArrowLeft");
	is(await focus(), "sys_read\\u{202e}", "an arrow to the side goes to the neighbour; a character that turns text is shown as its number");
	await press("ArrowRight");
	await press("Enter");
	is(await js("[S[at.tree.fn[at.zoom]], at.tree.total[at.zoom]]"), ["work", 50], "Enter zooms");
	is(await js("decodeURIComponent(location.hash).includes('work')"), true, "the address has the path");
	const hash = await js("location.hash");
	await press("Backspace");
	is(await js("at.zoom"), 0, "Backspace goes back");
	await js(`location.hash = ${JSON.stringify(hash)}; new Promise(r => setTimeout(r, 50))`);
	is(await js("S[at.tree.fn[at.zoom]]"), "work", "an address brings the view back");
	await press("Escape");
	await press("I");
	is(await js("at.tree.rows[1].map(i => [S[at.tree.fn[i]].slice(0, 9), at.tree.total[i]])"),
		[["</script>", 25], ["inl", 30], ["main", 10], ["sys_read\\", 15], ["work", 20]], "I: the leaves with their self samples");
	await press("I");
	await js("setFocus(base.fn.findIndex(f => S[f] === 'work'))");
	await press("c");
	is(await js("at.tree.rows.map(r => r.map(i => S[at.tree.fn[i]] + ' ' + at.tree.total[i]))"),
		[["<i>app 50"], ["main 50"], ["work 50"], ["leaf 30", "work 20"], ["inl 30"]], "c: callers above, callees below, recursion once");
	await press("Escape");
	is(await js("FUNCTIONS.filter(f => S[f.fn] === 'work').map(f => [f.self, f.total])"), [[20, 50]], "the table counts recursion once");
	await js("document.querySelector('th button[data-sort=total]').click()");
	is(await js("$('rows').rows[0].cells[0].textContent + $('rows').rows[0].cells[3].textContent"), "main100  100.00%", "the table sorts by total");
	await press("/");
	is(await js("document.activeElement.id"), "search", "/ goes to the search");
	await send("Input.insertText", {text: "leaf"});
	await press("Enter");
	is(await focus(), "leaf", "Enter in the search goes to the first hit");
	await press("?");
	is(await js("$('help').open"), true, "? opens the help");
	await js("$('help').close(); canvas.focus()");
	const theme = await js("document.documentElement.className");
	await press("d");
	is(await js("document.documentElement.className") !== theme, true, "d changes the theme");
	await press("i");
	is(await js("at.icicle"), false, "i turns it over");
	await press("k");
	is(await js("at.colour"), "module", "k colours by module");
	await search("");
	await js("canvas.focus()");
	await press("0");
	const box = await js("(() => { const b = canvas.getBoundingClientRect(); return [b.left + 5, b.top + topOf(1) - scroll.scrollTop + 5]; })()");
	await send("Input.dispatchMouseEvent", {type: "mouseMoved", x: box[0], y: box[1]});
	is(await js("$('tip').hidden ? '' : $('tip').textContent.split('\\n')[0]"), "<i>app", "the tooltip names the box");
	for (const type of ["mousePressed", "mouseReleased"])
		await send("Input.dispatchMouseEvent", {type, x: box[0], y: box[1], button: "left", clickCount: 1});
	is(await js("at.tree.row[at.zoom]"), 1, "a click zooms");
	is(quiet(), [], "no error and no message");
	is(requests(), [], "no network request");
}
async function deep() {
	await open("deep");
	is(await js("at.tree.rows.length"), 10002, "10,000 frames: all rows");
	is(await js("canvas.height < 4000 && scroll.scrollHeight > 10000 * ROW"), true, "the canvas is as large as the window, the scroll as the tree");
	await js("canvas.focus(), setFocus(base.n - 1), zoom(base.n - 1)");
	is(await js("scroll.scrollTop > 9900 * ROW && location.hash.length < 200"), true, "the deepest frame can be seen and has an address");
	const hash = await js("location.hash");
	await press("0");
	await js(`location.hash = ${JSON.stringify(hash)}; new Promise(r => setTimeout(r, 100))`);
	is(await js("at.zoom === base.n - 1"), true, "and is found from it");
	await press("0");
	await press("I");
	is(await js("[at.tree.rows.length, at.tree.lost]"), [10002, 0], "inverted");
	is(await search("odd"), "100.00% of all, 100.00% of the zoomed part, 0.00% self; 5000 boxes", "search");
	is(quiet(), [], "no error");
}
async function rest() {
	await open("wide");
	is(await js("DATA.folded[0] > 0 && !$('folded').hidden && $('folded').textContent.includes('left out')"), true, "what is left out is said");
	is(await js("base.total[0]"), 180000, "and its samples are not lost");
	await js("canvas.focus()");
	await press("I");
	is(await js("at.tree.rows[1].reduce((n, i) => n + at.tree.total[i], 0)"), 180000, "nor from the inverted view");
	is(quiet(), [], "no error");
	await open("empty");
	is(await js("base.total[0]"), 0, "an empty file opens");
	is(quiet(), [], "no error");
	const size = ["html", "css", "js"].reduce((n, e) => n + fs.statSync(path.join(sources, "flame." + e)).size, 0);
	is(size <= 40960, true, "the page without data is at most 40 KB");
	is(fs.statSync(path.join(folder, "wide.html")).size <= (2 << 20) + 40960, true, "the data is at most 2 MB");
}
async function main() {
	const {targetId} = await send("Target.createTarget", {url: "about:blank"});
	session = (await send("Target.attachToTarget", {targetId, flatten: true})).sessionId;
	for (const domain of ["Page", "Runtime", "Log", "Network"])
		await send(domain + ".enable");
	await plain();
	if (process.env.FLAME_SHOT) {
		await open("plain");
		fs.writeFileSync(process.env.FLAME_SHOT, Buffer.from((await send("Page.captureScreenshot")).data, "base64"));
	}
	await deep();
	await rest();
	console.log("1.." + tests);
}
main().catch(e => { console.log("Bail out! " + e.message); failed++; }).finally(() => {
	clearTimeout(limit);
	chrome.on("exit", () => process.exit(failed ? 1 : 0));
	chrome.kill("SIGKILL");
});
