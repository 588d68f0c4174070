// Puts in place what has changed, for as long as the page is open. Everything works without it, after a reload.
"use strict";

const connection = document.getElementById("connection");
const source = document.body.dataset.live;
const SOONEST = 2000;
const LATEST = 30000;
const PATIENCE = 8000;
let events = null;
let pause = SOONEST;
let overdue = null;
let away = "";

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

function nameOf(one) {
  return one.id || one.getAttribute("href") || one.getAttribute("aria-label");
}

function allNamed(region, name) {
  return [...region.querySelectorAll("[id], [href], [aria-label]")].filter((one) => nameOf(one) === name);
}

function labelOf(section) {
  return section.getAttribute("aria-labelledby") || section.getAttribute("aria-label");
}

function regionOf(place, label) {
  return (label && [...place.querySelectorAll("section")].find((one) => labelOf(one) === label)) || place;
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
  const section = focused?.closest("section");
  const label = section && place.contains(section) && labelOf(section);
  const known = focused && nameOf(focused);
  const nth = known ? allNamed(regionOf(place, label), known).indexOf(focused) : -1;
  const opened = new Map([...place.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const scrolled = [...place.querySelectorAll(".wide")].map((one) => one.scrollLeft);
  place.replaceChildren(template.content);
  place.dataset.digest = fragment.digest;
  for (const one of place.querySelectorAll("details[id]")) {
    if (opened.has(one.id)) one.open = opened.get(one.id);
  }
  place.querySelectorAll(".wide").forEach((one, index) => { one.scrollLeft = scrolled[index] || 0; });
  connected();
  if (focused) {
    const region = regionOf(place, label);
    const again = allNamed(region, known)[nth];
    // Where it is gone, the keyboard goes on from where it was, and not from the top of the page.
    if (!again) region.tabIndex = -1;
    (again || region).focus({ preventScroll: true });
  }
}

function say(words) {
  if (connection.textContent !== words) connection.textContent = words;
}

// Said only once it lasts: behind a proxy a stream ends every few minutes, and the browser opens the next one.
function sayAway(words) {
  away = words;
  if (overdue === "said") say(away);
  overdue ??= setTimeout(() => {
    overdue = "said";
    say(away);
  }, PATIENCE);
}

function back() {
  clearTimeout(overdue);
  overdue = null;
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
    back();
    connected();
  });
  events.addEventListener("message", (event) => replace(JSON.parse(event.data)));
  events.addEventListener("gone", () => {
    events.close();
    back();
    say("Not live: this is not there any more.");
  });
  events.addEventListener("error", () => {
    if (events.readyState !== EventSource.CLOSED) {
      sayAway("Not live: the connection is lost, and tried again.");
      return;
    }
    // A browser gives up at the first answer that is no stream, as that of a proxy while the server starts again.
    sayAway("Not live: slipway dashboard does not answer to this page, which tries again. If it is running, load this page anew.");
    setTimeout(follow, pause);
    pause = Math.min(2 * pause, LATEST);
  });
}

// A proxy may send whoever has to log in again to another server. A form of this page goes nowhere else, and the browser says so to nobody.
document.addEventListener("securitypolicyviolation", (event) => {
  const unsent = document.getElementById("unsent");
  if (unsent && event.effectiveDirective === "form-action") unsent.hidden = false;
});

if (source) follow();
