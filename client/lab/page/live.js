// The live page: the stream of frames, what is clicked, the picture. The state is live_state.js's.

import { html, one, press } from "./dom.js";
import { dots } from "./live_dots.js";
import { beats, DELAY } from "./live_flights.js";
import { Log } from "./live_log.js";
import { Orders } from "./live_orders.js";
import { linkPanel, panel } from "./live_panel.js";
import { Ring, write } from "./live_ring.js";
import { health, hung } from "./live_standing.js";
import { links, nothing, passes, take } from "./live_state.js";
import { strip } from "./live_strip.js";
import { electionPanel, slotPanel } from "./live_why.js";
import { crossed, follow } from "./live_stroke.js";
import { help } from "./live_words.js";

const given = JSON.parse(document.querySelector("meta[name=given]").content);
const SILENT_MS = 5000, SAID_MS = 20000, SLOT_PIXELS = 26, PICTURE_MS = 100, MIXED = 0.1;

let state = nothing(), source = null, heard = 0, ahead = null, chosen = null, lost = "", colours = null, pictured = 0, shownPanel = "", opened = null, choseAt = -Infinity, saidAt = 0;

const said = (text, bad = false) => {
  saidAt = performance.now();
  write(one("last"), text);
  one("last").title = text;
  one("last").className = bad ? "bad" : "";
};
const orders = new Orders(given.token, one("ask"), said);
const give = (lines) => orders.give(lines);
const ring = new Ring(one("stage"), one("links"), one("cards"), act);
const log = new Log(one("log"), explain);

// --- the stream ----------------------------------------------------------------------------------

function listen() {
  source = new EventSource("/live/stream");
  heard = performance.now();
  source.onmessage = ({ data }) => {
    heard = performance.now();
    const frame = JSON.parse(data);
    state = take(state, frame);
    lost = "";
    if (state.retired) source.close();
    if (frame.at) align(frame.at - heard / 1000);
  };
  source.onerror = () => {
    if (source?.readyState === EventSource.CLOSED && !state.retired) {
      lost = "The lab does not know this page: it was ended, or started again. Open the address that it printed.";
    } else lost = "The lab does not answer; the picture below is old. Trying again ..";
  };
}

/** Keep how far the lab's clock is ahead of ours: frames come late, never early, and drift slowly. */
function align(difference) {
  ahead = ahead === null || difference > ahead || difference < ahead - 1 ? difference : ahead + (difference - ahead) * MIXED * 0.1;
}

const now = () => performance.now() / 1000 + (ahead ?? 0);

function hush() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) hush();
  else if (source === null || state.retired) { hush(); state = { ...state, retired: false }; listen(); }
});

// --- what is clicked -----------------------------------------------------------------------------

function act({ kind, id, role, one: from, other: to, more }) {
  const link = kind === "link" && find(from, to);
  if (link && more) chosen = { kind, one: from, other: to };
  else if (link) give([link.there || link.back || link.slow ? `HEAL ${from} ${to}` : `CUT ${from} ${to}`]);
  else if (kind === "role") give([`${state.replicas.get(id).roles[role].state === "up" ? "FAIL" : "RESTART"} ${id} ${role}`]);
  else chosen = chosen?.id === id ? null : { kind, id };
  if (link) chosen = { kind, one: from, other: to };
  aside();
}

/** Ask why a slot has its value, and show it in place of the buttons. */
async function explain(slot) {
  chosen = { kind: "slot", slot, answer: { refused: "Asking the replicas .." } };
  aside();
  const answer = await orders.why(slot, state.leader);
  if (chosen?.slot === slot) chosen = { kind: "slot", slot, answer };
  aside();
}

const close = () => {
  chosen = null;
  aside();
};

const find = (from, to) => links(state).find((each) => each.one === from && each.other === to);

follow(one("stage"), one("stroke").firstElementChild, (points) => {
  const there = (id) => state.replicas.get(id)?.answers;  // a link to one that is down cannot be cut
  const hit = crossed(points, links(state), ring.places).filter(({ one: from, other: to, there: out, back }) => !(out && back) && there(from) && there(to));
  if (hit.length) give(hit.map(({ one: from, other: to }) => `CUT ${from} ${to}`));
  else chosen = null;
});

const KEYS = {
  u: () => give(["UNDO"]), h: () => give(["HEAL"]), t: theme, "?": () => help(one("keys")),
  Escape: close, v: () => explain(Math.max(1, ...[...state.replicas.values()].map(({ applied }) => applied ?? 0))),
};
const ROLES = { p: "proposer", a: "acceptor", r: "learner" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || one("keys").open || one("ask").open) return;
  const id = Number(event.key), replica = state.replicas.get(chosen?.id);
  const button = one("panel").querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (state.replicas.has(id)) {
    chosen = { kind: "replica", id };
    if (one("links").contains(document.activeElement)) document.activeElement.blur();  // its link is not chosen any more
  }
  else if (button) button.click();
  else if (replica?.roles?.[ROLES[event.key]]) act({ kind: "role", id: replica.id, role: ROLES[event.key] });
  else if (KEYS[event.key]) KEYS[event.key]();
  aside();
});

one("undo").addEventListener("click", KEYS.u);
one("theme").addEventListener("click", theme);
one("help").addEventListener("click", KEYS["?"]);
one("clients").addEventListener("change", ({ target }) => {
  choseAt = performance.now();
  orders.work(Number(target.value));
});
one("clients").addEventListener("input", ({ target }) => {
  choseAt = performance.now();
  write(one("many"), target.value === "0" ? "none" : target.value);
});

function theme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  colours = null;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = null; });

