// The page's pure modules, without a browser; TRACES is a folder of traces, by name.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const PAGE = new URL("../../../client/lab/page/", import.meta.url);
const { read } = await import(new URL("trace.js", PAGE));
const { ALL, EVENTS, LEARNED, replicaOf } = await import(new URL("records.js", PAGE));
const { less, spell } = await import(new URL("ballots.js", PAGE));
const { isLost, isOutdated, SPACING, Timeline } = await import(new URL("state.js", PAGE));
const { culprit, say, guilty } = await import(new URL("words.js", PAGE));
const { before, history, slotOf, story } = await import(new URL("why.js", PAGE));
const { address, readAddress } = await import(new URL("address.js", PAGE));
const { labels, lines, verdict, writes } = await import(new URL("pulse.js", PAGE));
const { merge, place } = await import(new URL("merged.js", PAGE));
const { deed, deeds, forked, lineage, origin } = await import(new URL("forks.js", PAGE));
const { election, latestBallot, told } = await import(new URL("election.js", PAGE));
const { held } = await import(new URL("twophase.js", PAGE));
const { rows } = await import(new URL("layout.js", PAGE));

const text = (name) => readFileSync(`${process.env.TRACES}/${name}.jsonl`, "utf8");
const NAMES = ["scenario", "seed", "bug", "2pc", "2pc_bug"];

