// Two-phase commit: what its transactions are at a step, from the messages alone. Pure.
//
// A transaction is its manager and a number; votes and outcomes count when they leave, being durable.

import { replicaOf, table } from "./records.js";

const START = 2 ** 32, DISK = 2 ** 44;

/** A transaction's short name: T2.5 is the fifth of manager 2; a later start of it adds its number. */
export function named(manager, number) {
  const start = Math.floor((number % DISK) / START);
  return `T${manager}.${(number % START) + 1}${start ? `/${start + 1}` : ""}`;
}

/** The transactions that a message is about: [[manager, number, its part of the message]]. */
export function concerns(message) {
  return ABOUT[message.type]?.(message.fields, replicaOf(message.from), replicaOf(message.to)) ?? [];
}

const ABOUT = table({
  Prepare: ({ transactions = [] }, from) => transactions.map((one) => [from, one.number, one]),
  Votes: ({ votes }, from, to) => votes.map((one) => [to, one.number, one]),
  Go: ({ decisions }, from) => decisions.map((one) => [from, one.number, one]),
  Done: ({ results }, from, to) => results.map((one) => [to, one.number, one]),
  Inquire: ({ doubts }) => doubts.map((one) => [one.tid.manager, one.tid.number, one]),
  Known: ({ found }) => found.map((one) => [one.tid.manager, one.tid.number, one]),
});

/** What messages that leave change of a state. */
export const SENT = table({
  Prepare(state, message) {
    for (const [manager, number, { command }] of concerns(message)) {
      transaction(state, manager, number).command ??= command.b64;
    }
  },
  Votes(state, message) {
    const voter = replicaOf(message.from);
    for (const [manager, number, { yes, answer }] of concerns(message)) {
      const one = transaction(state, manager, number);
      one.votes.set(voter, { yes, why: yes ? "" : String(answer.value) });
      if (yes && !one.outcomes.has(voter)) one.prepared.set(voter, one.prepared.get(voter) ?? state.at);
    }
  },
  Go(state, message) {
    for (const [manager, number, { commit }] of concerns(message)) {
      transaction(state, manager, number).decided ??= commit ? "commit" : "abort";
    }
  },
  Done(state, message) {
    for (const [manager, number, { committed }] of concerns(message)) {
      settle(transaction(state, manager, number), replicaOf(message.from), committed);
    }
  },
  Inquire(state, message) {
    for (const [manager, number] of concerns(message)) {
      transaction(state, manager, number).doubt.add(replicaOf(message.from));
    }
  },
});

/** A participant that learned of an outcome from another one. */
export function learn(state, message) {
  if (message.type !== "Known") return;
  for (const [manager, number, found] of concerns(message)) {
    const settled = found.state === "commit" || found.state === "abort";
    if (settled) settle(transaction(state, manager, number), replicaOf(message.to), found.state === "commit");
  }
}

/** A participant reports that nothing is prepared any more, whatever became of it. */
export function settled(state, replica) {
  for (const one of state.transactions.values()) {
    one.prepared.delete(replica);
    one.doubt.delete(replica);
  }
}

function settle(one, replica, committed) {
  one.outcomes.set(replica, committed ? "commit" : "abort");
  one.prepared.delete(replica);
  one.doubt.delete(replica);
}

function transaction(state, manager, number) {
  const name = named(manager, number);
  let found = state.transactions.get(name);
  if (found === undefined) {
    found = {
      manager, number, command: null, decided: null,
      votes: new Map(), prepared: new Map(), outcomes: new Map(), doubt: new Set(),
    };
    state.transactions.set(name, found);
  }
  return found;
}

/** What a replica has voted for and does not know the outcome of: [[name, since]], the oldest first. */
export function held(state, replica) {
  const names = [...state.transactions].filter(([, one]) => one.prepared.has(replica));
  return names.map(([name, one]) => [name, one.prepared.get(replica)]).sort((a, b) => a[1] - b[1]);
}
