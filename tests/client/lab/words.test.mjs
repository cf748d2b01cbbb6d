// The sentences and panels of the page of runs against what acceptors did; TRACES is a folder of traces, by name.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const PAGE = new URL("../../../client/lab/page/", import.meta.url);
const { read } = await import(new URL("trace.js", PAGE));
const { brokeAt } = await import(new URL("verdicts.js", PAGE));
const { outcome } = await import(new URL("dare.js", PAGE));
const { LEARNED, replicaOf } = await import(new URL("records.js", PAGE));
const { Timeline } = await import(new URL("state.js", PAGE));
const { across, brief, say } = await import(new URL("words.js", PAGE));
const { history, majorities, story } = await import(new URL("why.js", PAGE));
const { election, latestBallot, left, sides, told } = await import(new URL("election.js", PAGE));
const { spell } = await import(new URL("ballots.js", PAGE));

const trace = (name) => read(readFileSync(`${process.env.TRACES}/${name}.jsonl`, "utf8"));

/** The step whose sentence is like this; the first one from `from` on. */
function find({ steps, ...rest }, pattern, from = 0) {
  const whole = { steps, ...rest };
  const at = steps.findIndex((_, step) => step >= from && pattern.test(say(whole, step).sentence));
  assert.ok(at >= 0, `no step says ${pattern}`);
  return at;
}

test("why somebody leads: a promise counts from the step at which its acceptor is bound by it", () => {
  const run = trace("old_leader"), ballot = { round: 2, replica: 2 }, ids = run.replicas;
  const first = election(run, ballot, find(run, /^Acceptor 2 promises 2\.2/));
  assert.deepEqual(sides(first, ids).map(({ members }) => members), [[2], [1, 3]]);
  assert.match(left(first, ids), /2, and that is a majority, so something could still be chosen there$/);
  assert.match(told(first).join(" "), /So far 2 promised 2\.2: it takes 2\./);
  const second = election(run, ballot, find(run, /^Acceptor 3 promises 2\.2/));
  assert.deepEqual(sides(second, ids).map(({ members }) => members), [[2, 3], [1]]);
  assert.match(left(second, ids), /can still accept at 1\.1: 1, and it takes 2 for anything to be chosen$/);
  const said = told(second).join(" ");
  assert.match(said, /Acceptors 2 and 3 promised 2\.2: a majority\. From then on nothing can be chosen at 1\.1/);
  assert.match(said, /Replica 2 leads as soon as it has their promises\.$/);
  assert.doesNotMatch(said, /reported/);
});

for (const name of ["old_leader", "basic_round", "scenario", "stopped"]) {
  test(`${name}: sentence, card and picture give the same promises, at each step`, () => {
    const run = trace(name), timeline = new Timeline(run);
    let seen = 0;
    run.steps.forEach((_, at) => {
      const found = /^Acceptor (\d) promises ([\d.]+) to replica \d(, and makes it a majority)?/.exec(say(run, at).sentence);
      if (!found) return;
      const [, id, name, isMajority] = found, [round, replica] = name.split(".").map(Number);
      const [{ members, later }] = sides(election(run, { round, replica }, at), run.replicas);
      assert.ok([...members, ...later].includes(Number(id)), say(run, at).sentence);
      assert.equal(spell(timeline.at(at).replicas.get(Number(id)).promised), name);
      if (isMajority) assert.ok(members.length >= 2, say(run, at).sentence);
      seen += 1;
    });
    assert.ok(seen > 1);
  });
}

test("who promised when its leader led already stands apart", () => {
  const run = trace("old_leader"), found = election(run, { round: 2, replica: 2 }, run.steps.length - 1);
  const [promised, free] = sides(found, run.replicas);
  assert.deepEqual([promised.members, promised.later, free.members], [[2, 3], [1], []]);
  assert.equal(spell(latestBallot(run, run.steps.length - 1)), "2.2");
});

test("why a slot has its value: who accepted it later is there, and marked", () => {
  const run = trace("basic_round"), at = find(run, /^Slot 2 is chosen/), known = history(run, 2, at);
  const accepted = majorities(known).find(({ label }) => label === "accepted 1.1");
  assert.deepEqual([accepted.members, accepted.later], [[1, 2], [3]]);
  assert.match(story(known, run.values)[1], /Acceptors 1 and 2 accepted it.* Acceptor 3 accepted it too, later: it was chosen by then\.$/);
});

for (const name of ["basic_round", "leader_killed", "scenario"]) {
  test(`${name}: the picture of a slot has all that the log below it has`, () => {
    const run = trace(name), timeline = new Timeline(run);
    for (let at = 0; at < run.steps.length; at += 7) {
      for (const [slot, { accepted }] of timeline.at(at).slots) {
        const rows = majorities(history(run, slot, at));
        for (const [id, ballot] of accepted) {
          const row = rows.find(({ label }) => label === `accepted ${spell(ballot)}`);
          assert.ok([...row.members, ...row.later].includes(id), `step ${at}, slot ${slot}, acceptor ${id}`);
        }
      }
    }
  });
}

