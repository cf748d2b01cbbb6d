// What binds each replica's roles, as it was at one moment for all of them. Pure.
//
// Replicas are asked one after the other, so that what two of them reported last is of two moments:
// numbers that are compared are taken from the recent past, all at the same time.

const KEPT = 2, SLACK = 0.3, BRIEF = 1;

/** The moments of each replica that answers, the newest last; `changed` are the new ones, by id. */
export function moments(before, changed, replicas) {
  const all = new Map(before);
  for (const [name, moment] of Object.entries(changed)) {
    const id = Number(name), old = all.get(id) ?? [];
    all.set(id, [...old.filter(({ at }) => at > moment.at - KEPT && at < moment.at), moment]);
  }
  for (const id of all.keys()) if (!replicas.get(id)?.answers) all.delete(id);
  return all;
}

/** What a replica reported last; null if that is long ago, or nothing. */
export function newest(state, id) {
  const last = state.moments.get(id)?.at(-1);
  return last && state.at - last.at < BRIEF ? last : null;
}

/** What a replica reported last before a moment, or else first. */
function before(state, id, at) {
  const all = state.moments.get(id) ?? [];
  return all.filter((one) => one.at <= at).at(-1) ?? all[0] ?? null;
}

/** How far a replica had applied the log at a moment, between what it reported before and after. */
function reached(state, id, at) {
  const all = (state.moments.get(id) ?? []).filter(({ learner }) => learner);
  const next = all.find((one) => one.at > at), last = all.filter((one) => one.at <= at).at(-1);
  if (!last || !next) return (last ?? next)?.learner.applied ?? 0;
  const part = (at - last.at) / (next.at - last.at);
  return Math.round(last.learner.applied + part * (next.learner.applied - last.learner.applied));
}

/** What binds a replica at a moment: seconds left of its grant and hold, ballots, what waits. */
export function bound(state, id, at) {
  const moment = before(state, id, at);
  if (!moment) return null;
  const since = Math.max(0, at - moment.at), acceptor = moment.acceptor;
  const left = (seconds) => Math.max(0, (seconds ?? 0) - since);
  const applied = moment.learner ? reached(state, id, at) : null;
  return {
    promised: acceptor?.promised ?? null, grant: left(acceptor?.grant), hold: left(acceptor?.hold),
    queue: moment.front ?? null, applied, behind: applied === null ? 0 : behind(state, applied, at),
  };
}

/** Slots that the furthest had applied then and this one had not; 0 if it follows by a little. */
function behind(state, applied, at) {
  const furthest = (time) => Math.max(0, ...[...state.moments.keys()].map((id) => reached(state, id, time)));
  return furthest(at - SLACK) > applied ? furthest(at) - applied : 0;
}

/** A leader's lease is what a majority grants its ballot: the seconds of the last one needed. */
export function lease(state, at) {
  const ballot = state.ballot;
  if (!ballot) return 0;
  const granted = [...state.replicas.keys()].map((id) => bound(state, id, at))
    .filter((one) => one?.promised && one.promised.join(".") === ballot.join(".")).map((one) => one.grant).sort((a, b) => b - a);
  return granted[state.needs - 1] ?? 0;
}

/**
 * The log's last slots on each replica: "" (nothing known), accepted, chosen or applied. Slots are
 * chosen as soon as anybody reports so; a replica knows it once its own `chosen` is there. Of one
 * that does not answer the row says why, and of one that is far behind where it is.
 */
export function slots(state, count) {
  const last = new Map([...state.moments].map(([id, all]) => [id, all.at(-1)]));
  const accepted = new Map([...last].map(([id, { acceptor }]) => [id, new Map(acceptor?.accepted ?? [])]));
  const learned = (id) => last.get(id)?.learner ?? state.replicas.get(id);
  const known = [...state.replicas.keys()].flatMap((id) => [learned(id).chosen ?? 0, ...(accepted.get(id)?.keys() ?? [])]);
  const end = Math.max(count, ...known);
  const numbers = Array.from({ length: count }, (_, index) => end - count + 1 + index);
  const rows = [...state.replicas.values()].map((replica) => ({
    id: replica.id, says: replica.answers ? late(learned(replica.id), numbers[0]) : absence(replica),
    cells: numbers.map((slot) => cell(replica.answers && learned(replica.id), slot, accepted.get(replica.id)?.get(slot), state.owners.get(slot) ?? 0)),
  }));
  return { numbers, rows };
}

const late = ({ applied }, first) => applied > 0 && applied < first ? `has applied all up to slot ${applied}` : "";

/** Why nothing is known of a replica. */
export function absence({ state, reason }) {
  const word = { held: "down", down: "down", starting: "starting" }[state];
  return [word, brief(reason)].filter(Boolean).join(": ") || "does not answer";
}

/** What a reason begins with: of one that goes on about files and orders the rest is elsewhere. */
export const brief = (reason) => (reason ?? "").split(/[:;]/)[0].replace("its process runs but does not answer", "runs, but does not answer");


function cell(learned, slot, ballot, owner) {
  if (!learned) return { what: "", owner: 0 };
  if (slot <= (learned.applied ?? 0)) return { what: "applied", owner };
  if (slot <= (learned.chosen ?? 0)) return { what: "chosen", owner };
  return ballot ? { what: "accepted", owner: ballot[1] } : { what: "", owner: 0 };
}
