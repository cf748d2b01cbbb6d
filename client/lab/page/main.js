// Puts the page together: asks for a run, draws where the player stands, keys and buttons.

import { cards, concerned, facts, inspector, log, slotWhy } from "./panels.js";
import { draw } from "./diagram.js";
import { html, one, svg } from "./dom.js";
import { ALL, EVENTS, LEARNED, Player } from "./player.js";
import { Timeline } from "./state.js";
import { read } from "./trace.js";
import { say } from "./words.js";

const given = JSON.parse(document.querySelector("meta[name=given]").content);
const GRAINS = ["all steps", "events", "learned"];

const MARKS = 200, SETTLED_MS = 200;

let player = null, timeline = null, picked = 0, slot = 0, asked = {}, remembering = 0;

const BUTTONS = [
  ["|◀", "to the beginning (Home)", () => player.go(0)],
  ["◀◀", "to what was learned before (Page Up)", () => player.walk(-1, LEARNED)],
  ["◀", "one step back (←)", () => player.walk(-1)],
  ["play", "play or pause (space)", () => player.toggle(), "play"],
  ["▶", "one step forward (→)", () => player.walk(1)],
  ["▶▶", "to what is learned next (Page Down)", () => player.walk(1, LEARNED)],
  ["⚡ fault", "to the next fault (f; F: the one before)", () => player.fault(1)],
  ["✖ broke", "to where safety broke (b)", () => player.go(player.broke), "broke"],
  ["events", "what counts as a step: all, events, what is learned (g)", () => grain((player.grain + 1) % 3), "grain"],
  ["−", "slower (-)", () => player.faster(-1)],
  ["+", "faster (+)", () => player.faster(1)],
];

const KEYS = {
  ArrowRight: () => player.walk(1), ArrowLeft: () => player.walk(-1),
  "shift ArrowRight": () => player.walk(1, ALL), "shift ArrowLeft": () => player.walk(-1, ALL),
  PageDown: () => player.walk(1, LEARNED), PageUp: () => player.walk(-1, LEARNED),
  Home: () => player.go(0), End: () => player.go(player.last),
  " ": () => player.toggle(), f: () => player.fault(1), "shift F": () => player.fault(-1),
  b: () => player.broke >= 0 && player.go(player.broke),
  "+": () => player.faster(1), "-": () => player.faster(-1),
  g: () => grain((player.grain + 1) % 3), t: theme, "?": help, "shift ?": help,
  s: () => pickSlot(slot ? 0 : latest()), m: () => pick(following()), Escape: () => pick(0),
};

const HELP = [
  ["→ ←", "one step"], ["shift → ←", "the smallest step, of roles within a replica too"],
  ["Page Down, Page Up", "to what somebody learned next, before"], ["Home, End", "first and last step"],
  ["space", "play, pause"], ["+ −", "faster, slower"], ["f, F", "next fault, the one before"],
  ["b", "where safety broke"], ["g", "what counts as a step: all, events, learned"],
  ["m, or click on an arrow", "the messages of this step, one after the other; Esc closes"], ["t", "light or dark"],
];

async function load(request, where = {}) {
  problem("");
  document.body.setAttribute("aria-busy", "true");
  one("run").textContent = "making the run ..";
  const [ok, text] = await ask(request);
  document.body.removeAttribute("aria-busy");
  if (ok) begin(request, read(text), where);
  else refused(text);
}

/** Have the lab make a run: whether it did, and the trace, or why not. */
async function ask(request) {
  const headers = { "x-kvrmi-token": given.token };
  try {
    const answer = await fetch("/run", { method: "POST", body: JSON.stringify(request), headers });
    return [answer.ok, await answer.text()];
  } catch {
    return [false, "The lab does not answer: it was ended, or started again. Open the address that it printed."];
  }
}

function refused(text) {
  problem(text);
  one("run").textContent = player === null ? "" : title(player.trace);
}

