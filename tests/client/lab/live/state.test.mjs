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
    state = take(state, batch(at, { columns: [[at, 1, 1, null]], happened: Array.from({ length: 2 * HAPPENED }, () => ({ at, text: "" })) }));
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

const { passes } = await import(new URL("live_state.js", PAGE));
const { absence, bound, lease, slots } = await import(new URL("live_moments.js", PAGE));
const { heard, health, hung, standing, unled } = await import(new URL("live_standing.js", PAGE));
const { beats, DELAY, FLIGHT, flying, launch, MOST, none } = await import(new URL("live_flights.js", PAGE));
const { came, Orders, shortly } = await import(new URL("live_orders.js", PAGE));
const { crossed } = await import(new URL("live_stroke.js", PAGE));

const moment = (at, { leads = false, grant = 0.5, promised = [3, 1], accepted = [], chosen = 0, applied = 0 } = {}) =>
  ({ at, acceptor: { promised, grant, hold: 0, accepted }, proposer: { leads, ballot: promised, reads: false }, learner: { chosen, applied }, front: null });
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
  assert.equal(lease(led({ 1: moment(10, { leads: true }), 2: moment(10, { grant: 0.3 }), 3: moment(10, { grant: 0.1 }) }), 10), 0.3);
  assert.equal(lease(led({ 1: moment(10, { leads: true }), 2: moment(10, { promised: [4, 2] }) }), 10), 0);
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

test("slots of several replicas are compared at one moment", () => {
  const seen = (state, id, at, applied) => take(state, batch(at, { picture: picture(replica(1), replica(2), replica(3)), moments: { [id]: moment(at, { applied }) } }));
  let state = nothing();
  for (let step = 0; step < 20; step++) {  // both apply a thousand a second, and are asked in turn
    state = seen(state, 1, 10 + step / 10, 1000 + 100 * step);
    state = seen(state, 2, 10.05 + step / 10, 1050 + 100 * step);
  }
  const [one, two] = [1, 2].map((id) => bound(state, id, 11.5));
  assert.deepEqual([one.applied, two.applied, one.behind, two.behind], [2500, 2500, 0, 0]);
  state = seen(state, 3, 11.9, 1200);
  const [ahead, late] = [1, 3].map((id) => bound(state, id, 11.5));
  assert.equal(late.behind, ahead.applied - late.applied);
});

// --- who leads, and what is said of it -----------------------------------------------------------

const five = (more = {}) => Array.from({ length: 5 }, (_, index) => replica(index + 1, more[index + 1]));
const seen = (before, at, replicas, moments, more = {}) =>
  take(before, batch(at, { picture: { ...picture(...replicas), needs: 3, quorum: true, ...more }, moments }));
const all = (at, made) => Object.fromEntries([1, 2, 3, 4, 5].map((id) => [id, moment(at, made(id))]));

test("the leader is gone: no leader yet is not no quorum", () => {
  const replicas = five({ 1: { answers: false, state: "down" } });
  const now = seen(nothing(), 10, replicas, {}, { health: "no quorum", leader: null, up: 4 });
  assert.equal(health(now), "no leader yet: an election runs, 4 of 5 up, 3 needed");
  const fewer = seen(nothing(), 10, replicas, {}, { health: "no quorum", leader: null, up: 2, quorum: false });
  assert.equal(health(fewer), "no quorum: nobody leads, 2 of 5 up, 3 needed");
  assert.match(health(seen(nothing(), 10, five(), {}, { up: 5 })), /^serving: replica 1 leads/);
});

test("an engine without leaders has replicas that are up, and none is silent where roles are not asked", () => {
  const other = { led: false, leader: null, up: 4, quorum: false };
  const gone = seen(nothing(), 10, five({ 2: { answers: false, state: "not asked yet" } }), {}, other);
  const now = seen(gone, 20, five(), {}, { ...other, health: "no quorum" });
  assert.equal(health(now), "no quorum: 4 of 5 up, 3 needed");
  assert.deepEqual([1, 2, 3].map((id) => standing(now, now.replicas.get(id))), ["up", "up", "up"]);
  assert.equal(health(seen(now, 30, five(), {}, { ...other, up: 5 })), "serving: 5 of 5 up, 3 needed");
});

