// Why: of a slot, and of a change of leader. Words are made here of what replicas reported; pure but
// for the elements.

import { html } from "./dom.js";
import { answer, answers, asks, together } from "./live_prevotes.js";
import { EVENT } from "./reasons.js";

/** Events that explain who leads; the others pass by. */
export const EXPLAINS = new Set(["pre-vote", "pre-voted", "campaign", "promise", "refuse", "leads", "leads open", "leads no more", "leads unreachable", "hand-over", "transfer", "silent"]);
const MOST = 16, SLACK = 0.2;

/** What led to a ballot, and what ended the one before: sentences with their reasons. */
export function election(events, ballot, needs) {
  const begun = answersTo(events.filter((one) => one.ballot === ballot));
  if (!begun.length) return [];
  const from = Math.min(...begun.map(({ at }) => at)) - 3, to = Math.max(...begun.map(({ at }) => at));
  const near = events.filter((one) => begun.includes(one) || (one.ballot !== ballot && one.at >= from && one.at <= to && AROUND.has(one.event)));
  const seen = new Set();
  const first = (one) => !seen.has(topic(one)) && seen.add(topic(one));
  return together(caused(chained(near, ballot).filter(first), ballot, needs)).map(told).slice(-MOST);
}

/** Without what acceptors answered before it wanted to lead: a replica that may be handed the lead asks them too. */
function answersTo(events) {
  const asked = events.find(({ event }) => event === "pre-vote")?.at ?? -Infinity;
  return events.filter(({ event, at }) => event !== "pre-voted" || at > asked - SLACK);
}

/** What each of these waits for stands before it in the list. */
const CHAIN = [
  (one) => one.event === "pre-vote",
  (one) => one.event === "pre-voted",
  (one) => one.event === "campaign",
  (one) => one.event === "promise" && one.replica === Number(one.ballot.split(".")[1]),  // its own is asked first
  (one) => one.event === "promise" || one.event === "refuse",
];

/** In the order of time, but for what clocks that differ by milliseconds turn round: no answer before its question. */
function chained(events, ballot) {
  const link = (one) => one.ballot === ballot ? CHAIN.findIndex((belongs) => belongs(one)) : -1;
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

const OF_ITS_OWN = new Set(["promise", "refuse", "pre-vote"]);

/** What several replicas report of one thing is one line, the first's. */
function topic(one) {
  const { event, replica, peer, ballot } = one;
  if (event === "pre-voted") return `${event} ${ballot} ${replica} ${answer(one)}`;
  return `${event} ${ballot} ${OF_ITS_OWN.has(event) ? replica : peer}`;
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
    : `Acceptor ${replica} promises ${ballot} to replica ${peer}: from now on nothing at a lower ballot.${reported(text)}`,
  refuse: (one) => `Acceptor ${one.replica} refuses ${one.ballot}: ${reason(one) === "lease" ? "its lease for another leader still runs" : "it has promised a higher one"}.`,
  leads: ({ peer, ballot }) => `Replica ${peer} has a majority of promises: it leads at ${ballot}.`,
  "leads open": ({ replica }) => `Replica ${replica} has taken over what was accepted before, and writes.`,
  "leads no more": (one) => `Replica ${one.peer} led at ${one.ballot} until then${reason(one) ? `: ${reason(one)}` : ""}.`,
  "leads unreachable": ({ replica }) => `Replica ${replica} finds that the leader's process refuses connections.`,
  "hand-over": ({ replica, peer }) => `Replica ${peer} hands leadership over to replica ${replica}.`,
  transfer: ({ peer }) => `An operator has leadership handed to replica ${peer}.`,
};

const reason = ({ replica, text }) => (/reason=(.*)/.exec(text)?.[1] ?? "").replace("this replica", `replica ${replica}`);

function told(one) {
  return { at: one.at, text: SENTENCES[one.event]?.(one) ?? one.text, why: EVENT[one.event] ?? null };
}

const heading = (text, close) => html("h2", { class: "closes" }, text, " ", html("button", { type: "button", onclick: close }, "close"));

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
  const majority = Math.floor(replicas / 2) + 1, spared = replicas - acceptors.length;
  return [
    `Replica ${ballot[1]} proposed it at ballot ${ballot.join(".")}. It holds: ${holds}.`,
    acceptors.length ? `Acceptors ${acceptors.join(", ")} had accepted it when it was counted: ${acceptors.length} of ${replicas}, and ${majority} make it chosen.`
      : `A majority of ${majority} of ${replicas} acceptors accepted it; which, only the leader of that time knows.`,
    `A later leader needs the promises of ${majority}${acceptors.length ? `, and only ${spared} ${spared === 1 ? "is" : "are"} not among these` : ""}: so at least one reports this value, and it can propose no other.`,
  ];
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
