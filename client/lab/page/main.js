// Puts the page together: the runs that are shown, where we stand in them, what is looked at.

import { address, readAddress } from "./address.js";
import { isWritable, written } from "./as_text.js";
import { ask, content, isWords, kept, Refused, traces } from "./asking.js";
import { controls, marks, standing } from "./controls.js";
import { attempt, dare } from "./dare.js";
import { html, one } from "./dom.js";
import { merge, place } from "./merged.js";
import { before, forked, isDeed, lineage, moved, origin, struck } from "./forks.js";
import { concerned, inspector, leading, log, slotWhy } from "./panels.js";
import { EVENTS, LEARNED, Player } from "./player.js";
import { labels, lines, verdict } from "./pulse.js";
import { asked } from "./records.js";
import { download, fileName, saved } from "./saving.js";
import { called, Stage } from "./stage.js";
import { forks, refusal, whatIf } from "./whatif.js";
import { concerns, named } from "./twophase.js";
import { isTwophase } from "./twophase_why.js";
import { brokeAt } from "./verdicts.js";
import { slotOf } from "./why.js";
import { culprit, say } from "./words.js";

const given = JSON.parse(document.querySelector("meta[name=given]").content);
const SETTLED_MS = 200;
const MAKING = "The run is being made, from its beginning to its end. A long one takes some seconds.";

/** What is shown: the runs, and the message or slot that is looked at, of the run `pane`. */
const view = { stages: [], runs: [], player: null, pane: 0, message: 0, slot: 0, leader: 0, replica: 0, asked: 0, isAsked: false, waiting: 0, remembering: 0 };

const acts = {
  menu: given.menu, pairs: given.pairs, load, save, write, close: () => look({}),
  /** Null while a run is awaited: keys and buttons do nothing then. */
  get player() { return view.isAsked ? null : view.player; },
  open: opened,
  move: (words) => fork(0, words),
  plant: (bug) => load({ ...withoutBug(), ...bug ? { bug } : {} }),
  apart: () => load(origin(view.stages[0].trace), withoutBug()),
  slot: () => look(view.slot ? {} : { pane: current().pane, slot: latest() }),
  leader: () => look(view.leader ? {} : { pane: current().pane, leader: 1 }),
  following: () => look({ pane: current().pane, message: following() }),
  end: () => view.player.go(questionAhead() ?? view.player.last),
};

/** The attempt that is shown, with nothing planted. */
function withoutBug() {
  const { bug, ...asked } = origin(view.stages[0].trace);
  return asked;
}

/** Open a file: traces are shown, a scenario is played by the lab. */
async function opened(file) {
  await show(async () => {
    const text = await content(file);
    if (given.menu && isWords(text)) return [await made({ script: text })];
    return traces(text, file.name).map((trace) => ({ asked: null, text: trace }));
  }, {});
}

/** A run, made by the lab. */
const made = async (asked) => ({ asked, text: await ask(asked, given.token) });

/** Have a run made, and another one beside it, and show them. */
function load(asked, beside = null, where = {}) {
  return show(() => Promise.all([asked, ...beside ? [beside] : []].map(made)), where);
}

/** Show the runs that `fetched` gives, {asked, text}; what was shown stays where there are none. The last one asked for counts. */
async function show(fetched, where) {
  const asked = awaited();
  try {
    const runs = await fetched();
    if (asked === view.asked) begin(runs.map(({ asked, text }) => new Stage(asked, text)), where);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (asked === view.asked) problem(error.message);
  } finally {
    if (asked === view.asked) ended();
  }
}

/** A run is asked for: its number. Until it is there nothing moves, and if it takes long the page says so. */
function awaited() {
  view.player?.pause();
  busy(true);
  clearTimeout(view.remembering);  // the address may have the run that is asked for
  clearTimeout(view.waiting);
  view.waiting = setTimeout(() => words({ sentence: MAKING, why: "", where: "" }, { records: [] }), SETTLED_MS);
  return ++view.asked;
}

function ended() {
  busy(false);
  clearTimeout(view.waiting);
  if (view.player) draw();
  else words({ sentence: "", why: "", where: "" }, { records: [] });
}

function busy(isAsked) {
  view.isAsked = isAsked;
  document.body.setAttribute("aria-busy", String(isAsked));
  for (const part of document.querySelectorAll("main, #buttons, #save, #text")) part.inert = isAsked;
}

function begin(stages, where) {
  problem(stages.map(({ trace }) => wrong(trace)).filter(Boolean).join(" "));
  if (stages.some(({ trace }) => trace.steps.length === 0)) return;
  view.player?.pause();
  view.stages = stages;
  view.player = new Player(merge(stages.map(({ trace }) => trace)), draw);
  one("run").textContent = stages.map(({ heading }) => heading.textContent).join(" · ");
  one("stages").replaceChildren(...stages.map(({ root }) => root));
  one("about").textContent = about(stages);
  if (stages.length > 1) labels(stages.map(({ trace }) => trace.run)).forEach((label, pane) => { stages[pane].label = label; });
  one("lead").hidden = stages.length < 2;
  if (given.menu) one("text").hidden = stages.length > 1 || !isWritable(stages[0].trace);
  if (given.menu) attempt(Number.isInteger(stages[0].trace.run.dare) ? stages[0].trace : null, given.dare);
  kin(stages);
  document.body.classList.toggle("beside", stages.length > 1);
  marks(view.player);
  stand(where);
}

