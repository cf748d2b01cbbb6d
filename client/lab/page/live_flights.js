// Messages on their way, of events: who sent what to whom, and when it is drawn where. Pure.
//
// What really takes a millisecond is drawn as seconds, so this is a sample: few of a kind on a link
// at the same time, never more than MOST. A reply starts where its question arrived.

export const FLIGHT = 0.8, DELAY = 0.5, MOST = 150;
const APART = { accept: 0.45, accepted: 0.45, heartbeat: 0.9, heard: 0.9, forward: 0.2, answer: 0.2 };
const BEAT = 1.0;

/** What is drawn of an event: kind, from, to, and how many flights it comes after its question. */
const OF = {
  accept: (event) => [["accept", event.peer, event.replica, 0]],
  accepted: (event) => [["accepted", event.peer, event.replica, 1]],
  campaign: (event, ids) => ids.filter((id) => id !== event.replica).map((id) => ["prepare", event.replica, id, 0]),
  "pre-vote": (event, ids) => ids.filter((id) => id !== event.replica).map((id) => ["pre-vote", event.replica, id, 0]),
  "pre-voted": (event) => [[/ yes$/.test(event.text) ? "pre-voted" : "refuse", event.replica, event.peer, 1]],
  promise: (event) => [["promise", event.replica, event.peer, 1]],
  refuse: (event) => [["refuse", event.replica, event.peer, 1]],
  "forward to": (event) => [["forward", event.replica, event.peer, 0]],
  "forward answered": (event) => [["answer", event.peer, event.replica, 1]],
  "hand-over": (event) => [["hand-over", event.peer, event.replica, 0]],
  snapshot: ({ text, replica, peer }) => text.endsWith("begins") ? [["fetch", replica, peer, 0], ["snapshot", peer, replica, 1]]
    : later(text) ? [["snapshot", peer, replica, 0]] : [],
};

/** Whether a snapshot came in more pages than the first; they are known of at its end only. */
const later = (text) => Number(/installed pages=(\d+)/.exec(text)?.[1]) > 1;

/** No message is on its way. */
export const none = () => ({ flights: [], last: new Map(), beat: 0 });

/** The messages after these events; `at` is the moment up to which all is known. */
export function launch(before, events, at, ids) {
  const last = new Map(before.last);
  const flights = before.flights.filter((one) => one.begins + FLIGHT > at);
  for (const event of events) {
    for (const [kind, from, to, after] of OF[event.event]?.(event, ids) ?? []) {
      const begins = event.at + DELAY + after * FLIGHT;
      add(flights, last, { kind, from, to, begins, ballot: owner(event) });
    }
  }
  return { ...before, flights: flights.slice(-MOST), last };
}

/** Heartbeats are in no event: while one leads, it is drawn sending one to each other, now and then. */
export function beats(before, at, leader, ids) {
  if (leader === null || at < before.beat + BEAT) return before;
  const last = new Map(before.last), flights = [...before.flights];
  for (const id of ids.filter((each) => each !== leader)) {
    add(flights, last, { kind: "heartbeat", from: leader, to: id, begins: at, ballot: leader });
    add(flights, last, { kind: "heard", from: id, to: leader, begins: at + FLIGHT, ballot: leader });
  }
  return { ...before, flights: flights.slice(-MOST), last, beat: at };
}

function add(flights, last, flight) {
  const { kind, from, to, begins } = flight;
  const name = `${kind} ${from} ${to}`;
  if (from === to || !from || !to || Math.abs(begins - (last.get(name) ?? -Infinity)) < (APART[kind] ?? 0)) return;
  last.set(name, begins);
  flights.push(flight);
}

const owner = ({ ballot, peer }) => Number(String(ballot).split(".")[1]) || peer;

/**
 * Where messages are at a moment: `part` of their way. `passes(from, to)` says whether the link
 * carries them, and who is there to take them: the others are lost half way, and a reply to what
 * was lost is none.
 */
export function flying({ flights }, at, passes) {
  const shown = [];
  for (const one of flights) {
    const part = (at - one.begins) / FLIGHT;
    if (part < 0 || part >= 1) continue;
    const lost = !passes(one.from, one.to);
    if (one.kind === "heard" && !passes(one.to, one.from)) continue;
    shown.push({ ...one, part: lost ? Math.min(part, 0.45) : part, lost: lost && part >= 0.45 });
  }
  return shown;
}
