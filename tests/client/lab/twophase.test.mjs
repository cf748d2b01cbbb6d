// Why a transaction stands as it does, and why nobody leads: two-phase commit; TRACES is a folder of traces, by name.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const PAGE = new URL("../../../client/lab/page/", import.meta.url);
const { read } = await import(new URL("trace.js", PAGE));
const { Timeline } = await import(new URL("state.js", PAGE));
const { say } = await import(new URL("words.js", PAGE));
const { isTwophase, nobodyLeads, numbered, story } = await import(new URL("twophase_why.js", PAGE));

const trace = (name) => read(readFileSync(`${process.env.TRACES}/${name}.jsonl`, "utf8"));
const find = (run, pattern) => run.steps.findIndex((_, at) => pattern.test(say(run, at).sentence));

test("a transaction whose manager stopped says who may decide it, and who waits", () => {
  const run = trace("blocked"), at = find(run, /is in doubt about T1\.11/), state = new Timeline(run).at(at);
  const one = numbered(state).find(({ manager, decided }) => manager === 1 && decided === null);
  const said = story(one, state, run.values);
  assert.match(said[0], /^Replica 1 was asked: .*\. It manages T1\.11, and asks all to vote\.$/);
  assert.match(said[1], /^Participants .* voted YES: .* its keys are locked/);
  assert.ok(said.some((sentence) => /only manager 1 may decide it, and its process is stopped: it may have aborted/i.test(sentence)));
  assert.ok(said.some((sentence) => /^Participant [23] has waited \d\.\d\d s with its keys locked/.test(sentence)));
  assert.match(nobodyLeads(state).join(" "), /^Nobody leads in two-phase commit\..* a manager has no successor.* Manager 1 has still to decide T1\.11\./);
});

test("once all is decided nobody waits, and no sentence says so", () => {
  const run = trace("2pc"), state = new Timeline(run).at(run.steps.length - 1);
  assert.ok(isTwophase(run) && !isTwophase(trace("scenario")));
  assert.equal(nobodyLeads(state).at(-1), "Nobody waits for a decision now.");
  for (const one of numbered(state)) {
    const said = story(one, state, run.values).join(" ");
    const ended = one.decided ? `Manager ${one.manager} decided ${one.decided.toUpperCase()}: ` : "It was never decided, and no key is locked";
    assert.match(said, new RegExp(ended));
    assert.doesNotMatch(said, /undefined|null|has waited|may decide/);
  }
});
