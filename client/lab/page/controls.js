// Keys, buttons, the menu of runs, files: each does one of the page's acts, and knows nothing else.

import { html, one, svg } from "./dom.js";
import { thinned } from "./marks.js";
import { ALL, LEARNED } from "./player.js";

const GRAINS = ["all steps", "events", "learned"];
/** What the menu offers of the dare: its words, what is asked for. */
const DARES = [["break safety, if you can", { dare: 5 }], ["break safety, with a bug planted", { dare: 5, bug: "quorum-of-two" }]];

const BUTTONS = [
  ["|◀", "to the beginning (Home)", ({ player }) => player.go(0)],
  ["◀◀", "to what was learned before (Page Up)", ({ player }) => player.walk(-1, LEARNED)],
  ["◀", "one step back (←)", ({ player }) => player.walk(-1)],
  ["play", "play or pause (space)", ({ player }) => player.toggle(), "play"],
  ["▶", "one step forward (→)", ({ player }) => player.walk(1)],
  ["▶▶", "to what is learned next (Page Down)", ({ player }) => player.walk(1, LEARNED)],
  ["⚡ fault", "to the next fault (f; F: the one before)", ({ player }) => player.fault(1)],
  ["✖ broke", "to where safety broke (b)", ({ player }) => player.go(player.broke), "broke"],
  ["events", "what counts as a step: all, events, what is learned (g)", (acts) => coarser(acts), "grain"],
  ["−", "slower (-)", ({ player }) => player.faster(-1)],
  ["+", "faster (+)", ({ player }) => player.faster(1)],
];

const KEYS = {
  ArrowRight: ({ player }) => player.walk(1), ArrowLeft: ({ player }) => player.walk(-1),
  "shift ArrowRight": ({ player }) => player.walk(1, ALL), "shift ArrowLeft": ({ player }) => player.walk(-1, ALL),
  PageDown: ({ player }) => player.walk(1, LEARNED), PageUp: ({ player }) => player.walk(-1, LEARNED),
  Home: ({ player }) => player.go(0), End: (acts) => acts.end(),
  " ": ({ player }) => player.toggle(), f: ({ player }) => player.fault(1), "shift F": ({ player }) => player.fault(-1),
  b: ({ player }) => player.broke >= 0 && player.go(player.broke),
  "+": ({ player }) => player.faster(1), "-": ({ player }) => player.faster(-1),
  g: (acts) => coarser(acts), t: () => theme(), w: () => document.body.classList.toggle("unsaid"), "?": () => help(), "shift ?": () => help(),
  s: (acts) => acts.slot(), l: (acts) => acts.leader(), m: (acts) => acts.following(), Escape: (acts) => acts.close(),
  o: () => one("file").click(), "shift S": (acts) => acts.save(),
  x: (acts) => acts.menu && acts.write(),
};

const HELP = [
  ["→ ←", "one step"], ["shift → ←", "the smallest step, of roles within a replica too"],
  ["Page Down, Page Up", "to what is learned next, before: a promise, a leader, a chosen slot, an answer, a fault"], ["Home, End", "first and last step; of a scenario first its question"],
  ["space", "play, pause"], ["+ −", "faster, slower"], ["f, F", "next fault, the one before"],
  ["b", "where safety broke"], ["g", "what counts as a step: all, events, learned"],
  ["m, or click on an arrow", "the messages of this step, one after the other; Esc closes"],
  ["s, or click on a slot", "why a slot has its value; of two-phase commit why a transaction waits"],
  ["l, or click on \"leads\"", "why somebody leads: heartbeats, pre-votes, leases, promises"],
  ["⚡ on a card", "what if this replica failed here: the run forks"], ["S", "save this as a file that plays without the lab"], ["x", "save what makes it as a scenario in words (not of a seed's run)"], ["o", "open such a file, a trace, or a scenario of your own in words"], ["w", "hide the line that says why, until the class has thought; show it again"], ["t", "light or dark"],
];

/** Put all controls in place; `acts` is the page: {player, menu, load, save, open, close, ..}. */
export function controls(acts) {
  one("menu").append(...acts.menu ? [choices(acts)] : [], ...files(acts),
    button("◐", "Light or dark (t)", theme), button("?", "Keys (?)", help));
  one("buttons").append(...BUTTONS.map(([text, title, act, id = null]) =>
    button(text, title, () => acts.player && act(acts), id)));
  one("broke").hidden = true;
  one("scrubber").addEventListener("input", ({ target }) => acts.player?.go(Number(target.value)));
  document.addEventListener("keydown", (event) => pressed(event, acts));
}

const button = (text, title, act, id = null) =>
  html("button", { type: "button", title, "aria-label": title, id, onclick: act }, text);

