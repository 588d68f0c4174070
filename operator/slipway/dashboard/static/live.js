// Puts in place what has changed, for as long as the page is open. Everything works without it, after a reload.
"use strict";

const connection = document.getElementById("connection");
const source = document.body.dataset.live;

function replace(fragment) {
  const place = document.querySelector(`[data-fragment="${CSS.escape(fragment.name)}"]`);
  if (!place || place.dataset.digest === fragment.digest) return;
  // Whoever reads or is about to press something stays where they are.
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const known = focused && (focused.getAttribute("href") || focused.getAttribute("aria-label"));
  const opened = new Map([...place.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const scrolled = [...place.querySelectorAll(".wide")].map((one) => one.scrollLeft);
  place.innerHTML = fragment.html;
  place.dataset.digest = fragment.digest;
  for (const one of place.querySelectorAll("details[id]")) {
    if (opened.has(one.id)) one.open = opened.get(one.id);
  }
  place.querySelectorAll(".wide").forEach((one, index) => { one.scrollLeft = scrolled[index] || 0; });
  if (known) {
    const again = [...place.querySelectorAll("[href], [aria-label]")].find(
      (one) => one.getAttribute("href") === known || one.getAttribute("aria-label") === known,
    );
    if (again) again.focus({ preventScroll: true });
  }
}

function say(words) {
  if (connection.textContent !== words) connection.textContent = words;
}

if (source) {
  const events = new EventSource(source);
  events.addEventListener("open", () => say("Live."));
  events.addEventListener("message", (event) => replace(JSON.parse(event.data)));
  events.addEventListener("gone", () => {
    events.close();
    say("Not live: this is not there any more.");
  });
  events.addEventListener("error", () => {
    say(events.readyState === EventSource.CLOSED
      ? "Not live: slipway dashboard does not answer to this page any more. Is it still running?"
      : "Not live: the connection is lost, and tried again.");
  });
}