test("a slot is chosen once: a majority at a later ballot changes nothing", () => {
  const run = trace("leader_killed"), first = find(run, /^Acceptor 2 has accepted slot 3 at ballot 1\.1/);
  assert.match(say(run, first).sentence, /Now a majority has: it is chosen, though nobody knows that yet\.$/);
  const again = find(run, /^Acceptor 2 has accepted slot 3 at ballot 2\.3/);
  assert.match(say(run, again).sentence, /Now a majority has at 2\.3 too; it was chosen at 1\.1 already, with the same value\.$/);
  const chosen = find(run, /^Slot 3 is chosen at ballot 2\.3/);
  assert.match(say(run, chosen).sentence, /: put k = v1\. It was already at 1\.1, with the same value\.$/);
  const known = history(run, 3, chosen), rows = majorities(known);
  assert.deepEqual(rows.map(({ label, aside }) => [label, aside]),
    [["promised 1.1", false], ["accepted 1.1", false], ["promised 2.3", false], ["accepted 2.3", true]]);
  assert.match(story(known, run.values).at(-1), /proposed that again\. Acceptors 2 and 3 accepted it at 2\.3 too: nothing changes by that\.$/);
  const all = run.steps.map((_, at) => say(run, at).sentence).filter((one) => /nobody knows that yet/.test(one));
  assert.equal(new Set(all.map((one) => /slot \d+/.exec(one)[0])).size, all.length);
});

/** The sentences at which Page Down stops. */
const stops = (run) => run.steps.flatMap(({ weight }, at) => weight === LEARNED ? [say(run, at).sentence] : []);

test("Page Down stops where a client is answered, and says what it may rely on", () => {
  const run = trace("minority_cut_off"), told = stops(run);
  const asks = told.findIndex((one) => /^A client asks replica 5 to read k\.$/.test(one));
  const refused = told.findIndex((one) => /^Replica 5, asked to read k, answers NO_QUORUM: no majority .*nothing was done/.test(one));
  assert.ok(asks > 0 && refused > asks);
  assert.ok(told.slice(asks, refused).every((one) => !/newer value/.test(one)), "the answer is given away");
  assert.match(told[refused + 1], /^It cannot know that there is a newer value/);
  assert.match(say(run, find(run, /answers NO_QUORUM/)).why, /^Nothing was done, and nothing will be/);
  assert.ok(told.includes("Replica 5, asked to read k, answers OK: v2."));
  const blocks = stops(trace("blocks"));
  for (const answer of [/gets no answer: its process is gone\.$/, /asked to read k, answers UNAVAILABLE: /, /asked to write k = mine, answers ABORTED: /]) {
    assert.equal(blocks.filter((one) => answer.test(one)).length, 1);
  }
});

test("a scenario's client is answered where it is, and its row says so", () => {
  const run = trace("basic_round"), chosen = find(run, /^Slot 2 is chosen/);
  const at = find(run, /^Replica 2, asked to write k = v1, answers OK: it is done\.$/);
  assert.ok(at > chosen && at < find(run, /^The others learn what is chosen/));
  assert.deepEqual(across(run.steps[at]), ["replica 2 answers its client OK", "order"]);
});

test("in a run of a seed Page Down stops at refusals, the first of those that are alike", () => {
  const run = trace("2pc"), told = stops(run);
  const refused = told.filter((one) => /^Client \S+ is answered (?!OK)/.test(one));
  assert.ok(refused.length > 0);
  assert.ok(told.every((one) => !/^Client \S+ is answered OK/.test(one)));
  assert.ok(told.every((one, at) => at === 0 || !/^Client/.test(one) || / answered (\w+)/.exec(one)[1] !== / answered (\w+)/.exec(told[at - 1])?.[1]));
});

for (const name of ["basic_round", "leader_killed", "old_leader"]) {
  test(`${name}: each acceptance has its word in its row, once`, () => {
    const run = trace(name);
    for (const { records } of run.steps) {
      const left = records.filter(({ kind, mail }) => kind === "left" && mail.some(({ type }) => type === "Accepted"));
      const said = records.map((record) => brief(record, run.messages)[1]).filter((text) => /^accepts /.test(text));
      assert.deepEqual(said, left.map(({ mail: [{ fields }] }) => `accepts ${fields.slot} at ${spell(fields.ballot)}`));
    }
  });
}

test("a verdict says in words who did what in which slot, and when by the page's times", () => {
  const run = trace("dare"), at = brokeAt(run), { sentence, why } = say(run, at), moment = run.steps[at].at.toFixed(3);
  assert.equal(sentence, `Safety broke at ${moment} s: replica 1 calls slot 3 chosen at ballot 1.1, which only replicas 1 and 2 have accepted: 2 of 5 are no majority.`);
  assert.match(why, /^Slot 3: at ballot 1\.1 acceptors 1 \(\d\.\d{3} s\) and 2 \(\d\.\d{3} s\) accepted put k = here; nobody has applied it yet\./);
  const { text, isBroken } = outcome(run);
  assert.ok(isBroken);
  assert.match(text, new RegExp(`^SAFETY IS BROKEN after 4 moves, at ${moment} s: replica 1 calls slot 3`));
  assert.doesNotMatch(text, /\[|at \d\.\d{4}/);
  const skipped = trace("skipped"), broke = brokeAt(skipped), said = say(skipped, broke);
  assert.match(said.sentence, /slot 2 is chosen at ballot 1\.1, as put k = v0, and another value is proposed at ballot 2\.\d, as no-op\.$/);
  assert.match(said.why, /accepted put k = v0; replicas 1 \(\d\.\d{3} s\) and \d \(\d\.\d{3} s\) applied it\./);
  for (const [, id, time] of said.why.matchAll(/(\d) \((\d\.\d{3}) s\)/g)) {
    assert.ok(skipped.steps.some(({ at, records }) => at.toFixed(3) === time
      && records.some(({ kind, who }) => (kind === "left" || kind === "state") && replicaOf(who) === Number(id))), `${id} at ${time}`);
  }
  const stale = trace("dare_read");
  assert.match(outcome(stale).text, /: a read of k returned old, though new was acknowledged before\.$/);
});
