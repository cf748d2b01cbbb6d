// What the cluster is at a step: a function of the records up to it, and of nothing else. Pure.
//
// `promised` and the rest is what roles report of themselves; `vowed` is the highest ballot that an
// acceptor let out as promised or accepted, `accepted` what it let out as accepted: both are durable.
// A copy is kept each SPACING steps, and a state replayed from the nearest.

import { less, spell } from "./ballots.js";
import { learn, SENT, settled } from "./twophase.js";
import { replicaOf, roleOf, table } from "./records.js";

export const SPACING = 256;

/** The states of a trace's steps. */
export class Timeline {
  constructor(trace) {
    this.trace = trace;
    this.kept = [beginning(trace)];
    this.last = { step: -1, state: structuredClone(this.kept[0]) };
  }

  /** The state after `step`; -1: before the first. Whoever gets it must not change it. */
  at(step) {
    const from = this.nearest(step);
    if (this.last.step > step || this.last.step < from) {
      this.last = { step: from, state: structuredClone(this.kept[(from + 1) / SPACING]) };
    }
    while (this.last.step < step) this.forward();
    return this.last.state;
  }

  /** The last step, at or before this one, of which there is a copy. */
  nearest(step) {
    const full = Math.min(Math.floor((step + 1) / SPACING), this.kept.length - 1);
    return full * SPACING - 1;
  }

  /** Go through all of it once; a trace that makes no sense ends where it does not. */
  check() {
    const { trace } = this;
    try {
      this.at(trace.steps.length - 1);
    } catch {
      trace.problem = `step ${this.last.step} makes no sense; it and what comes after it is not shown`;
      trace.steps.length = this.last.step;
      this.last = { step: Infinity, state: null };
    }
  }

  forward() {
    const { last } = this;
    last.step += 1;
    apply(last.state, this.trace.steps[last.step], this.trace.messages);
    const full = (last.step + 1) / SPACING;
    if (full === this.kept.length) this.kept.push(structuredClone(last.state));
  }
}

function beginning(trace) {
  const replicas = new Map(trace.replicas.map((id) => [id, newReplica(trace.roles)]));
  return { at: 1, replicas, cut: [], flying: new Set(), slots: new Map(), transactions: new Map(), verdict: "" };
}

function newReplica(roles) {
  return {
    roles: new Map(roles.map((role) => [role, { up: false, incarnation: 0 }])),
    promised: null, vowed: null, accepted: new Map(), grant: null,
    leads: null, ballot: null, chosen: 0, applied: 0, stopped: false,
  };
}

/** Change a state by one step's records. */
export function apply(state, step, messages) {
  state.at = step.at;
  for (const record of step.records) APPLY[record.kind]?.(state, record, messages);
}

const APPLY = table({
  left(state, record, messages) {
    for (const mail of record.mail) {
      state.flying.add(mail.id);
      SENT[mail.type]?.(state, messages.get(mail.id));
      LEFT[mail.type]?.(state, record, mail);
    }
  },
  fate(state, record, messages) {
    if (record.fate !== "held") state.flying.delete(record.id);
    if (record.fate === "arrived" && messages.has(record.id)) learn(state, messages.get(record.id));
  },
  life(state, record) {
    const role = of(state, record.who)?.roles.get(roleOf(record.who));
    if (role === undefined) return;
    role.up = record.up;
    role.incarnation = record.incarnation;
    if (roleOf(record.who) === "proposer") of(state, record.who).leads = null;
    if (roleOf(record.who) === "acceptor") of(state, record.who).grant = null;
  },
  state(state, record) {
    const replica = of(state, record.who);
    if (replica !== undefined) REPORTED[roleOf(record.who)]?.(replica, record.fields, state, replicaOf(record.who));
  },
  links(state, record) {
    state.cut = record.cut;
  },
  happened(state, record) {
    const replica = state.replicas.get(record.who);
    if (record.who === "verdict") state.verdict = record.text;
    if (replica !== undefined && record.what === "process") {
      if (record.text === "paused") replica.stopped = true;
      if (/^(resumed|started|killed)/.test(record.text)) replica.stopped = false;
    }
  },
});

const LEFT = table({
  Accept(state, record, { fields }) {
    slot(state, fields.slot).proposed.set(spell(fields.ballot), fields.value.b64);
  },
  Promise(state, { who }, { fields }) {
    vow(of(state, who), fields.ballot);
  },
  Accepted(state, { who }, { fields }) {
    const replica = of(state, who);
    vow(replica, fields.ballot);
    replica.accepted.set(fields.slot, fields.ballot);
    vote(state, slot(state, fields.slot), replicaOf(who), fields.ballot);
  },
  Heard(state, { who, at }, { fields }) {
    of(state, who).grant = { ballot: fields.ballot, until: at + fields.lease, lease: fields.lease };
  },
});

const REPORTED = table({
  proposer(replica, fields) {
    if ("role" in fields) replica.role = fields.role;
    if ("ballot" in fields) replica.ballot = fields.ballot && named(fields.ballot);
    replica.leads = replica.role === "leader" ? replica.ballot : null;
  },
  learner(replica, fields) {
    for (const name of ["chosen", "applied"]) {
      if (name in fields) replica[name] = fields[name];
    }
  },
  participant(replica, fields, state, id) {
    if ("applied" in fields) replica.applied = fields.applied;
    if (fields.prepared === 0) settled(state, id);
    if ("view" in fields) replica.view = fields.view[0][0];
  },
  acceptor(replica, fields) {
    const found = /promised=(\d+)\.(\d+) accepted=(\d+)/.exec(fields.about ?? "");
    if (!found) return;
    const [, round, owner, accepted] = found.map(Number);
    replica.promised = round ? { round, replica: owner } : null;
    if (accepted === 0) replica.accepted.clear();
    if (round === 0) replica.vowed = null;
  },
});

/** Count a vote; a majority of them at one ballot is a choice, whether anybody knows it yet or not. */
function vote(state, slot, by, ballot) {
  slot.accepted.set(by, ballot);
  const name = spell(ballot);
  const alike = [...slot.accepted.values()].filter((other) => spell(other) === name).length;
  if (alike > state.replicas.size / 2) slot.chosen ??= { ballot, value: slot.proposed.get(name) };
}

function vow(replica, ballot) {
  if (less(replica.vowed, ballot)) replica.vowed = ballot;
}

function of(state, address) {
  return state.replicas.get(replicaOf(address));
}

function slot(state, number) {
  let found = state.slots.get(number);
  if (found === undefined) {
    found = { accepted: new Map(), proposed: new Map(), chosen: null };
    state.slots.set(number, found);
  }
  return found;
}

const named = (pair) => Array.isArray(pair) ? { round: pair[0], replica: pair[1] } : pair;

/** Whether a majority has promised more than this ballot: its owner can have nothing chosen. */
export function isOutdated(state, ballot) {
  const replicas = [...state.replicas.values()];
  const beyond = replicas.filter((replica) => less(ballot, replica.promised)).length;
  return beyond > replicas.length / 2;
}

/** Whether a value is the no-op: a batch of no commands, after the format's byte. */
export const isNoop = (value) => value?.b64 === "AZA=";

/** Whether what was accepted in a slot at a ballot is another value than the chosen one. */
export const isLost = ({ proposed, chosen }, ballot) =>
  Boolean(ballot && chosen && proposed.has(spell(ballot)) && proposed.get(spell(ballot)) !== chosen.value);