for (const name of NAMES) {
  const trace = read(text(name));
  const last = trace.steps.length - 1;

  test(`${name}: all of it is read, in the order of its lines`, () => {
    assert.equal(trace.problem, "");
    const lines = text(name).split("\n").map((line) => line && JSON.parse(line))
      .filter((record) => record && !["run", "began", "values", "end"].includes(record.kind));
    assert.deepEqual(trace.steps.flatMap((step) => step.records), lines);
  });

  test(`${name}: a state is the same forwards, backwards and from anywhere`, () => {
    const forwards = new Timeline(trace), jumping = new Timeline(trace), kept = new Map();
    const wanted = [0, 1, SPACING - 1, SPACING, SPACING + 1, last - 1, last]
      .filter((step, index, all) => step >= 0 && step <= last && all.indexOf(step) === index);
    for (let step = 0; step <= last; step++) {
      const state = forwards.at(step);
      if (wanted.includes(step)) kept.set(step, structuredClone(state));
    }
    for (const step of [...wanted].reverse()) assert.deepEqual(jumping.at(step), kept.get(step));
    for (const step of wanted) assert.deepEqual(new Timeline(trace).at(step), kept.get(step));
  });

  test(`${name}: every message has a fate, and what flies in the end is open`, () => {
    const fates = [...trace.messages.values()].map((message) => message.fates.at(-1)?.fate);
    assert.ok(fates.every(Boolean));
    assert.equal(new Timeline(trace).at(last).flying.size, 0);
  });

  test(`${name}: every step has a sentence`, () => {
    for (let step = 0; step <= last; step++) {
      const { sentence } = say(trace, step);
      assert.match(sentence, /\S/);
      assert.doesNotMatch(sentence, /undefined|NaN|\[object|cannot be put/, `step ${step}: ${sentence}`);
    }
  });

  test(`${name}: grains are one within the other`, () => {
    const count = (grain) => trace.steps.filter((step) => step.weight >= grain).length;
    assert.ok(count(ALL) > count(EVENTS) && count(EVENTS) > count(LEARNED) && count(LEARNED) > 0);
    assert.ok(rows(trace, last, ALL, 30).length <= 30);
  });
}

test("a run without faults of the checker ends with equal replicas", () => {
  const trace = read(text("seed"));
  const state = new Timeline(trace).at(trace.steps.length - 1);
  const applied = [...state.replicas.values()].map((replica) => replica.applied);
  assert.deepEqual(new Set(applied), new Set([trace.end.slots]));
  assert.equal(state.slots.size, trace.end.slots);
  assert.ok([...state.slots.values()].every((slot) => slot.chosen));
  assert.ok(trace.steps.some(({ fault }) => fault));
});

test("an older leader is outdated once a majority has promised more", () => {
  const trace = read(text("scenario")), timeline = new Timeline(trace);
  const led = (step) => [...timeline.at(step).replicas.values()]
    .filter((replica) => replica.leads !== null)
    .map((replica) => [spell(replica.leads), isOutdated(timeline.at(step), replica.leads)]);
  const seen = new Set(trace.steps.flatMap((_, step) => led(step).map(String)));
  assert.ok(seen.has("1.2,false") && seen.has("2.1,false"));
});

test("a planted bug shows as a vote below a promise", () => {
  const trace = read(text("bug"));
  const state = new Timeline(trace).at(trace.steps.length - 1);
  const replica = state.replicas.get(guilty(state.verdict));
  assert.equal(spell(replica.promised), "1.1");
  assert.equal(spell(replica.vowed), "2.5");
  const at = trace.steps.findIndex((step) => step.records.some((one) => one.who === "verdict"));
  const { sentence, why, where } = say(trace, at);
  assert.match(sentence, /^Safety broke at \d\.\d{3} s: replica 5 votes at 1\.1, having promised 2\.5\.$/);
  assert.match(why, /accept nothing below its promise.*planted bug/);
  assert.match(why, /It broke with Accepted 1\.1 slot 8 of replica 5 to 1, which answers Accept 1\.1 slot 8/);
  assert.match(where, /Paxos Made Simple 2\.2/);
  const { type, from } = trace.messages.get(culprit(trace, at));
  assert.deepEqual([type, from], ["Accepted", "r5.acceptor"]);
  assert.equal(culprit(trace, at - 1), 0);
});

test("two-phase commit: every participant has carried out all that was committed", () => {
  const trace = read(text("2pc")), timeline = new Timeline(trace);
  const state = timeline.at(trace.steps.length - 1);
  const committed = [...state.transactions.values()].filter(({ decided }) => decided === "commit");
  assert.equal(committed.length, trace.end.slots);
  assert.ok(committed.every(({ votes, outcomes }) =>
    trace.replicas.every((id) => votes.get(id)?.yes && outcomes.get(id) === "commit")));
  assert.ok([...state.transactions.values()].every(({ prepared }) => prepared.size === 0));
  assert.deepEqual(new Set([...state.replicas.values()].map(({ applied }) => applied)), new Set([trace.end.slots]));
});

test("two-phase commit: who voted YES and hears nothing is in doubt, and says how long", () => {
  const trace = read(text("2pc")), timeline = new Timeline(trace);
  const asks = trace.steps.findIndex(({ records }) => records.some((one) =>
    one.kind === "left" && one.mail.some(({ type }) => type === "Inquire")));
  assert.match(say(trace, asks).sentence, /^Participant \d is in doubt about T\d\.\d+.*asks replica \d\.$/);
  const asker = replicaOf(trace.steps[asks].records.find(({ kind }) => kind === "left").who);
  const [[name, since]] = held(timeline.at(asks), asker);
  assert.match(name, /^T\d\.\d+$/);
  assert.ok(timeline.at(asks).at - since > 0.3);
});

test("two-phase commit: a planted bug is named with its transaction", () => {
  const trace = read(text("2pc_bug"));
  const at = trace.steps.findIndex((step) => step.records.some((one) => one.who === "verdict"));
  assert.match(say(trace, at).sentence, /^Safety broke at \d\.\d{3} s: transaction T2\.1 is committed without votes of replica 4\.$/);
  assert.match(say(trace, at).why, /needs the YES of every participant/);
});

test("why a slot has its value: a later majority shares an acceptor", () => {
  const trace = read(text("scenario"));
  const known = history(trace, 2, trace.steps.length - 1);
  assert.deepEqual(known.ballots.map(({ ballot }) => spell(ballot)), ["1.2", "2.1"]);
  const said = story(known, trace.values).join(" ");
  assert.match(said, /Replica 2 proposed put k = \w+ at ballot 1\.2/);
  assert.match(said, /ballot 2\.1 replica 1 needed a majority too/);
  assert.match(said, /in both majorities, so it learned of the value, and proposed that again/);
  const early = known.ballots[0].proposed.step;
  assert.match(story(history(trace, 2, early), trace.values).join(" "), /it takes 2 for it/);
  assert.match(story(history(trace, 99, early), trace.values)[0], /Nobody has proposed/);
});

test("a trace that is cut off is shown up to there", () => {
  const whole = text("scenario");
  const trace = read(whole.slice(0, whole.length / 2));
  assert.match(trace.problem, /line \d+: it is no JSON/);
  assert.ok(trace.steps.length > 10);
});

const HOSTILE = [
  "", "null", "[]", "<script>alert(1)</script>", '{"kind":"run","format":2}', '{"kind":"began"}',
];
for (const line of HOSTILE) {
  test(`no trace: ${line}`, () => {
    const trace = read(`${line}\n`);
    assert.notEqual(trace.problem, "");
    assert.equal(trace.steps.length, 0);
  });
}

const BEGUN = '{"kind":"run","format":1}\n{"kind":"began","replicas":[1,2],"roles":["acceptor"]}\n';
const STRANGE = [
  { kind: "left", who: "r1.acceptor", cause: 0, at: 1 },
  { kind: "left", who: "r1.acceptor", cause: 0, at: 1, mail: [{ id: 1, to: "r2.x", type: "Promise" }] },
  { kind: "left", who: "r9.acceptor", cause: 0, at: 1, mail: [{ id: 1, to: 7, type: "Accepted", fields: {} }] },
  { kind: "left", who: "r1.a", cause: 0, at: 1, mail: [{ id: 1, to: "r2.b", type: "__proto__", fields: {} }] },
  { kind: "left", who: "r1.a", cause: 0, at: 1, mail: [{ id: 1, to: "r2.b", type: "constructor", fields: {} }] },
  { kind: "state", who: "r1.acceptor", at: 1 }, { kind: "links", at: 1 },
  { kind: "fate", id: 99, fate: "arrived", at: "soon" }, { kind: "acted", at: 1, replica: 1 },
  { kind: "__proto__", at: 1 }, { kind: "happened", who: 1, what: "process", at: 1 },
];
for (const record of STRANGE) {
  test(`a strange record ends nothing but the trace: ${JSON.stringify(record)}`, () => {
    const trace = read(`${BEGUN}${JSON.stringify(record)}\n`);
    const timeline = new Timeline(trace);
    timeline.check();
    for (let step = 0; step < trace.steps.length; step++) {
      timeline.at(step);
      assert.match(say(trace, step).sentence, /\S/);
    }
    assert.notEqual(trace.problem, "");
    assert.equal({}.polluted, undefined);
  });
}

test("an address leads to the same runs and the same place", () => {
  const asked = { protocol: "2pc", seed: 17, only: [3, 7], acts: ["1.6 kill 2", "1.7 cut 1 3"] };
  const beside = { bug: "naive-amnesia-rule", seed: 0 }, where = { step: 812, grain: 2, slot: 4 };
  const written = address(asked, beside, where);
  assert.deepEqual(readAddress(written), { asked, beside, where });
  assert.deepEqual(readAddress(""), { asked: null, beside: null, where: {} });
  assert.deepEqual(readAddress("#step=x&seed=-1"), { asked: null, beside: null, where: {} });
});

test("runs beside each other are walked by their times", () => {
  const traces = ["scenario", "bug"].map((name) => read(text(name)));
  const merged = merge(traces);
  assert.equal(merged.steps.length, traces[0].steps.length + traces[1].steps.length);
  assert.ok(merged.steps.every(({ at }, step) => step === 0 || at >= merged.steps[step - 1].at));
  assert.deepEqual(merged.steps.at(-1).stands, traces.map(({ steps }) => steps.length - 1));
  assert.equal(merged.steps[place(merged, 1, 99)].records, traces[1].steps[99].records);
});

test("acting in the past names the whole way to it", () => {
  const trace = read(text("bug")), asked = origin(trace);
  assert.deepEqual(asked, { protocol: "paxos", seed: 0, profile: "calm", bug: "accepts-below-promise", acts: [] });
  const once = forked(asked, 1.25, "kill 2"), twice = forked(once, 1.5, "mend");
  assert.deepEqual(twice.acts, ["1.25 kill 2", "1.5 mend"]);
  assert.deepEqual(lineage(twice), [asked, once, twice]);
  assert.deepEqual(lineage(twice).map(deed), ["the run as it was", "kill 2 at 1.250 s", "mend at 1.500 s"]);
  assert.deepEqual(readAddress(address(twice, null, {})).asked, twice);
  const scenario = origin(read(text("scenario")));
  assert.deepEqual(scenario, { protocol: "paxos", scenario: "duelling_proposers", acts: [] });
  assert.deepEqual(forked(scenario, 1.25, "kill 2").acts, ["1.25 kill 2"]);
  assert.equal(origin({ run: { live: true } }), null);
});

test("an attempt at the dare goes on from the step at which one stands", () => {
  const asked = { dare: 5, moves: ["kill 1", "run 3"], bug: "quorum-of-two" };
  assert.deepEqual(origin({ run: { dare: 5, moves: asked.moves, plant: "quorum-of-two" } }), asked);
  assert.deepEqual(forked(asked, 0, "start 1\nmend").moves, ["kill 1", "run 3", "start 1", "mend"]);
  assert.deepEqual(forked(asked, 0, "mend", 1).moves, ["kill 1", "mend"]);
  assert.deepEqual(lineage(asked).map(deed), ["no move yet", "kill 1", "run 3"]);
  assert.deepEqual(readAddress(address(asked, null, {})).asked, asked);
});

test("what can be done to a replica is what it is not yet", () => {
  const trace = read(text("bug")), state = new Timeline(trace).at(trace.steps.length - 1);
  const done = (id) => deeds(id, state.replicas.get(id), state).map(([, what]) => what).sort();
  assert.deepEqual(done(2), ["fail 2 acceptor", "fail 2 learner", "fail 2 proposer", "isolate 2", "kill 2", "stop 2"]);
  const down = new Timeline(trace).at(0);
  assert.deepEqual(deeds(2, down.replicas.get(2), down), [["start its process", "start 2"]]);
});

test("why somebody leads: silence, pre-votes, leases, promises, what it adopted", () => {
  const trace = read(text("stopped"));
  const at = trace.steps.findIndex(({ records }) => records.some(({ event }) =>
    event?.event === "leads" && event.ballot === "2.2" && event.peer === 2));
  assert.equal(spell(latestBallot(trace, at)), "2.2");
  const found = election(trace, latestBallot(trace, at), at), said = told(found);
  assert.equal(spell(found.former), "1.1");
  assert.deepEqual([...found.promises.keys()].sort(), [2, 3]);
  assert.deepEqual([...found.prevotes.keys()].sort(), [2, 3]);
  assert.ok(found.heard.get(2) < 1.52 && found.asked > 2.2);
  assert.ok(Math.max(...found.leases.values()) <= found.asked);
  assert.match(said[0], /^Replica 2 heard replica 1, which led at 1\.1, for the last time at 1\.4.*2 and 3 said yes/);
  assert.match(said[1], /^Leases for 1\.1 ran until .*all had ended by then/);
  assert.match(said[2], /^Acceptors 2 and 3 promised 2\.2: a majority\. From then on nothing can be chosen at 1\.1/);
  assert.match(said[2], /They reported nothing that is still open\.$/);
  const duel = read(text("scenario")), end = duel.steps.length - 1;
  assert.match(told(election(duel, latestBallot(duel, end), end)).find((one) => /: a majority/.test(one)),
    /promised 2\.1: a majority\..*reported.* slot 2 \(accepted at 1\.2\).*proposes the same again/);
  assert.equal(latestBallot(trace, 0), null);
});

/** The sentences at which Page Down stops. */
const stops = (trace) => trace.steps.flatMap(({ weight }, at) => weight === LEARNED ? [say(trace, at).sentence] : []);

test("the third lesson stops where something new is seen, and nowhere else", () => {
  const told = stops(read(text("old_leader"))), from = told.findIndex((one) => /paused/.test(one));
  const awaited = [
    /^Replica 1: paused/, /^The others hear nothing/, /^Replica 2 is asked to campaign/, /^Replica 2 wants to lead.* 2\.2/,
    /^Acceptor 2 promises 2\.2/, /^Acceptor 3 promises 2\.2.*makes it a majority/, /^Replica 2 leads at ballot 2\.2/,
    /^Acceptor 3 has accepted slot 3.*a no-op\. Now a majority has/, /^Slot 3 is chosen at ballot 2\.2.*a no-op/,
    /^A client asks replica 2 to write k = new\./, /^Acceptor 3 has accepted slot 4/,
    /^Slot 4 is chosen at ballot 2\.2, by acceptors 2, 3: put k = new\./, /^Replica 2, asked to write k = new, answers OK: it is done\./,
    /^Now the old leader's messages arrive/,
    /^Acceptor 2 refuses slot 3 at 1\.1 of replica 1: it has promised 2\.2\./, /^Acceptor 3 refuses slot 3 at 1\.1.* it has promised 2\.2\./,
    /^The old leader goes on/, /^Replica 1: resumed/, /^Acceptor 1 refuses a promise of 2\.2.*the lease that it granted to replica 1 still runs/,
    /^Acceptor 2 refuses a lease at 1\.1.* it has promised 2\.2/, /^Acceptor 3 refuses a lease/,
    /^Acceptor 2 refuses slot 3 at 1\.1/, /^Acceptor 3 refuses slot 3 at 1\.1/, /^Replica 1 leads no more: acceptor 2 promised 2\.2\./,
  ];
  awaited.forEach((pattern, at) => assert.match(told[from + at], pattern));
});

test("a scenario ends with its question, and the answer is one step on", () => {
  const trace = read(text("old_leader")), told = stops(trace);
  assert.match(told.at(-2), /^Question: [^.]*\?$/);
  assert.match(told.at(-1), /^Answer: The promises of acceptors 2 and 3/);
});

for (const name of ["scenario", "stopped", "old_leader"]) {
  test(`${name}: a refusal gives the promise that its acceptor has at that step`, () => {
    const trace = read(text(name)), timeline = new Timeline(trace);
    let seen = 0;
    trace.steps.forEach((_, at) => {
      const found = /^Acceptor (\d+) refuses (?:a lease at |a promise of |slot \d+ at )?([\d.]+).*it has promised (only )?(\d+\.\d+)/.exec(say(trace, at).sentence);
      if (!found) return;
      const [, id, , only, promised] = found, [round, replica] = found[2].split(".").map(Number);
      const { promised: held } = timeline.at(at).replicas.get(Number(id));
      assert.equal(promised, spell(held), say(trace, at).sentence);
      assert.equal(Boolean(only), less(held, { round, replica }));
      assert.equal(/promised a higher ballot/.test(say(trace, at).why), !only);
      seen += 1;
    });
    assert.ok(seen > 0);
  });
}

test("who leads no more takes no request over", () => {
  const trace = read(text("stopped"));
  const told = trace.steps.map((_, at) => say(trace, at).sentence).filter((one) => /^Replica 1 (has|takes) a request/.test(one));
  assert.ok(told.some((one) => /answers that it does not lead/.test(one)));
  assert.ok(told.every((one) => !/^Leader/.test(one)));
});

test("two-phase commit: an abort has its reason, and is where Page Down stops", () => {
  const trace = read(text("blocked")), told = stops(trace);
  const own = told.find((one) => /decides: everybody aborts T3\.5/.test(one));
  assert.match(own, /It had waited long enough for the vote of replica 1\./);
  assert.match(told.find((one) => /everybody aborts T1\.11/.test(one)), /the vote of replica 3\./);
  const all = trace.steps.map((_, at) => say(trace, at).sentence);
  assert.ok(all.some((one) => /hears from replica 2: T1\.11 has its YES too/.test(one)));
  assert.ok(all.every((one) => !/OUTCOME from|manager=|17592186|Answer\(/.test(one)));
  const paused = told.findIndex((one) => /^Replica 1: paused/.test(one));
  assert.ok(told.findIndex((one) => /is in doubt about T1\.11/.test(one)) - paused <= 3);
});

test("a promise that comes when its leader leads already is called late", () => {
  const trace = read(text("old_leader")), end = trace.steps.length - 1;
  const found = election(trace, { round: 2, replica: 2 }, end);
  assert.deepEqual([...found.promises].map(([id, { late }]) => [id, late]), [[2, false], [3, false], [1, true]]);
  assert.match(told(found).at(-1), /^Acceptor 1 promised 2\.2 too.* led already, on the promises of a majority\.$/);
  const [known] = history(trace, 4, end).ballots;
  assert.deepEqual(before(known), [2, 3]);
  assert.match(story(history(trace, 4, end), trace.values)[0], /acceptors 2 and 3 had promised that ballot\. \(1 promised it later\.\)/);
});

test("runs side by side are looked at up to the same moment, and the line of each is true", () => {
  const [one, other] = ["blocked", "stopped"].map((name) => read(text(name)));
  const [in2pc, inPaxos] = labels([one.run, other.run]);
  const run = (trace, label) => ({ times: writes(trace), end: trace.steps.at(-1).at, broke: Infinity, label });
  const runs = [run(one, in2pc), run(other, inPaxos)];
  const [blocked, goes] = lines(runs, 5);
  assert.match(blocked.text, /^nothing written for 3\.\d s$/);
  assert.ok(blocked.isLong && !goes.isLong);
  assert.match(goes.text, /^writes go on; longest pause 0\.\d s, from 1\.\d s to 2\.\d s$/);
  const [ended, compared] = lines(runs, runs[1].end);
  assert.match(ended.text, /^run ended at 6\.4 s: writes go on; longest pause 4\.\d s, from 1\.\d s to 5\.6 s$/);
  assert.match(compared.text, /^up to 6\.4 s, where the other run ends: writes go on; longest pause 0\.\d s/);
  assert.match(verdict(runs, runs[1].end), /up to 6\.4 s: 4\.\d s in two-phase commit, 0\.\d s in Paxos\.$/);
  assert.match(lines([{ ...runs[0], end: 4 }, runs[1]], 9)[0].text, /^run ended at 4\.0 s: still nothing written for 2\.\d s$/);
  assert.match(verdict([{ ...runs[0], broke: 3 }, runs[1]], 5), /^Safety broke in two-phase commit at 3\.0 s; in Paxos it holds up to 5\.0 s\.$/);
});

test("a refused write is about its own slot, where another value was chosen", () => {
  const trace = read(text("old_leader")), end = trace.steps.length - 1;
  const late = trace.steps.findIndex((_, at) => /^Acceptor 2 refuses slot 3 at 1\.1/.test(say(trace, at).sentence));
  assert.equal(slotOf(trace, late), 3);
  const slot = new Timeline(trace).at(end).slots.get(3);
  assert.deepEqual([1, 2, 3].map((id) => isLost(slot, slot.accepted.get(id))), [true, false, false]);
  assert.equal(isLost(new Timeline(trace).at(late - 1).slots.get(4), { round: 2, replica: 2 }), false);
});
