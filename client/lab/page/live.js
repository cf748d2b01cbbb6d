// The live page: the stream of frames, what is clicked, the picture. The state is live_state.js's.

import { html, one } from "./dom.js";
import { Orders } from "./live_orders.js";
import { Ring, write } from "./live_ring.js";
import { links, nothing, take } from "./live_state.js";

const given = JSON.parse(document.querySelector("meta[name=given]").content);
const SILENT_MS = 5000;

let state = nothing(), source = null, heard = 0, selected = 0, drawing = false;

const orders = new Orders(given.token, one("ask"), (text, bad) => {
  one("said").replaceChildren(html("p", { class: bad ? "bad" : null }, text));
});
const ring = new Ring(one("stage"), one("links"), one("cards"), act);

// --- the stream ----------------------------------------------------------------------------------

function listen() {
  source = new EventSource("/live/stream");
  heard = performance.now();
  source.onmessage = ({ data }) => {
    heard = performance.now();
    state = take(state, JSON.parse(data));
    if (state.retired) source.close();
    redraw();
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED && !state.retired) {
      problem("The lab does not know this page: it was ended, or started again. Open the address that it printed.");
    }
  };
}

function hush() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) hush();
  else if (source === null) { state = { ...state, retired: false }; listen(); }
});
setInterval(() => {
  if (source !== null && !state.retired && performance.now() - heard > SILENT_MS && source.readyState !== EventSource.CLOSED) {
    problem("Nothing comes from the lab: it is busy, or was ended. The picture below is old.");
  }
}, 1000);

// --- what is clicked -----------------------------------------------------------------------------

function act({ kind, id, role, one: from, other: to }) {
  if (kind === "link") {
    const link = links(state).find((each) => each.one === from && each.other === to);
    orders.give([`${link.there || link.back ? "HEAL" : "CUT"} ${from} ${to}`]);
  } else if (kind === "role") {
    const up = state.replicas.get(id).roles[role].state === "up";
    orders.give([`${up ? "FAIL" : "RESTART"} ${id} ${role}`]);
  } else {
    selected = selected === id ? 0 : id;
  }
  redraw();
}

// --- the picture ---------------------------------------------------------------------------------

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; show(); });
}

function show() {
  problem(state.retired ? "Four other pages show this cluster; this one gave its place away. Load it again to take one." : state.trouble ?? "");
  write(one("health"), health());
  ring.show(state, selected);
  one("happened").replaceChildren(html("h2", {}, "What happened"), html("ol", {}, ...state.happened.slice(-14).reverse().map((each) =>
    html("li", { class: each.urgent ? "urgent" : null }, html("time", {}, new Date(each.at * 1000).toLocaleTimeString()), ` ${each.text}`))));
}

function health() {
  if (!state.replicas.size) return "";
  const leads = state.leader === null ? "nobody leads" : `replica ${state.leader} leads`;
  return `${state.health}: ${leads}, ${state.up} of ${state.replicas.size} up, ${state.needs} needed`;
}

function problem(text) {
  write(one("problem"), text);
  one("problem").hidden = text === "";
}

listen();
new ResizeObserver(redraw).observe(one("stage"));
