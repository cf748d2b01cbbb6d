// What happens to roles of Paxos, in sentences; each is true of the step that it is shown at. Pure.

import { less, spell } from "./ballots.js";
import { replicaOf, table } from "./records.js";

/** By the event of a role: what it did. `step` is the step it did it in. */
export const SENTENCES = table({
  "pre-vote": (replica, { ballot, text }) =>
    `Replica ${replica} ${/heartbeat=none/.test(text) ? "has heard no leader" : "hears its leader no more"}, and asks who would promise ballot ${ballot}.`,
  "pre-voted": (replica, { ballot, peer, text }) =>
    `Acceptor ${replica} would ${/ yes$/.test(text) ? "" : "not "}promise ${ballot} to replica ${peer}${/ yes$/.test(text) ? "; it promises nothing yet" : ""}.`,
  campaign: (replica, { ballot }) =>
    `Replica ${replica} wants to lead and asks for promises at ballot ${ballot}.`,
  promise: (replica, { ballot, peer, text }, { step }) =>
    `Acceptor ${replica} promises ${ballot} to replica ${peer}${COUNTED[step.turn] ?? ""}; ${reports(text)}.`,
  refuse: (replica, { ballot, peer, text }, { step, messages }) =>
    `Acceptor ${replica} refuses ${wanted(messages.get(step.records[0].id))}${ballot} of replica ${peer}: ${refusal(text, step)}.`,
  leads: (replica, { ballot, peer }) => replica === peer
    ? `Replica ${replica} leads at ballot ${ballot}: a majority has promised it.`
    : `Replica ${replica} learns that replica ${peer} leads at ballot ${ballot}.`,
  "leads no more": (replica, { peer, text }) => replica === peer
    ? `Replica ${replica} leads no more: ${found(/reason=(.*)$/, text)}.`
    : `Replica ${replica} follows replica ${peer} no more: ${found(/reason=(.*)$/, text)}.`,
  propose: (replica, { slot, ballot, text }, at) =>
    `Leader ${replica} proposes for slot ${slot} at ${ballot}: ${carried(at, "Accept") || value(text)}.`,
  accept: (replica, { slot, ballot }, at) =>
    `Acceptor ${replica} accepts slot ${slot} at ballot ${ballot}${colon(handled(at))}.`,
  accepted: (replica, { slot, peer, text }) =>
    `Replica ${replica} learns that acceptor ${peer} accepted slot ${slot} ${found(/\(.*\)/, text)}.`,
  chosen: (replica, { slot, ballot, text }, at) =>
    `Slot ${slot} is chosen at ballot ${ballot}, by acceptors ${found(/acceptors=([\d,]+)/, text).replaceAll(",", ", ")}${colon(carried(at, "Chosen"))}.`,
  commit: (replica, { slot, text }, at) => `Learner ${replica} applies slot ${slot}${colon(handled(at) || value(text))}.`,
  "learners informed": (replica, { slot }) =>
    `Replica ${replica} lets the others know that slot ${slot} is chosen.`,
  "leads open": (replica, { ballot }) =>
    `Leader ${replica} serves from now on: it has applied a slot of its own ballot, ${ballot}.`,
  "leads unreachable": (replica, { peer }) =>
    `Replica ${replica} finds that nobody listens at replica ${peer}, which it follows.`,
  "hand-over": (replica, { peer }) => replica === peer
    ? `Replica ${replica} is asked to campaign at once.`
    : `Replica ${replica} is asked by replica ${peer} to lead, and campaigns at once.`,
  "forward to": (replica, { peer }) =>
    `Replica ${replica} passes a request on to replica ${peer}, which leads as far as it knows.`,
  "forward from": (replica, { peer }, at) => declined(at)
    ? `Replica ${replica} has a request that replica ${peer} passed on, and answers that it does not lead.`
    : `Replica ${replica} takes a request over from replica ${peer}.`,
  "forward unanswered": (replica, { peer }) =>
    `Replica ${replica} has no answer of replica ${peer} to what it passed on, and waits no more.`,
  "forward not sent": (replica, { peer }) => `Replica ${replica} cannot pass a request on: replica ${peer} is not reached.`,
  snapshot: (replica, { peer, text }) => /installed/.test(text)
    ? `Learner ${replica} has taken a snapshot over from replica ${peer}, up to slot ${found(/applied=(\d+)/, text)}.`
    : `Learner ${replica} asks replica ${peer} for a snapshot: its log begins too late for it.`,
  transfer: (replica, { peer, text }) => `Leader ${replica} hands over to replica ${peer}: ${found(/: (.*)$/, text)}.`,
  "forward answered": (replica, { peer }) =>
    `Replica ${replica} has replica ${peer}'s answer to what it passed on.`,
});

const COUNTED = table({ majority: ", and makes it a majority", late: ", after a majority had promised" });

