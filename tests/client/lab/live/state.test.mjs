// The live page's state, without a browser: frames in, state out.

import assert from "node:assert/strict";
import { test } from "node:test";

const PAGE = new URL("../../../../client/lab/page/", import.meta.url);
const { COLUMNS, HAPPENED, links, nothing, places, take } = await import(new URL("live_state.js", PAGE));

const replica = (id, more = {}) => ({ id, state: "up", answers: true, roles: {}, cuts: [], ...more });
const picture = (...replicas) => ({ replicas, health: "serving", leader: 1, trouble: null, up: replicas.length, needs: 2 });
const batch = (at, more = {}) =>
  ({ kind: "batch", at, picture: picture(replica(1), replica(2), replica(3)), columns: [], happened: [], events: [], dropped: 0, ...more });

test("a frame is taken, and the state before it stays as it was", () => {
  const before = nothing();
  const after = take(before, batch(5));
  assert.deepEqual([...after.replicas.keys()], [1, 2, 3]);
  assert.equal(after.trouble, null);
  assert.deepEqual(before, nothing());
});

test("a fresh frame replaces all, and counts what was missed", () => {
  let state = take(nothing(), batch(5, { happened: [{ at: 1, text: "old" }], columns: [[1, 2, 2, null]] }));
  state = take(state, { ...batch(9), kind: "fresh", missed: 7, happened: [{ at: 2, text: "new" }] });
  assert.deepEqual(state.happened.map(({ text }) => text), ["new"]);
  assert.equal(state.columns.size, 0);
  assert.equal(state.missed, 7);
});

test("what is kept is bounded", () => {
  let state = nothing();
  for (let at = 0; at < 3 * COLUMNS; at++) {
    state = take(state, batch(at, { columns: [[at, 1, 1, null]], happened: [{ at, text: `${at}` }] }));
  }
  assert.equal(state.columns.size, COLUMNS);
  assert.equal(state.happened.length, HAPPENED);
  assert.equal(Math.max(...state.columns.keys()), 3 * COLUMNS - 1);
});

test("a cut has a direction, whoever of its two ends reports it", () => {
  const cut = picture(replica(1, { cuts: [[1, 2]] }), replica(2, { cuts: [[1, 2], [3, 2]] }), replica(3));
  const found = links(take(nothing(), batch(1, { picture: cut })));
  assert.deepEqual(found, [
    { one: 1, other: 2, there: true, back: false, slow: false },
    { one: 1, other: 3, there: false, back: false, slow: false },
    { one: 2, other: 3, there: false, back: true, slow: false },
  ]);
});

test("the first replica stands at the top, and all within the margin", () => {
  const found = [...places([1, 2, 3, 4, 5], 800, 600, { x: 90, y: 80 }).values()];
  assert.deepEqual(found[0], { x: 400, y: 80 });
  for (const { x, y } of found) assert.ok(x >= 90 && x <= 710 && y >= 80 && y <= 520);
});

test("a frame of another kind changes nothing", () => {
  assert.deepEqual(take(nothing(), { kind: "other" }), nothing());
  assert.equal(take(nothing(), { kind: "retired" }).retired, true);
});

// --- leases and slots ----------------------------------------------------------------------------

const { bound, lease, passes, slots } = await import(new URL("live_state.js", PAGE));
const { beats, DELAY, FLIGHT, flying, launch, MOST, none } = await import(new URL("live_flights.js", PAGE));
const { crossed } = await import(new URL("live_stroke.js", PAGE));

const moment = (at, { grant = 0.5, promised = [3, 1], accepted = [], chosen = 0, applied = 0 } = {}) =>
  ({ at, acceptor: { promised, grant, hold: 0, accepted }, proposer: { leads: false, reads: false }, learner: { chosen, applied }, front: null });
const led = (moments) => {
  const all = picture(replica(1, { ballot: "3.1" }), replica(2), replica(3));
  return take(nothing(), batch(10, { picture: all, moments }));
};

test("a grant runs out by itself, also when its replica is silent", () => {
  const state = led({ 1: moment(10) });
  assert.equal(bound(state, 1, 10.2).grant.toFixed(2), "0.30");
  assert.equal(bound(state, 1, 11).grant, 0);
  assert.equal(bound(state, 2, 10), null);
});

test("a leader's lease is what a majority grants to its ballot", () => {
  assert.equal(lease(led({ 1: moment(10), 2: moment(10, { grant: 0.3 }), 3: moment(10, { grant: 0.1 }) }), 10), 0.3);
  assert.equal(lease(led({ 1: moment(10), 2: moment(10, { promised: [4, 2] }) }), 10), 0);
});

test("slots fill from accepted to chosen to applied, in the colour of the ballot's owner", () => {
  const state = led({
    1: moment(10, { accepted: [[7, [3, 1]], [6, [3, 1]]], chosen: 6, applied: 5 }),
    2: moment(10, { accepted: [[7, [3, 1]]], chosen: 5, applied: 5 }),
  });
  const { numbers, rows } = slots(state, 3);
  assert.deepEqual(numbers, [5, 6, 7]);
  assert.deepEqual(rows[0].cells, [{ what: "applied", owner: 0 }, { what: "chosen", owner: 1 }, { what: "accepted", owner: 1 }]);
  assert.deepEqual(rows[1].cells.map(({ what }) => what), ["applied", "", "accepted"]);
});