test("a new leader leads as soon as it says so, though looks still show the old one", () => {
  const made = (id) => ({ leads: id === 2, promised: id === 1 ? [1, 1] : [2, 2] });
  const now = seen(nothing(), 10, five({ 1: { ballot: "1.1" }, 2: { ballot: "1.1" } }), all(10, made), { leader: 1 });
  assert.equal(now.leader, 2);
  assert.equal(standing(now, now.replicas.get(2)), "leads 2.2");
  assert.equal(standing(now, now.replicas.get(1)), "follows");
});

test("one that a majority has left behind does not lead, whatever it believes", () => {
  const made = (id) => ({ leads: id === 1, promised: id < 3 ? [1, 1] : [2, 3] });
  const moments = all(10, made);
  moments[1].proposer.ballot = [1, 1];
  const now = seen(nothing(), 10, five({ 1: { ballot: "1.1" } }), moments, { leader: 1 });
  assert.equal(now.leader, null);
  assert.equal(standing(now, now.replicas.get(1)), "believes it leads 1.1");
});

test("who is cut off from the leader says since when, and who is silent for how long", () => {
  const whole = seen(nothing(), 10, five({ 1: { ballot: "3.1" } }), all(10, () => ({})));
  const cuts = { 1: { ballot: "3.1", cuts: [[1, 2], [2, 1], [3, 1]] } };
  const first = seen(whole, 10.5, five(cuts), all(10.5, (id) => ({ leads: id === 1 })));
  const moments = all(13.7, (id) => ({ leads: id === 1 }));
  delete moments[4];
  const now = seen(first, 13.7, five(cuts), moments);
  const said = [1, 2, 3, 4, 5].map((id) => standing(now, now.replicas.get(id)));
  assert.deepEqual(said, ["leads 3.1", "hears no leader", "is not heard", "silent for 3.2 s", "follows"]);
  assert.deepEqual([1, 2, 3].map((id) => heard(now, id)), ["", "last heard 3.2 s ago", "last heard 3.2 s ago"]);
  const back = seen(now, 14, five(), all(14, (id) => ({ leads: id === 1 })));
  assert.equal(standing(back, back.replicas.get(2)), "follows");
  const alone = { 1: { ballot: "3.1", cuts: [1, 3, 4, 5].flatMap((id) => [[id, 2], [2, id]]) } };
  const off = seen(back, 15, five(alone), all(15, (id) => ({ leads: id === 1 })));
  assert.deepEqual([2, 3].map((id) => standing(off, off.replicas.get(id))), ["cut off", "follows"]);
});

test("a replica without a leader says why it follows nobody", () => {
  const event = (on, kind, text, at) => ({ event: kind, replica: on, peer: 1, ballot: "3.1", at, text });
  const events = [event(2, "leads", "", 5), event(2, "leads no more", "leads no more replica=1 reason=no heartbeat in time", 9),
    event(1, "leads no more", "leads no more replica=1 reason=no quorum answered for one election time", 9), event(3, "leads no more", "reason=x", 8), event(3, "leads", "", 9)];
  const gone = { health: "no quorum", leader: null };
  const now = take(nothing(), batch(10, { picture: { ...picture(...five()), ...gone }, events }));
  assert.deepEqual([1, 2, 3, 4].map((id) => unled(now, id)), ["no majority answered", "no heartbeat of 1 in time", "", ""]);
  assert.equal(unled({ ...now, leader: 2 }, 2), "");
});

test("a disk that hangs is known of its replica, whichever role waits for it", () => {
  const up = { state: "up", incarnation: 1 };
  assert.equal(hung({ roles: { acceptor: { ...up, hangs: 3.2 }, learner: { ...up, hangs: 0.7 }, proposer: { ...up, hangs: null } } }), 3.2);
  assert.equal(hung({ roles: { acceptor: up } }), 0);
  assert.equal(hung({ roles: null }), 0);
});

test("a long reason is shown by what it begins with", () => {
  const lost = "replica 2 is not started: its disk is lost: /tmp/replica2 is missing. Nothing was formatted";
  assert.equal(absence({ state: "down", reason: "its disk is lost: /tmp/replica2 is missing; do this" }), "down: its disk is lost");
  assert.equal(absence({ state: "not answering", reason: "its process runs but does not answer" }), "runs, but does not answer");
  assert.equal(came({ said: [], refused: lost }), lost);
});

