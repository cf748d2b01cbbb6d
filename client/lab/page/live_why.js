// Why: of a slot, and of a change of leader. Words are made here of what replicas reported; pure but
// for the elements.

import { html } from "./dom.js";
import { heading } from "./live_panel.js";
import { answer, answers, asks, list } from "./live_prevotes.js";
import { REFUSALS } from "./paxos_words.js";
import { EVENT } from "./reasons.js";

/** Events that explain who leads; the others pass by. */
export const EXPLAINS = new Set(["pre-vote", "pre-voted", "campaign", "promise", "refuse", "leads", "leads open", "leads no more", "leads unreachable", "hand-over", "transfer"]);
const MOST = 16, SLACK = 0.2, BEFORE = 3, LATE = 2;

/** What led to a ballot, and what ended the one before: sentences with their reasons. */
export function election(events, ballot, needs) {
  const begun = answersTo(events.filter((one) => one.ballot === ballot && BEGINS.has(one.event) && !one.text.startsWith("refuse slot=")));
  if (!begun.length) return [];
  const from = Math.min(...begun.map(({ at }) => at)) - BEFORE, won = begun.find(({ event }) => event === "leads");
  const to = won ? won.at + SLACK : Math.max(...begun.map(({ at }) => at)), candidate = owner(ballot);
  const around = (one) => one.ballot !== ballot && one.at >= from && one.at <= to + (hands(one, candidate) ? LATE : 0)
    && AROUND.has(one.event) && !one.text.endsWith(`won ballot ${ballot}`);
  const near = events.filter((one) => begun.includes(one) || around(one));
  const seen = new Set();
  const first = (one) => !seen.has(topic(one)) && seen.add(topic(one));
  return together(caused(chained(requested(near), ballot).filter(first), ballot, needs)).map(told).slice(-MOST);
}

/** What is of a ballot until it leads. */
const BEGINS = new Set(["pre-vote", "pre-voted", "campaign", "promise", "refuse", "leads", "leads open"]);

/** Who was asked to lead missed no heartbeat. */
const requested = (events) => events.map((one) =>
  one.event === "pre-vote" && events.some(({ event, replica, at }) => event === "hand-over" && replica === one.replica && Math.abs(one.at - at) < SLACK)
    ? { ...one, text: "asked" } : one);

/** Without what came before it wanted to lead: a replica that may be handed the lead asks too, or asked at this ballot long ago. */
function answersTo(events) {
  const asked = events.findLast(({ event }) => event === "pre-vote")?.at ?? -Infinity;
  return events.filter(({ at }) => at > asked - SLACK);
}

const owner = (ballot) => Number(ballot.split(".")[1]);

/** Whether a leader reports that it has handed over to this one. */
const hands = (one, to) => one.event === "leads no more" && reason(one).startsWith(`handed over to replica ${to}:`);

/** What each of these waits for stands before it in the list. */
const CHAIN = [
  ({ event }) => event === "transfer",
  (one, own, candidate) => hands(one, candidate),
  ({ event, replica }, own, candidate) => event === "hand-over" && replica === candidate,
  ({ event }, own) => own && event === "pre-vote",
  ({ event }, own) => own && event === "pre-voted",
  ({ event }, own) => own && event === "campaign",
  ({ event, replica }, own, candidate) => own && event === "promise" && replica === candidate,  // its own is asked first
  ({ event }, own) => own && (event === "promise" || event === "refuse"),
];

/** In the order of time, but for what clocks that differ by milliseconds turn round: no answer before its question. */
function chained(events, ballot) {
  const candidate = owner(ballot), link = (one) => CHAIN.findIndex((belongs) => belongs(one, one.ballot === ballot, candidate));
  const first = CHAIN.map((_, at) => Math.min(...events.filter((one) => link(one) > at).map((one) => one.at)));
  const when = (one) => Math.min(one.at, first[link(one)] ?? Infinity);
  return events.toSorted((a, b) => when(a) - when(b) || link(a) - link(b));
}

/** Those of other ballots at that time that belong to it: how the term before ended, who else missed its heartbeats. */
const AROUND = new Set(["pre-vote", "leads no more", "leads unreachable", "hand-over", "transfer"]);

/**
 * In the order of cause: clocks and threads differ by some milliseconds, but who leads had `needs`
 * promises. What was promised after these is marked so.
 */
function caused(events, ballot, needs) {
  const is = (name) => (one) => one.event === name && one.ballot === ballot;
  const leads = events.filter((one) => is("leads")(one) || is("leads open")(one));
  if (!leads.length) return events;
  const others = events.filter((one) => !leads.includes(one)), promises = others.filter(is("promise"));
  const last = promises[needs - 1] ?? promises.at(-1), first = Math.max(events.indexOf(leads[0]), events.indexOf(last));
  const later = (one) => promises.includes(one) && promises.indexOf(one) >= needs;
  const before = others.filter((one) => events.indexOf(one) <= first && !later(one));
  const after = others.filter((one) => !before.includes(one)).map((one) => later(one) ? { ...one, late: true } : one);
  return [...before, ...leads, ...after];
}

const OF_ITS_OWN = new Set(["promise", "refuse", "pre-vote", "leads no more"]);

/** What several replicas report of one thing is one line, the first's. */
function topic(one) {
  const { event, replica, peer, ballot } = one;
  if (event === "pre-voted") return `${event} ${ballot} ${replica} ${answer(one)}`;
  return `${event} ${ballot} ${OF_ITS_OWN.has(event) ? replica : peer}`;
}