/** Stand at a place of what is shown, as an address has it. */
function stand({ step = -1, grain = EVENTS, pane = 0, message = 0, slot = 0, leader = 0 }) {
  const { stages, player } = view;
  Object.assign(view, { pane: Math.min(pane, stages.length - 1), message, slot, leader, replica: 0 });
  player.pause();
  player.grain = Math.min(grain, LEARNED);
  player.go(step >= 0 ? step : first(player, stages[0].trace));
}

function about([{ asked, trace }, beside = null]) {
  const same = ({ one, other }) => isSame(asked, one) && isSame(beside.asked, other);
  const pair = beside && Object.values(given.pairs ?? {}).find(same);
  return pair ? pair.about : trace.run.about ?? "";
}

const isSame = (one, other) => address(one, null, {}) === address(other, null, {});

/** What is wrong with a trace, in a sentence. */
function wrong(trace) {
  if (trace.problem) return `Of this trace, ${trace.problem}.`;
  const violation = trace.run.script && !trace.run.acts && trace.end.violation;
  return violation && brokeAt(trace) < 0 ? `It did not go as the scenario expects: ${violation}` : "";
}

/** Where a run opens: where safety broke, else what was done to it, else the first thing worth seeing. */
function first({ broke, last, run: { steps } }, { run }) {
  if (Number.isInteger(run.dare)) return broke >= 0 ? broke : last;
  const byHand = steps.findIndex(({ records }) => records.some(isDeed));
  const found = [broke, byHand, steps.findIndex((step) => step.weight === LEARNED)].find((step) => step >= 0);
  return found ?? 0;
}

/** Draw what depends on how much room there is. */
function fit() {
  marks(view.player);
  draw();
}

// --- drawing -------------------------------------------------------------------------------------

function draw() {
  const { player, stages } = view;
  const now = player.run.steps[player.step];
  const states = stages.map((stage, pane) => stage.show(now.stands[pane], now.at, player.grain,
    picked(stage, pane, now.stands[pane]), {
      pick: (message) => look({ pane, message }), leader: () => look({ pane, leader: 1 }),
      replica: given.menu ? (replica) => look({ pane, replica }) : null,
    }));
  if (stages.length > 1) compare(stages, now);
  const shown = isLooking() ? view.pane : now.pane;
  const stage = stages[shown], step = now.stands[shown];
  one("log").replaceChildren(...log(states[shown], stage.trace.values, (slot) => look({ pane: shown, slot })));
  one("inspector").replaceChildren(...stages.length > 1 ? [stage.heading.cloneNode(true)] : [], ...inspected(stage, shown, step, states[shown]));
  document.body.classList.toggle("looking", isLooking());
  const { trace } = stages[now.pane];
  words(say(trace, now.stands[now.pane]), now, stages.length > 1 ? `${called(trace)}: ` : "");
  standing(player);
  clearTimeout(view.remembering);
  view.remembering = setTimeout(remember, SETTLED_MS);  // browsers refuse many a second
}

/** What runs side by side show up to this step, and which of them the step is of. */
function compare(stages, now) {
  const told = lines(stages, now.at);
  stages.forEach((stage, pane) => {
    stage.line(told[pane]);
    stage.root.classList.toggle("now", pane === now.pane);
    if (pane === now.pane) stage.root.scrollIntoView({ block: "nearest" });  // where they stand below each other
  });
  const shown = verdict(stages, now.at);
  one("lead").replaceChildren(...shown ? [html("strong", {}, `${shown} `)] : [], about(stages));
}

/** The question of a scenario, if it is still ahead. */
function questionAhead() {
  const { player: { run: { steps }, step } } = view;
  const at = steps.findLastIndex(({ records }) => asked(records[0]) === "Question");
  return at > step ? at : null;
}

/** The message that is looked at, or else the one in whose handling safety broke. */
const picked = ({ trace }, pane, step) => pane === view.pane && view.message || culprit(trace, step);

const isLooking = () => Boolean(view.message || view.slot || view.leader || view.replica);

function inspected(stage, pane, step, state) {
  const { trace } = stage;
  const go = (to) => view.player.go(place(view.player.run, pane, to));
  if (view.replica) return whatIf(view.replica, state, stage, step, { act: (deed) => fork(state.at, deed), close: acts.close });
  if (view.leader) return leading(trace, step, acts.close, state);
  if (view.slot) return slotWhy(trace, view.slot, step, acts.close, go, state);
  return inspector(trace, step, picked({ trace }, pane, step), (message) => look({ pane, message }), go,
    !given.menu || refusal(stage, step) || trace.run.dare || view.stages.length > 1 ? null : (message) => fork(before(message), `lose ${message.id}`));
}