test("of clients that are asked for while others are on their way, the last number is what there is", async () => {
  const orders = new Orders("t", null, () => {}), sent = [];
  orders.send = async ({ clients }) => { sent.push(clients); await null; return {}; };
  await Promise.all([1, 2, 3].map((many) => orders.work(many)));
  assert.deepEqual(sent, [1, 3]);
});

test("orders under way and what came of them are in words of the page", () => {
  assert.equal(shortly(["CONTINUE 2"]), "resume 2");
  assert.equal(shortly(["failLink(1,2)", "CUT 1 3"]), "cut 1 → 2, cut 1 3");
  assert.equal(shortly(["KILL 1", "KILL 2", "KILL 3", "KILL 4"]), "kill 1, kill 2 and 2 more");
  assert.equal(came({ said: ["replica 1 is down until START 1"] }), "replica 1 is down until it is started again");
});

test("the log's row of one that does not answer says why", () => {
  const gone = five({ 2: { answers: false, state: "held", reason: "killed on purpose" }, 3: { answers: false, state: "not answering" } });
  const { rows } = slots(seen(nothing(), 10, gone, { 1: moment(10, { chosen: 100, applied: 100 }), 5: moment(10, { applied: 20 }) }), 8);
  assert.deepEqual(rows.map(({ says }) => says), ["", "down: killed on purpose", "does not answer", "", "has applied all up to slot 20"]);
});

test("what a replica reported of its roles goes when it does not answer any more", () => {
  const gone = picture(replica(1, { answers: false, state: "down" }), replica(2), replica(3));
  assert.equal(take(led({ 1: moment(10) }), batch(11, { picture: gone })).moments.size, 0);
});

// --- orders --------------------------------------------------------------------------------------

const { network } = await import(new URL("live_panel.js", PAGE));

test("only links between replicas that answer are cut together: to others it would be refused half way", () => {
  const state = seen(nothing(), 10, five({ 2: { answers: false, state: "held" } }), {});
  const lines = Object.fromEntries(network(state, 3).map(([, text, , given]) => [text, given]));
  assert.deepEqual(lines.mute, ["failLink(3,1)", "failLink(3,4)", "failLink(3,5)"]);
  assert.deepEqual(lines["cut off"], ["CUT 3 1", "CUT 3 4", "CUT 3 5"]);
  assert.deepEqual(network(state, 2), [], "one that is down has no links");
});