/** What several replicas report alike is one event, the first's, with `all` of them. */
function together(events) {
  const kept = new Map();
  for (const one of events) {
    const name = alike(one);
    if (kept.has(name)) kept.get(name).all.push(one.replica);
    else kept.set(name, { ...one, all: [one.replica] });
  }
  return [...kept.values()];
}

function alike(one) {
  if (one.event === "pre-voted") return `${one.ballot} ${answer(one)}`;
  return one.event === "leads no more" && one.replica !== one.peer ? `${one.ballot} ${reason(one)}` : one;
}

/** How much a promise reports of what was accepted before. */
function reported(text) {
  const count = Number(/accepted=(\d+)/.exec(text)?.[1] ?? 0);
  return count ? ` It reports ${count} accepted ${count === 1 ? "slot" : "slots"}.` : "";
}

const SENTENCES = {
  "pre-vote": asks,
  "pre-voted": answers,
  campaign: ({ replica, ballot }) => `Replica ${replica} asks all to promise ballot ${ballot}.`,
  promise: ({ replica, peer, ballot, text, late }) => late ? `Acceptor ${replica} promises ${ballot} too; the majority was there by then.`
    : `Acceptor ${replica} promises ${ballot} to replica ${peer}: from now on it accepts nothing at a lower ballot.${reported(text)}`,
  refuse: (one) => `Acceptor ${one.replica} refuses ${one.ballot}: ${refusal(one)}.`,
  leads: ({ peer, ballot }) => `Replica ${peer} has a majority of promises: it leads at ${ballot}.`,
  "leads open": ({ replica }) => `Replica ${replica} has taken over what was accepted before, and serves.`,
  "leads no more": ends,
  "leads unreachable": ({ replica, peer, ballot }) => `Replica ${replica} finds that replica ${peer}, which led at ${ballot}, refuses or resets connections.`,
  "hand-over": ({ replica, peer }) => `Replica ${peer} asks replica ${replica} to lead, which campaigns at once.`,
  transfer: ({ peer }) => `An operator asks for replica ${peer} to lead.`,
};

const reason = ({ text }) => /reason=(.*)/.exec(text)?.[1] ?? "";

function refusal(one) {
  return reason(one) === "ballot" ? `it has promised ${/promised=(\S+)/.exec(one.text)?.[1]}` : REFUSALS[reason(one)] ?? reason(one);
}

/** The end of a term, in the leader's own words; or why those that followed it do no more. */
function ends(one) {
  const { replica, peer, ballot, all } = one, because = reason(one) ? `: ${reason(one)}` : "";
  if (replica === peer) return `Replica ${peer} leads at ${ballot} no more${because}.`;
  const who = all.length === 1 ? `Replica ${replica} follows` : `Replicas ${list(all)} follow`;
  return `${who} replica ${peer}, which led at ${ballot}, no more${because.replace(/this replica (won .*)/, "it $1 itself").replace("no heartbeat in time", "no heartbeat of it came in time")}.`;
}

function told(one) {
  return { at: one.at, text: SENTENCES[one.event]?.(one) ?? one.text, why: EVENT[one.event] ?? null };
}

/** The panel of a change of leader; `close` ends it. */
export function electionPanel(events, ballot, needs, close) {
  const lines = election(events, ballot, needs), why = [...new Map(lines.filter((one) => one.why).map((one) => [one.why[0], one.why])).values()];
  return [
    heading(`How ballot ${ballot} came to lead`, close),
    lines.length ? html("ol", { class: "told" }, ...lines.map(({ text }) => html("li", {}, text)))
      : html("p", {}, "This page was not open then, or the replicas have forgotten it."),
    ...why.map(([text, where]) => html("p", { class: "reason" }, text, " ", html("cite", {}, where))),
  ];
}

/** Why a slot has its value, of the block that the log holds. */
export function slotWords({ slot, ballot, acceptors, commands, count }, replicas) {
  const named = commands.map(({ op, args }) => `${op} ${args.join(" ")}`).map((text) => text.length > 60 ? `${text.slice(0, 60)}…` : text);
  const holds = count ? `${named.slice(0, 3).join("; ")}${count > 3 ? `; and ${count - 3} more` : ""}` : "nothing (a no-op, to fill a gap)";
  const majority = Math.floor(replicas / 2) + 1;
  return [
    `Replica ${ballot[1]} proposed it at ballot ${ballot.join(".")}. It holds: ${holds}.`,
    acceptors.length ? `Acceptors ${list(acceptors)} had accepted it when it was counted: ${acceptors.length} of ${replicas}, and ${majority} make it chosen.`
      : `A majority, ${majority} of ${replicas} acceptors, accepted it; which ones, only the leader of that time knows.`,
    `A later leader needs the promises of ${majority}, and ${met(replicas, acceptors.length)}: so at least one reports this value, and it can propose no other.`,
  ];
}

/** Why a later majority meets those that accepted. */
function met(replicas, accepted) {
  const spared = replicas - accepted;
  if (!accepted) return "any two majorities share an acceptor";
  return spared ? `only ${spared} ${spared === 1 ? "is" : "are"} not among these` : "all are among these";
}

/** The panel of a slot: `answer` is the lab's. */
export function slotPanel(slot, answer, replicas, close) {
  const lines = answer.block ? slotWords(answer.block, replicas) : [answer.refused];
  return [
    heading(`Why slot ${slot} has its value`, close),
    ...lines.map((text) => html("p", {}, text)),
    answer.block ? html("p", { class: "reason" }, html("cite", {}, EVENT.chosen[1])) : "",
  ];
}