// --- the picture ---------------------------------------------------------------------------------

function draw(time) {
  requestAnimationFrame(draw);
  const at = now();
  const ids = [...state.replicas.keys()];
  state = { ...state, flights: beats(state.flights, at, state.leader, ids) };
  colours ??= themed();
  const flying = dots(one("dots"), state, at, ring.places, passes(state), colours);
  if (time - pictured < PICTURE_MS) return;
  pictured = time;
  picture(at, flying);
}

/** Everything but the moving dots, ten times a second. */
function picture(at, flying) {
  const silent = source !== null && !state.retired && performance.now() - heard > SILENT_MS;
  problem(state.retired ? "Four other pages show the cluster now, and this one gave its place away. Load it again to take one back."
    : lost || (silent ? "Nothing has come from the lab for some seconds: it is busy, or was ended. The picture below is old." : state.trouble ?? absent()));
  write(one("health"), health(state));
  ring.show(state, chosen, at - DELAY);
  log.show(state, Math.max(8, Math.min(40, Math.floor((one("log").clientWidth - 70) / SLOT_PIXELS))));
  one("strip").replaceChildren(strip({ ...state, looked: state.at, at }, one("strip").clientWidth));
  clients();
  aside();
  happened();
  write(one("sample"), sample(flying));
  one("sample").title = one("sample").textContent;
  if (performance.now() - saidAt > SAID_MS && one("last").textContent) said("");
}

function aside() {
  const link = chosen?.kind === "link" ? find(chosen.one, chosen.other) : null;
  const replica = state.replicas.get(chosen?.id);
  const shape = JSON.stringify([chosen, link, chosen?.kind === "ballot" && state.explains.length, replica?.state, replica?.answers, replica && hung(replica) > 0, state.leader, [...state.replicas.values()].map(({ answers, cuts }) => [answers, cuts])]);
  if (shape === shownPanel) return;
  shownPanel = shape;
  one("panel").replaceChildren(...panelOf(link));
  one("panel").classList.toggle("opened", chosen !== null);
  if (chosen !== opened) reveal();
}

/** Bring the panel that was just opened into view, or what it hid; on a phone it stands over what is below the picture. */
function reveal() {
  opened = chosen;
  if (chosen?.kind === "replica") one("stage").scrollIntoView({ block: "start" });
  if (chosen) one("panel").scrollIntoView({ block: "nearest" });
  else one("panel").parentElement.scrollTop = 0;
}

function panelOf(link) {
  if (link) return linkPanel(link, give, close);
  if (chosen?.kind === "slot") return slotPanel(chosen.slot, chosen.answer, state.replicas.size, close);
  if (chosen?.kind === "ballot") return electionPanel(state.explains, chosen.ballot, state.needs, close);
  return panel(state, chosen?.id, give, close);
}

/** A line that names a ballot is a button: how that came to lead. */
function line({ at, text, urgent }) {
  const ballot = /leads, ballot (\d+\.\d+)/.exec(text)?.[1];
  const pick = () => { chosen = { kind: "ballot", ballot }; aside(); };
  return html("li", { class: urgent ? "urgent" : null }, html("time", {}, `${new Date(at * 1000).toTimeString().slice(0, 8)} `),
    ballot ? press(text, pick, "How it came to lead") : text);
}

function happened() {
  const lines = state.happened.slice(-14).reverse();
  const shape = lines.map(({ at, text }) => `${at} ${text}`).join("\n");
  if (one("happened").dataset.shape === shape) return;
  one("happened").dataset.shape = shape;
  one("happened").replaceChildren(html("h2", {}, "What happened"), html("ol", {}, ...lines.map(line)));
}

function clients() {
  const { acknowledged = 0, refused = 0, unknown = 0, p99 = null, clients: many = 0, surprises = [] } = state.load;
  const text = !many ? "None: choose some, and see what they get while things fail." :
    `${many} at work: ${acknowledged.toLocaleString("en")} acknowledged, ${refused} refused, ${unknown} unknown`
    + `${p99 === null ? "" : `; p99 of writes ${p99 < 0.01 ? (p99 * 1000).toFixed(1) : Math.round(p99 * 1000)} ms`}${surprises.length ? `; wrong: ${surprises.at(-1)}` : ""}`;
  write(one("came"), text);
  if (performance.now() - choseAt < SILENT_MS) return;
  if (one("clients").value !== String(many)) one("clients").value = many;  // another page may have chosen
  write(one("many"), many ? String(many) : "none");
}

function sample(flying) {
  const rates = new Map();
  for (const { messages_per_second: sent } of state.replicas.values()) {
    for (const [lane, rate] of Object.entries(sent ?? {})) rates.set(lane, (rates.get(lane) ?? 0) + rate);
  }
  const all = [...rates].filter(([, rate]) => rate >= 1).map(([lane, rate]) => `${lane} ${Math.round(rate).toLocaleString("en")}`);
  if (!all.length) return "";
  return `Messages are a slowed sample (${flying} drawn). Requests a second in truth: ${all.join(", ")}.`
    + (state.missed ? ` This page missed ${state.missed} batches.` : "");
}

const absent = () => state.replicas.size && state.health === "nobody answers"
  ? "No replica answers: the cluster was stopped, or cannot be reached. It is looked for again and again." : "";

function problem(text) {
  write(one("problem"), text);
  one("problem").hidden = text === "";
}

function themed() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { owners: [0, 1, 2, 3, 4, 5].map((id) => colour(`--o${id}`)), bad: colour("--bad"), ground: colour("--ground") };
}

listen();
requestAnimationFrame(draw);