function words({ sentence, why, where }, { records }, whose = "") {
  const broke = records.some((record) => record.who === "verdict");
  one("words").className = broke ? "broke" : "";
  one("sentence").textContent = whose + sentence;
  one("why").replaceChildren(why, where ? html("cite", {}, ` ${where}`) : "");
}

function problem(text) {
  one("problem").textContent = text;
  one("problem").hidden = text === "";
}

// --- what is looked at ---------------------------------------------------------------------------

/** Look at a message or a slot of a run, or at neither; that pauses. */
function look({ pane = 0, message = 0, slot = 0, leader = 0, replica = 0 }) {
  Object.assign(view, { pane, message, slot, leader, replica });
  view.player.pause();
  draw();
}

const current = () => {
  const { pane, stands } = view.player.run.steps[view.player.step];
  return { pane, stage: view.stages[pane], step: stands[pane] };
};

/** The message of this step after the one that is picked. */
function following() {
  const { stage, step } = current(), ids = concerned(stage.trace.steps[step]);
  return ids[(ids.indexOf(view.message) + 1) % ids.length] ?? 0;
}

/** The slot that this step is about, or else the last one of the log; of two-phase commit the transaction. */
function latest() {
  const { stage, step } = current();
  if (isTwophase(stage.trace)) return transaction(stage, step);
  return slotOf(stage.trace, step) || Math.max(1, ...stage.timeline.at(step).slots.keys());
}

function transaction({ trace, timeline }, step) {
  const names = [...timeline.at(step).transactions.keys()];
  const own = concerned(trace.steps[step]).flatMap((id) => concerns(trace.messages.get(id))).map(([manager, number]) => named(manager, number));
  return (own.length ? names.indexOf(own[0]) + 1 : 0) || Math.max(1, names.length);
}

// --- acting in the past --------------------------------------------------------------------------

/** Do something at a moment, in all runs that are shown: they go another way from there. */
async function fork(at, deed) {
  if (view.isAsked) return;
  const { stands } = view.player.run.steps[view.player.step];
  const [asked, beside = null] = view.stages.map(({ trace }, pane) =>
    forked(origin(trace), at, deed, moved(trace, stands[pane])));
  await load(asked, beside, { grain: view.player.grain });
  const { stages: [stage], player } = view, step = stage.asked === asked ? struck(stage.trace) : -1;
  if (step >= 0) player.go(place(player.run, 0, step));
}

/** Show which runs these were forked from, and those that were forked from them meanwhile. */
function kin(stages) {
  const asked = stages[0].asked && origin(stages[0].trace);
  const known = asked === null || stages.length > 1 ? [] : lineage(asked);
  for (const run of known) if (!view.runs.some((one) => isSame(one, run))) view.runs.push(run);
  const root = known[0], family = view.runs.filter((run) => root && isSame(lineage(run)[0], root));
  one("forks").replaceChildren(...forks(family, family.findIndex((run) => isSame(run, asked)), {
    open: (run) => load(run, null, where()), compare: (run) => load(asked, run),
  }));
  one("forks").hidden = family.length < 2;
}

// --- keeping and finding -------------------------------------------------------------------------

function where() {
  const { player: { step, grain }, message, slot, leader, pane } = view;
  return { step, grain, message, slot, leader, pane: message || slot || leader ? pane : 0 };
}

function remember() {
  const [asked, beside = null] = view.stages.map((stage) => stage.asked);
  history.replaceState(null, "", address(asked, beside, where()));
}

async function save() {
  const { stages, player } = view;
  const text = await saved(stages, player.run, player.step, { where: where() });
  download(`${fileName(stages[0].asked)}.html`, text, "html");
}

/** Save what makes the run, in words; of one that is not written in words there is nothing. */
function write() {
  const [{ asked, trace }, beside] = view.stages;
  if (!beside && isWritable(trace)) download(`${fileName(asked)}.txt`, written(trace, given.dare), "plain");
}

/** Follow an address that somebody changed: to its run, or to its place in what is shown. */
function follow() {
  const { asked, beside, where } = readAddress(location.hash);
  const [one, other = null] = view.stages.map((stage) => stage.asked);
  if (given.menu && asked && address(asked, beside, {}) !== address(one, other, {})) load(asked, beside, where);
  else if (acts.player) stand(where);
}

/** Show what this page was opened with: runs that it holds, those of the address, or the lab's. */
function start() {
  const held = kept(), from = readAddress(location.hash);
  one("still")?.remove();
  if (!given.menu) one("live").remove();  // a saved page has no lab
  controls(acts);
  if (given.menu) dare(given.dare, given.menu.paxos.bugs, acts);
  addEventListener("hashchange", follow);
  new ResizeObserver(() => view.player && fit()).observe(one("stages"));
  if (held.length) show(async () => held.map((text) => ({ asked: null, text })), { ...given.where, ...from.where });
  else if (from.asked) load(from.asked, from.beside, from.where);
  else load(...given.first);
}

start();