function pressed(event, acts) {
  if (!acts.player || event.ctrlKey || event.altKey || event.metaKey) return;
  if (document.querySelector("dialog[open]") || event.target.matches("select, textarea")) return;
  const act = KEYS[`${event.shiftKey ? "shift " : ""}${event.key}`] ?? KEYS[event.key];
  if (act === undefined || (event.target.tagName === "BUTTON" && event.key === " ")) return;
  event.preventDefault();
  act(acts);
}

function coarser({ player }) {
  player.grain = (player.grain + 1) % GRAINS.length;
  player.changed();
}

/** Show where the player stands. */
export function standing(player) {
  one("scrubber").max = player.last;
  one("scrubber").value = player.step;
  one("grain").textContent = GRAINS[player.grain];
  one("play").textContent = player.playing ? "pause" : "play";
  one("broke").hidden = player.broke < 0;
  const at = player.run.steps[player.step].at.toFixed(3);
  one("place").textContent = `step ${player.step} of ${player.last} · ${at} s · ${player.speed} steps/s`;
}

/** Where faults strike, above the scrubber, as far as they stand apart there. */
export function marks(player) {
  const shown = thinned(player.faults, player.last, one("track").clientWidth);
  const line = (at) => svg("line", { x1: at, x2: at, y1: 0, y2: 1 });
  one("marks").replaceChildren(svg("svg", {
    viewBox: `0 0 ${Math.max(1, player.last)} 1`, preserveAspectRatio: "none", "aria-hidden": "true",
  }, ...shown.map(line)));
}

// --- runs and files ------------------------------------------------------------------------------

function choices({ menu, pairs, load }) {
  const group = (label, names, value) => html("optgroup", { label }, ...Object.keys(names).map((name) =>
    html("option", { value: JSON.stringify(value(name)), title: names[name] }, name)));
  const groups = Object.entries(menu).flatMap(([protocol, { scenarios, profiles, bugs }]) => [
    group(`${protocol}: scenarios`, scenarios, (scenario) => ({ protocol, scenario })),
    group(`${protocol}: faults`, profiles, (profile) => ({ protocol, seed: 0, profile })),
    group(`${protocol}: planted bugs, safety breaks`, bugs, (bug) => ({ protocol, bug })),
  ]);
  groups.unshift(html("optgroup", { label: "side by side" }, ...Object.values(pairs).map(({ title, about, one, other }) =>
    html("option", { value: JSON.stringify([one, other]), title: about }, title))));
  groups.unshift(html("optgroup", { label: "a dare" }, ...DARES.map(([title, asked]) =>
    html("option", { value: JSON.stringify(asked) }, title))));
  const chosen = ({ target }) => {
    if (target.value) load(...[JSON.parse(target.value)].flat());
    target.value = "";
    target.blur();
  };
  return html("select", { id: "what", "aria-label": "Play another run", onchange: chosen },
    html("option", { value: "" }, "Play another run .."), ...groups.filter(({ children }) => children.length));
}

function files(acts) {
  const opened = ({ target }) => {
    if (target.files[0]) acts.open(target.files[0]);
    target.value = "";
  };
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) acts.open(event.dataTransfer.files[0]);
  });
  return [
    ...acts.menu ? [
      button("save", "Save this as a file that plays without the lab (S)", () => acts.save(), "save"),
      button("text", "Save what makes this run as a scenario in words, to change and to open again (x)", () => acts.write(), "text"),
    ] : [],
    button("open", "Open a saved file, a trace, or a scenario of your own (o)", () => one("file").click()),
    html("input", { type: "file", id: "file", accept: ".html,.jsonl,.txt", hidden: true, onchange: opened }),
  ];
}

// --- looks ---------------------------------------------------------------------------------------

function theme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
}

function help() {
  const rows = HELP.map(([keys, what]) => html("tr", {}, html("th", {}, keys), html("td", {}, what)));
  const close = html("form", { method: "dialog" }, html("button", {}, "close"));
  one("keys").replaceChildren(close, html("h2", {}, "Keys"), html("table", {}, ...rows), ...legend());
  one("keys").showModal();
}

function legend() {
  const names = [
    "v pre-vote", "P prepare, promise", "A accept, accepted", "× refused", "h heartbeat, heard",
    "F request forwarded, its answer", "L log entries", "S snapshot", "C copy for a new disk",
    "V vote, G decision, D done, ? in doubt, ! what is known of it (two-phase commit)",
  ];
  return [
    html("h2", {}, "Marks"),
    html("p", {}, "A square asks, a circle answers. The colour is that of the ballot's owner. "
      + "A dashed line is still under way; a cross is where a message was lost."),
    html("p", {}, names.join(" · ")),
  ];
}
