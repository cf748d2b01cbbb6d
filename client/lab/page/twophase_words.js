// Two-phase commit in sentences, and why each step is safe, with where to read it. Pure.

import { concerns, named } from "./twophase.js";
import { replicaOf, table } from "./records.js";

const GRAY = "Gray, Notes on Data Base Operating Systems", BOOK = "Bernstein, Hadzilacos and Goodman";

/** Somebody stops or starts; a client is answered. */
export const STOPPED = ["Whoever stops may start again. What it has voted or decided is on its disk.", GRAY];
export const COMMITTED = ["A write is acknowledged after it is decided and carried out, never before.", GRAY];

const many = (message, word = (one) => named(one[0], one[1])) => {
  const all = concerns(message).map(word), shown = all.slice(0, 3).join(", ");
  return all.length > 3 ? `${shown} and ${all.length - 3} more` : shown;
};

/** A verdict's text, with short names of transactions. */
export const shortened = (text) => text.replace(/Tid\(manager=(\d+), number=(\d+)\)/g,
  (_, manager, number) => named(Number(manager), Number(number)));

/** What stands beside a replica's line when it sends this: two or three words. */
export const BESIDE = table({
  Votes: (message) => `votes ${SHORT.Votes(message)}`,
  Go: (message) => replicaOf(message.from) === replicaOf(message.to) ? `decides: ${SHORT.Go(message)}` : "",
  Done: (message) => `has done ${many(message)}`,
  Inquire: (message) => `in doubt: ${many(message)}`,
});

/** A message of two-phase commit in a few words. */
export const SHORT = table({
  Prepare: (message) => `Prepare ${many(message)}`,
  Votes: (message) => many(message, ([manager, number, { yes }]) => `${yes ? "YES" : "NO"} ${named(manager, number)}`),
  Go: (message) => many(message, ([manager, number, { commit }]) => `${commit ? "COMMIT" : "ABORT"} ${named(manager, number)}`),
  Done: (message) => `done ${many(message)}`,
  Inquire: (message) => `what of ${many(message)}?`,
  Known: (message) => many(message, ([manager, number, { state }]) => `${named(manager, number)}: ${state}`),
  Fetch: () => "Fetch the store", Page: () => "rows of the store",
});

/** What a replica does by sending it: a sentence. */
export const SENDS = table({
  Prepare: (message) => `Manager ${replicaOf(message.from)} asks all participants to vote on ${many(message)}.`,
  Votes: (message) => voted(message),
  Go: (message, seen) => went(message, seen),
  Done: (message) => `Participant ${replicaOf(message.from)} has carried out what manager ${replicaOf(message.to)} decided of ${many(message)}.`,
  Inquire: (message) => `Participant ${replicaOf(message.from)} is in doubt about ${many(message)}: it voted YES, and nobody answers. It asks replica ${replicaOf(message.to)}.`,
  Known: (message) => known(message),
});

function voted(message) {
  const noes = concerns(message).filter(([, , { yes }]) => !yes);
  const who = `Participant ${replicaOf(message.from)}`;
  if (!noes.length) return `${who} votes YES on ${many(message)}. Its keys are locked now, until it hears the decision.`;
  return `${who} votes NO on ${named(noes[0][0], noes[0][1])}: ${noes[0][2].answer.value}.`;
}

function went(message, seen) {
  const [manager, number, { commit }] = concerns(message)[0], local = replicaOf(message.from) === replicaOf(message.to);
  if (!commit) return `Manager ${manager} decides: everybody aborts ${many(message)}. ${because(manager, number, seen)}`;
  return local
    ? `Manager ${manager} decides: it commits ${named(manager, number)}, first at its own participant.`
    : `Manager ${manager} sends its decision on: everybody commits ${many(message)}.`;
}

/** Why a manager aborts: which votes it lacks at this step, as they came before it, or were NO. */
function because(manager, number, { trace, at }) {
  const votes = arrived(trace, manager, number, at);
  const no = [...votes].find(([, yes]) => !yes);
  if (no) return `Participant ${no[0]} voted NO.`;
  const silent = trace.replicas.filter((id) => !votes.has(id));
  if (silent.length === 0) return "All voted YES, but it was too late: it had not put a COMMIT on its disk in time.";
  return `It had waited long enough for the vote of ${silent.map((id) => `replica ${id}`).join(" and ")}.`;
}

/** The votes that a manager has had by a step: replica, and whether it was YES. */
function arrived({ messages }, manager, number, until) {
  const votes = new Map();
  for (const message of messages.values()) {
    if (message.type !== "Votes" || replicaOf(message.to) !== manager) continue;
    if (!message.fates.some(({ fate, step }) => fate === "arrived" && step <= until)) continue;
    const part = concerns(message).find(([, one]) => one === number)?.[2];
    if (part) votes.set(replicaOf(message.from), part.yes);
  }
  return votes;
}

