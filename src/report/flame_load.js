"use strict";
/* Unpacks the page's code and runs it; its hash is in the policy above, as this one's is. */
function fail(why) {
	document.getElementById("quality").textContent = "This page cannot be shown: " + why;
}
window.onerror = why => fail(why);
(async () => {
	const packed = Uint8Array.from(atob(document.getElementById("code").textContent), c => c.charCodeAt(0)), script = document.createElement("script");
	script.textContent = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
	document.body.append(script);
})().catch(fail);