test("what a replica reported of its roles goes when it does not answer any more", () => {
  const gone = picture(replica(1, { answers: false, state: "down" }), replica(2), replica(3));
  assert.equal(take(led({ 1: moment(10) }), batch(11, { picture: gone })).moments.size, 0);
});

// --- messages ------------------------------------------------------------------------------------

const event = (kind, at, on, peer, more = {}) => ({ event: kind, at, replica: on, peer, ballot: "3.1", text: "", ...more });

test("an acceptance flies to the acceptor, its answer afterwards back", () => {
  const state = launch(none(), [event("accept", 1, 2, 1), event("accepted", 1, 1, 2)], 1, [1, 2, 3]);
  const at = (time) => flying(state, time, () => true).map(({ kind, from, to }) => [kind, from, to]);
  assert.deepEqual(at(1 + DELAY + 0.1), [["accept", 1, 2]]);
  assert.deepEqual(at(1 + DELAY + FLIGHT + 0.1), [["accepted", 2, 1]]);
  assert.deepEqual(at(1 + DELAY + 2 * FLIGHT + 0.1), []);
});

test("a campaign asks all others; what a cut link loses ends half way", () => {
  const state = launch(none(), [event("campaign", 1, 2, 0, { ballot: "5.2" })], 1, [1, 2, 3]);
  const seen = flying(state, 1 + DELAY + 0.7, (from, to) => to !== 3);
  assert.deepEqual(seen.map(({ to, lost, ballot }) => [to, lost, ballot]), [[1, false, 2], [3, true, 2]]);
});

test("ten thousand events a second are a sample, and a bounded one", () => {
  let state = none();
  for (let batchOf = 0; batchOf < 20; batchOf++) {
    const events = Array.from({ length: 500 }, (_, n) => event("forward to", batchOf / 20 + n / 10000, 1 + (n % 5), 1 + ((n + 1) % 5)));
    state = launch(state, events, batchOf / 20, [1, 2, 3, 4, 5]);
    assert.ok(state.flights.length <= MOST);
  }
});

test("one leads: a heartbeat to each other, at most so often; nobody leads: none", () => {
  const ids = [1, 2, 3];
  const once = beats(none(), 5, 1, ids);
  assert.deepEqual(once.flights.map(({ kind }) => kind), ["heartbeat", "heard", "heartbeat", "heard"]);
  assert.equal(beats(once, 5.1, 1, ids), once);
  assert.equal(beats(none(), 5, null, ids).flights.length, 0);
});

test("a link carries to who is there, unless it is cut that way", () => {
  const cut = picture(replica(1, { cuts: [[1, 2]] }), replica(2), replica(3, { answers: false }));
  const carries = passes(take(nothing(), batch(1, { picture: cut })));
  assert.deepEqual([carries(1, 2), carries(2, 1), carries(1, 3), carries(3, 1)], [false, true, false, true]);
});

// --- a line drawn with the mouse -----------------------------------------------------------------

test("a stroke cuts the links that it crosses, and no other", () => {
  const where = new Map([[1, { x: 0, y: 0 }], [2, { x: 100, y: 0 }], [3, { x: 100, y: 100 }]]);
  const all = [{ one: 1, other: 2 }, { one: 1, other: 3 }, { one: 2, other: 3 }];
  const stroke = [{ x: 50, y: -20 }, { x: 60, y: 20 }, { x: 60, y: 40 }];
  assert.deepEqual(crossed(stroke, all, where), [{ one: 1, other: 2 }]);
  assert.deepEqual(crossed([...stroke, { x: 60, y: 80 }], all, where), all.slice(0, 2));
  assert.deepEqual(crossed([{ x: 50, y: -20 }], all, where), []);
});

// --- why -----------------------------------------------------------------------------------------

const { election, slotWords } = await import(new URL("live_why.js", PAGE));

test("a change of leader: who led before and why no more, who promised, who refused", () => {
  const events = [
    event("leads no more", 9, 2, 1, { text: "leads no more replica=1 ballot=3.1 after=4.0s reason=no heartbeat in time" }),
    event("campaign", 10, 2, 0, { ballot: "4.2" }),
    event("refuse", 10.1, 3, 2, { ballot: "4.2", text: "refuse ballot=4.2 to=2 promised=3.1 reason=lease" }),
    event("promise", 10.4, 3, 2, { ballot: "4.2" }), event("leads", 10.5, 2, 2, { ballot: "4.2" }), event("leads", 10.6, 3, 2, { ballot: "4.2" }),
    event("campaign", 30, 4, 0, { ballot: "9.4" }),
  ];
  const told = election(events, "4.2").map(({ text }) => text);
  assert.equal(told.length, 5);
  assert.match(told[0], /Replica 1 led at 3.1 until then: no heartbeat in time/);
  assert.match(told[2], /lease for another leader still runs/);
  assert.match(told[4], /Replica 2 has a majority/);
  assert.deepEqual(election(events, "7.7"), []);
});

test("a slot: three sentences, with the acceptors where they are known", () => {
  const block = { slot: 7, ballot: [3, 1], acceptors: [1, 2, 4], commands: [{ op: "put", args: ["k", "v"] }], count: 1 };
  const [proposed, accepted, later] = slotWords(block, 5);
  assert.match(proposed, /Replica 1 proposed it at ballot 3.1. It holds: put k v/);
  assert.match(accepted, /1, 2, 4 had accepted/);
  assert.match(later, /only 2 are not among these/);
  assert.match(slotWords({ ...block, acceptors: [], commands: [], count: 0 }, 5).join(" "), /no-op.*only the leader of that time knows/);
});