/** By the event of a participant or manager: what it did. */
export const EVENTS = table({
  outcome: (replica, { peer, text }) => `Participant ${replica} hears from replica ${peer}: ${heard(text)}.`,
  go: (replica, { peer, text }) => replica && /COMMIT/.test(text)
    ? `Participant ${replica} carries out what manager ${peer} committed, and unlocks its keys.`
    : `Participant ${replica} drops what manager ${peer} aborted, and unlocks its keys.`,
  vote: (replica, { peer, text }) => /^VOTE ACK/.test(text)
    ? `Participant ${replica} prepares what manager ${peer} asks for, and votes YES once it is on its disk.`
    : `Participant ${replica} votes NO to manager ${peer}: ${/^VOTE ABORT (.*?) manager=/.exec(text)?.[1] ?? "it cannot"}.`,
  "in doubt": (replica, { peer }) => `Participant ${replica} is in doubt, and asks replica ${peer}.`,
  view: (replica, { text }) => `Participant ${replica} enters view ${/VIEW (\d+)/.exec(text)?.[1] ?? ""}: who has to vote has changed.`,
  fetch: (replica, { peer }) => `Participant ${replica} lacks what it missed, and asks replica ${peer} for the store.`,
  store: (replica, { peer }) => `Participant ${replica} has the store of replica ${peer}.`,
  "go-ack": (replica, { peer }) => `Manager ${replica} hears that participant ${peer} has carried its decision out.`,
  recovered: (replica) => `Manager ${replica} reads what it had decided from its disk.`,
  prepare: (replica) => `Manager ${replica} asks all participants to vote.`,
  votes: (replica, { peer }) => `Manager ${replica} has the votes of participant ${peer}.`,
});

/** What a participant is told of transactions: "1/17592186044426=prepared" each. */
const heard = (text) => [...text.matchAll(/(\d+)\/(\d+)=(\w+)/g)]
  .map(([, manager, number, state]) => `${named(Number(manager), Number(number))} ${STATES[state] ?? state}`).join(", ");

const STATES = table({
  prepared: "has its YES too, and it knows no outcome", unknown: "is unknown to it",
  commit: "is committed", abort: "is aborted",
});

function known(message) {
  const [manager, number, { state }] = concerns(message)[0], name = named(manager, number);
  const who = `Participant ${replicaOf(message.from)}`;
  if (state === "prepared") return `${who} voted YES on ${name} too and knows no more: nobody but manager ${manager} may decide it.`;
  if (state === "unknown") return `${who} knows nothing of ${name}.`;
  return `${who} knows the outcome of ${name}: ${state}.`;
}

/** Why it is safe, by what is sent or comes. */
const WHY = table({
  Prepare: ["Phase 1. Nothing is carried out yet; who cannot carry it out votes NO.", `${GRAY} 5.8.3.3`],
  Votes: ["A vote is on its disk before it is sent, and never changes. After a YES a participant may neither commit nor abort by itself: only the manager knows all votes.", `${BOOK} 7.4`],
  Go: ["Phase 2. All have voted YES, or the answer is abort. The decision is on the manager's disk before anybody else hears of it.", `${GRAY} 5.8.3.3`],
  Done: ["When all have answered, the write is acknowledged, and the transaction may be forgotten.", `${GRAY} 5.8.3.3`],
  Inquire: ["This is how two-phase commit blocks: who has voted YES waits for the one who decides, with its keys locked.", `${BOOK} 7.4`],
  Known: ["An outcome that one participant knows, all may take. That all have voted YES says nothing: the manager may have aborted.", `${BOOK} 7.4`],
});

/** Why it is safe that this message leaves or comes. */
export const why = (message) => message.type === "Go" && concerns(message).every(([, , { commit }]) => !commit) ? ABORT : WHY[message.type];

const ABORT = ["A manager may abort its own transaction alone, as long as it has not decided to commit it. Nobody else may decide it.", `${BOOK} 7.4`];

/** What was broken, by the words of the verdict. */
export const BROKEN = [
  [/votes YES on .* not durably/, "A YES must be on the disk before it is sent: after a crash it would not know that it is bound.", `${BOOK} 7.4`],
  [/changes its vote/, "A vote never changes: the manager may already have decided by it.", `${BOOK} 7.4`],
  [/two outcomes/, "One transaction is committed at one replica and aborted at another: all or nothing is broken.", `${BOOK} 7.3`],
  [/is committed without votes of/, "A commit needs the YES of every participant: who has not voted may be unable to carry it out.", `${BOOK} 7.3`],
  [/not on record at its manager/, "The decision must be on the manager's disk before anybody hears of it, or a manager that starts again decides otherwise.", `${GRAY} 5.8.3.3`],
  [/and not carried out at/, "A write was acknowledged, or forgotten, before all had carried it out.", `${GRAY} 5.8.3.3`],
  [/has not received the store/, "A member that is back lacks what it missed; it may vote once it has the store.", ""],
  [/not all is decided/, "Something is in doubt for ever, although all are up again.", `${BOOK} 7.4`],
  [/not linearizable/, "Somebody read what cannot have been there at that moment.", ""],
];
