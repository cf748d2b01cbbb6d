// The marks above the scrubber, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

const { APART, thinned } = await import(new URL("../../../client/lab/page/marks.js", import.meta.url));

test("marks that would stand on each other are left out, and all others stay", () => {
  const last = 10_000, width = 450, steps = [...Array(900).keys()].map((number) => number * 11);
  const kept = thinned(steps, last, width), pixels = kept.map((step) => step / last * width);
  assert.ok(pixels.slice(1).every((at, index) => at - pixels[index] >= APART));
  assert.ok(kept.length > width / APART / 2 && kept.length <= width / APART + 1);
  assert.equal(kept[0], 0);
  const left = steps.filter((step) => !kept.includes(step)).map((step) => step / last * width);
  assert.ok(left.every((at) => pixels.some((other) => at >= other && at - other < APART)));
});

test("few marks all stay, and a run of one step has its own", () => {
  assert.deepEqual(thinned([10, 500, 990], 1000, 400), [10, 500, 990]);
  assert.deepEqual(thinned([0], 0, 400), [0]);
  assert.deepEqual(thinned([], 100, 400), []);
});