function begin(request, trace, { step = -1, grain = EVENTS, message = 0, slot: named = 0 }) {
  if (player !== null) player.playing = false;
  const made = new Timeline(trace);
  made.check();
  const { violation } = trace.end ?? {};
  if (trace.problem) problem(`Of this trace, ${trace.problem}.`);
  else if (trace.run.script && violation) problem(`It did not go as the scenario expects: ${violation}`);
  if (trace.steps.length === 0) return;
  asked = request;
  picked = message;
  slot = named;
  player = new Player(trace, show);
  player.grain = Math.min(grain, LEARNED);
  timeline = made;
  one("scrubber").max = player.last;
  one("run").textContent = title(trace);
  one("about").textContent = trace.run.about ?? "";
  one("broke").hidden = player.broke < 0;
  one("marks").replaceChildren(marks());
  player.go(step >= 0 ? step : first());
}

/** Where faults strike, above the scrubber; a sample where there are many. */
function marks() {
  const every = Math.ceil(player.faults.length / MARKS);
  const shown = player.faults.filter((_, index) => index % every === 0);
  const line = (at) => svg("line", { x1: at, x2: at, y1: 0, y2: 1 });
  return svg("svg", {
    viewBox: `0 0 ${Math.max(1, player.last)} 1`, preserveAspectRatio: "none", "aria-hidden": "true",
  }, ...shown.map(line));
}

/** Where a run opens: where safety broke, else the first thing worth seeing. */
function first() {
  if (player.broke >= 0) return player.broke;
  return Math.max(0, player.trace.steps.findIndex((step) => step.weight === LEARNED));
}

function title({ run, replicas }) {
  const name = run.script ? `scenario ${run.script}` : `seed ${run.seed}, ${run.profile}`;
  const planted = run.plant ? `, with the bug ${run.plant}` : "";
  return `${name}${planted}, ${replicas.length} replica${replicas.length === 1 ? "" : "s"}`;
}

function show() {
  const { step, trace } = player;
  const before = step > 0 ? facts(timeline.at(step - 1)) : null;
  const state = timeline.at(step);
  one("cards").replaceChildren(...cards(state, before));
  one("diagram").replaceChildren(draw(player, state, picked, pick, size()));
  one("log").replaceChildren(...log(state, trace.values, pickSlot));
  one("inspector").replaceChildren(...inspected(trace, step));
  words(say(trace, step), trace.steps[step]);
  one("scrubber").value = step;
  one("place").textContent = `step ${step} of ${player.last} · ${state.at.toFixed(3)} s · ${player.speed} steps/s`;
  one("grain").textContent = GRAINS[player.grain];
  one("play").textContent = player.playing ? "pause" : "play";
  clearTimeout(remembering);
  remembering = setTimeout(remember, SETTLED_MS);  // browsers refuse many a second
}

function inspected(trace, step) {
  const go = (to) => player.go(to);
  if (slot) return slotWhy(trace, slot, step, () => pickSlot(0), go);
  return inspector(trace, step, picked, pick, go);
}

function size() {
  const { clientWidth: width, clientHeight: height } = one("diagram");
  return { width, height, gutter: parseFloat(getComputedStyle(one("cards")).paddingLeft) };
}

function words({ sentence, why, where }, step) {
  const broke = step.records.some((record) => record.who === "verdict");
  one("words").className = broke ? "broke" : "";
  one("sentence").textContent = sentence;
  one("why").replaceChildren(why, where ? html("cite", {}, ` ${where}`) : "");
}

function pickSlot(number) {
  slot = number;
  player.pause();
  show();
}

function pick(id) {
  picked = id;
  slot = 0;
  player.pause();
  show();
}

/** The message of this step after the one that is picked. */
function following() {
  const ids = concerned(player.trace.steps[player.step]);
  return ids[(ids.indexOf(picked) + 1) % ids.length] ?? 0;
}

/** The slot that this step is about, or else the last one of the log. */
function latest() {
  const { records } = player.trace.steps[player.step];
  const named = records.map((record) => record.event?.slot ?? 0).find(Boolean);
  return named ?? Math.max(0, ...timeline.at(player.step).slots.keys());
}

function grain(to) {
  player.grain = to;
  show();
}