/** By the message that an acceptor answers with: what it did, where no event shows it. */
export const ANSWERS = table({
  Accepted: ({ from, cause, fields: { slot, ballot } }, messages, step) =>
    `Acceptor ${replicaOf(from)} has accepted slot ${slot} at ballot ${spell(ballot)}${colon(messages.get(cause)?.words)}. `
      + (step.turn === "majority" ? accomplished(spell(ballot), step) : "It is on its disk."),
  Promise: ({ from, to, fields: { ballot } }) =>
    `Acceptor ${replicaOf(from)}'s promise of ${spell(ballot)} is on its disk, and leaves to replica ${replicaOf(to)}.`,
  Refused: ({ from, to, cause, fields: { ballot, promised, reason } }, messages, step) => {
    const because = reason === "ballot" ? bound(promised, ballot) : refusalFor(reason, step);
    return `Acceptor ${replicaOf(from)} refuses ${wanted(messages.get(cause))}${spell(ballot)} of replica ${replicaOf(to)}: ${because}.`;
  },
});

/** A slot that its leader knows to be chosen now. */
export function isChosen({ fields: { entry }, words }, { earlier }) {
  const name = spell(entry.ballot), first = earlier ? ` It was already at ${earlier.ballot}${sameness(earlier)}.` : "";
  return `Slot ${entry.slot} is chosen at ballot ${name}, by acceptors ${entry.acceptors.join(", ")}${colon(words)}.${first}`;
}

// --- parts of sentences -------------------------------------------------------------------------------

/** What it means that a majority has accepted at a ballot. */
const accomplished = (ballot, { earlier }) => earlier
  ? `Now a majority has at ${ballot} too; it was chosen at ${earlier.ballot} already${sameness(earlier)}.`
  : "Now a majority has: it is chosen, though nobody knows that yet.";

const sameness = ({ isSame }) => isSame ? ", with the same value" : "";

const found = (pattern, text) => pattern.exec(text)?.at(-1) ?? "";
const colon = (words) => words ? `: ${words === "no-op" ? "a no-op" : words}` : "";

/** The value in a message that leaves in this step, in words. */
function carried({ step, messages }, type) {
  const mail = step.records.flatMap((record) => record.kind === "left" ? record.mail : []).find((one) => one.type === type);
  const words = mail ? messages.get(mail.id)?.words ?? "" : "";
  return words === "no-op" ? "a no-op" : words;
}

/** The value in the message that is handled in this step. */
const handled = ({ step, messages }) => messages.get(step.records[0].id)?.words ?? "";

/** Whether a request that was passed on is answered with: not the leader. */
const declined = ({ step }) => step.records.some(({ kind, mail }) => kind === "left" && mail.some(({ type, fields }) =>
  type === "Forwarded" && fields.answers?.some(({ code }) => code === "NOT_LEADER")));

function reports(text) {
  const accepted = found(/accepted=(\d+)/, text);
  if (accepted === "0") return "it has accepted nothing that is still open";
  return `it reports ${accepted} accepted value${accepted === "1" ? "" : "s"}`;
}

function refusal(text, step) {
  const reason = found(/reason=(.*)$/, text), promised = found(/promised=([\d.]+)/, text);
  return reason === "ballot" ? `it has promised ${promised}` : refusalFor(reason, step, promised);
}

/** What a message asks an acceptor for, before the ballot that it asks at. */
function wanted(message) {
  if (message?.type === "Accept") return `slot ${message.fields.slot} at `;
  return WANTED[message?.type] ?? "";
}

const WANTED = table({ Heartbeat: "a lease at ", Prepare: "a promise of " });

/** Why a ballot is refused that is not the one that was promised. */
function bound(promised, ballot) {
  if (less(ballot, promised)) return `it has promised ${spell(promised)}`;
  if (less(promised, ballot)) return `it has promised only ${spell(promised)} so far, and a lease takes a promise of ${spell(ballot)} itself`;
  return `the ballot is that of replica ${ballot.replica}`;
}

/** Whoever grants a lease has promised the ballot of who asked for it. */
function refusalFor(reason, { turn }, promised) {
  if (reason === "lease" && turn === "unsure") return "it has started again, and may have granted a lease before that it no longer knows";
  if (reason === "lease" && /\.[1-9]/.test(promised)) return `the lease that it granted to replica ${promised.split(".")[1]} still runs`;
  return REFUSALS[reason] ?? reason;
}

/** Why an acceptor refuses, where it is not for a promise. */
export const REFUSALS = table({
  lease: "a lease that it may have granted still runs",
  "lease length": "the two do not agree on how long a lease lasts",
  truncated: "its log begins after that slot",
  recovering: "it lost its disk, and may not vote yet",
  "old disk": "it is meant for the disk that was lost",
});

function value(text) {
  const commands = /commands=(\d+)(?: revision=\d+)?(?:: (.*))?$/.exec(text);
  if (!commands) return "";
  if (commands[1] === "0") return "a no-op";
  const several = `${commands[1]} command${commands[1] === "1" ? "" : "s"}`;
  return commands[2]?.replace(/ id=.*?(?=, |$)/g, "") ?? several;
}
