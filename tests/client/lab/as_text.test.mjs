// A run as a scenario in words, without a browser; that it plays to the same steps: test_page_text.py.

import assert from "node:assert/strict";
import { test } from "node:test";

const { isWritable, written } = await import(new URL("../../../client/lab/page/as_text.js", import.meta.url));

const HOW = { before: "run 1", heal: ["mend", "run 30"] };
const own = (text, acts = []) => ({ run: { protocol: "paxos", script: "mine", own: true, text, acts } });

test("acts by hand stand before the steps, after those that the text has", () => {
  const text = "title: mine\nreplicas 3\nrun 1\n";
  assert.equal(written(own(text), HOW), text);
  const once = written(own(text, ["1.5 kill 2"]), HOW);
  assert.equal(once, "title: mine\nacts: 1.5 kill 2\nreplicas 3\nrun 1\n");
  const more = written(own(once, ["1.7 start 2", "1.8 mend"]), HOW);
  assert.equal(more, "title: mine\nacts: 1.5 kill 2,\n  1.7 start 2,\n  1.8 mend\nreplicas 3\nrun 1\n");
  assert.equal(written(own(more, ["2 mend"]), HOW), more.replace("1.8 mend", "1.8 mend,\n  2 mend"));
});

test("an attempt is its moves, with what is planted and what undoes all failures", () => {
  const run = { protocol: "paxos", dare: 5, moves: ["kill 1", "quit"], plant: "quorum-of-two" };
  assert.equal(written({ run }, HOW), [
    "title: An attempt to break safety, with quorum-of-two planted", "bug: quorum-of-two", "replicas 5", "run 1", "",
    "kill 1", "", "# All failures are undone.", "mend", "run 30", "",
  ].join("\n"));
});

test("a seed's run, and what a cluster did, are not written in words", () => {
  assert.ok(isWritable(own("replicas 3\n")));
  assert.ok(!isWritable({ run: { protocol: "paxos", seed: 3, profile: "calm", steps: 3000 } }));
  assert.ok(!isWritable({ run: { live: true } }));
});
