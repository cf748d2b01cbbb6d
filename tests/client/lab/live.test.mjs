// The live page's state, without a browser: frames in, state out.

import assert from "node:assert/strict";
import { test } from "node:test";

const PAGE = new URL("../../../client/lab/page/", import.meta.url);
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
    { one: 1, other: 2, there: true, back: false },
    { one: 1, other: 3, there: false, back: false },
    { one: 2, other: 3, there: false, back: true },
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
