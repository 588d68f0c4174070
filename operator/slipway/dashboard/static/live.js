// Puts in place what has changed, for as long as the page is open. Everything works without it, after a reload.
"use strict";

const connection = document.getElementById("connection");
const source = document.body.dataset.live;
const SOONEST = 2000;
const LATEST = 30000;
let events = null;
let pause = SOONEST;

const newest = new Map();

// A picture that is there before it is put in place does not flicker.
function loaded(content) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const pictures = [...content.querySelectorAll("picture")].map((one) => {
    const picture = new Image();
    picture.src = (dark && one.querySelector("source")?.getAttribute("srcset")) || one.querySelector("img").getAttribute("src");
    return picture.decode().catch(() => {});
  });
  return Promise.all(pictures);
}

async function replace(fragment) {
  newest.set(fragment.name, fragment);
  const template = document.createElement("template");
  template.innerHTML = fragment.html;
  await loaded(template.content);
  const place = document.querySelector(`[data-fragment="${CSS.escape(fragment.name)}"]`);
  if (!place || newest.get(fragment.name) !== fragment || place.dataset.digest === fragment.digest) return;
  // Whoever reads or is about to press something stays where they are.
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const known = focused && (focused.id || focused.getAttribute("href") || focused.getAttribute("aria-label"));
  const opened = new Map([...place.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const scrolled = [...place.querySelectorAll(".wide")].map((one) => one.scrollLeft);
  place.replaceChildren(template.content);
  place.dataset.digest = fragment.digest;
  for (const one of place.querySelectorAll("details[id]")) {
    if (opened.has(one.id)) one.open = opened.get(one.id);
  }
  place.querySelectorAll(".wide").forEach((one, index) => { one.scrollLeft = scrolled[index] || 0; });
  connected();
  if (known) {
    const again = [...place.querySelectorAll("[id], [href], [aria-label]")].find(
      (one) => one.id === known || one.getAttribute("href") === known || one.getAttribute("aria-label") === known,
    );
    if (again) again.focus({ preventScroll: true });
  }
}

function say(words) {
  if (connection.textContent !== words) connection.textContent = words;
}

// The server answers, and what it shows may be old all the same: it says so at the top of the page.
function connected() {
  if (events?.readyState !== EventSource.OPEN) return;
  say(document.querySelector("[data-old]") ? "Not live: what is shown may be old. The top of the page says why." : "Live.");
}

function follow() {
  events = new EventSource(source);
  events.addEventListener("open", () => {
    pause = SOONEST;
    connected();
  });
  events.addEventListener("message", (event) => replace(JSON.parse(event.data)));
  events.addEventListener("gone", () => {
    events.close();
    say("Not live: this is not there any more.");
  });
  events.addEventListener("error", () => {
    if (events.readyState !== EventSource.CLOSED) {
      say("Not live: the connection is lost, and tried again.");
      return;
    }
    // A browser gives up at the first answer that is no stream, as that of a proxy while the server starts again.
    say("Not live: slipway dashboard does not answer to this page, which tries again. If it is running, load this page anew.");
    setTimeout(follow, pause);
    pause = Math.min(2 * pause, LATEST);
  });
}

if (source) follow();