// --- the address ---------------------------------------------------------------------------------

function remember() {
  const where = { step: player.step, grain: player.grain, ...(picked ? { message: picked } : {}), ...(slot ? { slot } : {}) };
  history.replaceState(null, "", `#${new URLSearchParams({ ...asked, ...where })}`);
}

/** The run and the place that the address names, or else the run that the lab was started with. */
function remembered() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const number = (name, usual) => /^\d+$/.test(parts.get(name) ?? "") ? Number(parts.get(name)) : usual;
  const request = wanted({
    seed: number("seed", null), steps: number("steps", null),
    only: parts.get("only")?.split(",").map(Number).filter(Number.isInteger) ?? null,
    ...Object.fromEntries(["protocol", "profile", "bug", "scenario"].map((name) => [name, parts.get(name)])),
  });
  const where = { step: number("step", -1), grain: number("grain", 1), message: number("message", 0), slot: number("slot", 0) };
  return Object.keys(request).length ? [request, where] : [wanted(given.first), {}];
}

const wanted = (request) =>
  Object.fromEntries(Object.entries(request).filter(([, value]) => (value ?? "") !== ""));

// --- controls ------------------------------------------------------------------------------------

function problem(text) {
  one("problem").textContent = text;
  one("problem").hidden = text === "";
}

function theme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
}

function help() {
  const rows = HELP.map(([keys, what]) => html("tr", {}, html("th", {}, keys), html("td", {}, what)));
  const close = html("form", { method: "dialog" }, html("button", {}, "close"));
  one("keys").replaceChildren(html("h2", {}, "Keys"), html("table", {}, ...rows), ...legend(), close);
  one("keys").showModal();
}

function legend() {
  const names = [
    "v pre-vote", "P prepare, promise", "A accept, accepted", "× refused", "h heartbeat, heard",
    "F request forwarded, its answer", "L log entries", "S snapshot", "C copy for a new disk",
  ];
  return [
    html("h2", {}, "Marks"),
    html("p", {}, "A square asks, a circle answers. The colour is that of the ballot's owner. "
      + "A dashed line is still under way; a cross is where a message was lost."),
    html("p", {}, names.join(" · ")),
  ];
}

function choices() {
  const group = (label, names, value) => html("optgroup", { label }, ...Object.keys(names).map((name) =>
    html("option", { value: JSON.stringify(value(name)), title: names[name] }, name)));
  const groups = Object.entries(given.menu).flatMap(([protocol, { scenarios, profiles, bugs }]) => [
    group(`${protocol}: scenarios`, scenarios, (scenario) => ({ protocol, scenario })),
    group(`${protocol}: faults`, profiles, (profile) => ({ protocol, seed: 0, profile })),
    group(`${protocol}: planted bugs, safety breaks`, bugs, (bug) => ({ protocol, bug })),
  ]);
  one("what").append(html("option", { value: "" }, "Play another run .."), ...groups.filter(({ children }) => children.length));
  one("what").addEventListener("change", ({ target }) => {
    if (target.value) load(JSON.parse(target.value));
    target.value = "";
    target.blur();
  });
}

function controls() {
  one("buttons").append(...BUTTONS.map(([text, title, act, id = null]) =>
    html("button", { type: "button", title, "aria-label": title, id, onclick: () => player && act() }, text)));
  one("scrubber").addEventListener("input", ({ target }) => player?.go(Number(target.value)));
  one("theme").addEventListener("click", theme);
  one("help").addEventListener("click", help);
  document.addEventListener("keydown", (event) => {
    if (player === null || event.ctrlKey || event.altKey || event.metaKey) return;
    if (one("keys").open || event.target.tagName === "SELECT") return;
    const act = KEYS[`${event.shiftKey ? "shift " : ""}${event.key}`] ?? KEYS[event.key];
    if (act === undefined || (event.target.tagName === "BUTTON" && event.key === " ")) return;
    event.preventDefault();
    act();
  });
}

choices();
controls();
new ResizeObserver(() => player && show()).observe(one("diagram"));
load(...remembered());