test("what was done before a refusal is said too", () => {
  assert.equal(came({ said: ["cut: 3>1"], refused: "UNAVAILABLE: replica 2 is down" }), "Done: cut: 3>1. UNAVAILABLE: replica 2 is down");
  assert.equal(came({ said: ["a", "b"] }), "a; b");
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

test("a snapshot is asked for, its first page comes, and of later ones the last is drawn", () => {
  const drawn = (text) => launch(none(), [event("snapshot", 1, 3, 5, { text })], 1, [1, 3, 5]).flights.map(({ kind, from, to }) => [kind, from, to]);
  assert.deepEqual(drawn("snapshot from=5 begins"), [["fetch", 3, 5], ["snapshot", 5, 3]]);
  assert.deepEqual(drawn("snapshot from=5 installed pages=4 applied=9"), [["snapshot", 5, 3]]);
  assert.deepEqual(drawn("snapshot from=5 installed pages=1 applied=9"), []);
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
  const told = election(events, "4.2", 2).map(({ text }) => text);
  assert.equal(told.length, 5);
  assert.equal(told[0], "Replica 2 follows replica 1, which led at 3.1, no more: no heartbeat of it came in time.");
  assert.match(told[2], /a lease that it may have granted still runs/);
  assert.match(told[4], /Replica 2 has a majority/);
  assert.deepEqual(election(events, "7.7", 2), []);
});

test("a change of leader: who missed which heartbeat, who would promise, what the lease forbade until when", () => {
  const voted = (at, on, text, ballot = "4.2") => event("pre-voted", at, on, 2, { ballot, text: `pre-voted ballot=${ballot} to=2 ${text}` });
  const told = election([
    event("pre-vote", 10, 2, 0, { ballot: "4.2", text: "pre-vote ballot=4.2 heartbeat=3.1 ago=0.812s" }),
    voted(10.01, 3, "no promised=3.1 lease=3.1 left=0.214s"), voted(10.02, 1, "no promised=9.4"),
    event("pre-vote", 10.2, 3, 0, { ballot: "4.3", text: "pre-vote ballot=4.3 heartbeat=3.1 ago=0.900s" }),
    voted(10.3, 3, "yes"), voted(10.31, 2, "yes"),
    event("campaign", 10.4, 2, 0, { ballot: "4.2" }),
    event("promise", 10.5, 3, 2, { ballot: "4.2", text: "promise ballot=4.2 to=2 accepted=2" }),
  ], "4.2", 2).map(({ text }) => text);
  assert.deepEqual(told, [
    "Replica 2 has heard no heartbeat of replica 1, which led at 3.1, for 0.81 s, and asks who would promise ballot 4.2 (a pre-vote).",
    "Acceptor 3 would not promise 4.2 yet: the lease of replica 1, which leads at 3.1, runs for another 0.21 s.",
    "Acceptor 1 would not promise 4.2: it has promised 9.4.",
    "Replica 3 has heard no heartbeat of replica 1, which led at 3.1, for 0.90 s, and asks who would promise ballot 4.3 (a pre-vote).",
    "Acceptors 2 and 3 would promise 4.2.",
    "Replica 2 asks all to promise ballot 4.2.",
    "Acceptor 3 promises 4.2 to replica 2: from now on it accepts nothing at a lower ballot. It reports 2 accepted slots.",
  ]);
});

const ended = (at, on, why, more = {}) =>
  event("leads no more", at, on, 1, { text: `leads no more replica=1 ballot=3.1 after=4.0s reason=${why}`, ...more });

test("the end of the term before: the leader's own word, and why its followers follow it no more, once", () => {
  const heard = "no heartbeat in time", hung = "handed over to replica 2: the disk of its own acceptor hangs";
  const events = [ended(9, 1, hung), ...[2, 4, 5].map((on) => ended(9.1, on, heard)), ended(9.2, 3, "this replica won ballot 4.3"),
    event("campaign", 10, 2, 0, { ballot: "4.2" }), event("leads", 10.5, 2, 2, { ballot: "4.2" }),
    ended(10.5, 3, "replica 2 won ballot 4.2")];
  assert.deepEqual(election(events, "4.2", 3).map(({ text }) => text).slice(0, 3), [
    "Replica 1 leads at 3.1 no more: handed over to replica 2: the disk of its own acceptor hangs.",
    "Replicas 2, 4 and 5 follow replica 1, which led at 3.1, no more: no heartbeat of it came in time.",
    "Replica 3 follows replica 1, which led at 3.1, no more: it won ballot 4.3 itself.",
  ]);
});

test("who was asked to lead: in the order of cause, whatever the clocks say, and it missed no heartbeat", () => {
  const why = "handed over to replica 2: leadership goes to the lowest number that can lead";
  const vote = event("pre-vote", 9.99, 2, 0, { ballot: "4.2", text: "pre-vote ballot=4.2 heartbeat=3.1 ago=0.002s" });
  const events = [vote, event("campaign", 9.995, 2, 0, { ballot: "4.2" }), event("leads", 10, 2, 2, { ballot: "4.2" }),
    event("hand-over", 10.01, 2, 1), ended(10.9, 1, why), event("hand-over", 14, 3, 2, { ballot: "4.2" })];
  assert.deepEqual(election(events, "4.2", 3).map(({ text }) => text), [
    `Replica 1 leads at 3.1 no more: ${why}.`, "Replica 1 asks replica 2 to lead, which campaigns at once.",
    "Replica 2 asks who would promise ballot 4.2 (a pre-vote).", "Replica 2 asks all to promise ballot 4.2.",
    "Replica 2 has a majority of promises: it leads at 4.2.",
  ]);
});

test("what is of a ballot after it leads, its end and slots that are refused, is no part of how it came to", () => {
  const events = [event("campaign", 8, 1, 0), event("leads", 8.5, 1, 1), event("refuse", 20, 3, 1, { text: "refuse slot=7 ballot=3.1 promised=4.2 reason=ballot" }),
    event("pre-vote", 20.1, 5, 0, { ballot: "4.5", text: "pre-vote ballot=4.5 heartbeat=none" }), ended(20.2, 1, "acceptor 3 promised 4.2")];
  assert.deepEqual(election(events, "3.1", 2).map(({ text }) => text),
    ["Replica 1 asks all to promise ballot 3.1.", "Replica 1 has a majority of promises: it leads at 3.1."]);
});

test("what acceptors answered to one that may be handed the lead is no part of its election later", () => {
  const voted = (at, text) => event("pre-voted", at, 3, 2, { ballot: "4.2", text: `pre-voted ballot=4.2 to=2 ${text}` });
  const events = [voted(3, "no promised=3.1 lease=3.1 left=0.450s"),
    event("pre-vote", 10, 2, 0, { ballot: "4.2", text: "pre-vote ballot=4.2 heartbeat=none" }), voted(10.1, "yes")];
  assert.deepEqual(election(events, "4.2", 2).map(({ text }) => /who would|would not|would/.exec(text)[0]), ["who would", "would"]);
});

test("an earlier candidacy at the same ballot, and what others did then, is no part of the one that won", () => {
  const vote = (at, text) => event("pre-vote", at, 2, 0, { ballot: "4.2", text: `pre-vote ballot=4.2 heartbeat=${text}` });
  const events = [vote(1, "none"), event("pre-vote", 1.1, 3, 0, { ballot: "4.3", text: "pre-vote ballot=4.3 heartbeat=none" }), vote(100, "3.1 ago=0.510s"),
    event("campaign", 100.1, 2, 0, { ballot: "4.2" })];
  assert.deepEqual(election(events, "4.2", 3).map(({ text }) => text), [
    "Replica 2 has heard no heartbeat of replica 1, which led at 3.1, for 0.51 s, and asks who would promise ballot 4.2 (a pre-vote).",
    "Replica 2 asks all to promise ballot 4.2."]);
});

test("no answer stands before its question, whichever replica's report comes first", () => {
  const promise = (at, on) => event("promise", at, on, 2, { ballot: "4.2" });
  const voted = event("pre-voted", 9.9, 3, 2, { ballot: "4.2", text: "pre-voted ballot=4.2 to=2 yes" });
  const events = [voted, promise(10.1, 3), promise(10.15, 4), event("campaign", 10.2, 2, 0, { ballot: "4.2" }), promise(10.3, 2),
    event("pre-vote", 10, 2, 0, { ballot: "4.2", text: "pre-vote ballot=4.2 heartbeat=none" }), event("leads", 10.4, 2, 2, { ballot: "4.2" })];
  const told = election(events, "4.2", 3).map(({ text }) => /who would|asks all|Acceptor (\d)|majority of/.exec(text)[0]);
  assert.deepEqual(told, ["who would", "Acceptor 3", "asks all", "Acceptor 2", "Acceptor 3", "Acceptor 4", "majority of"]);
});

test("who leads had its promises before, whatever clocks say; what came after is marked", () => {
  const promise = (at, on) => event("promise", at, on, 2, { ballot: "4.2" });
  const events = [event("campaign", 10, 2, 0, { ballot: "4.2" }), promise(10.1, 2), event("leads", 10.2, 2, 2, { ballot: "4.2" }),
    promise(10.3, 3), promise(10.4, 4), promise(10.5, 1), event("leads open", 10.6, 2, 2, { ballot: "4.2" })];
  const told = election(events, "4.2", 3).map(({ text }) => text);
  assert.deepEqual(told.map((text) => /asks|Acceptor (\d)|majority of|taken over/.exec(text)[0]),
    ["asks", "Acceptor 2", "Acceptor 3", "Acceptor 4", "majority of", "taken over", "Acceptor 1"]);
  assert.match(told.at(-1), /the majority was there by then/);
});

test("a slot: three sentences, with the acceptors where they are known", () => {
  const block = { slot: 7, ballot: [3, 1], acceptors: [1, 2, 4], commands: [{ op: "put", args: ["k", "v"] }], count: 1 };
  const [proposed, accepted, later] = slotWords(block, 5);
  assert.match(proposed, /Replica 1 proposed it at ballot 3.1. It holds: put k v/);
  assert.match(accepted, /1, 2 and 4 had accepted/);
  assert.match(later, /only 2 are not among these/);
  assert.match(slotWords({ ...block, acceptors: [1, 2, 3, 4, 5] }, 5)[2], /and all are among these/);
  assert.match(slotWords({ ...block, acceptors: [], commands: [], count: 0 }, 5).join(" "), /no-op.*only the leader of that time knows/);
});
