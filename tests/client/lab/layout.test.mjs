// Where words stand in the picture, without a browser; TRACES is a folder of traces, by name.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const PAGE = new URL("../../../client/lab/page/", import.meta.url);
const { read } = await import(new URL("trace.js", PAGE));
const { crosses, meet } = await import(new URL("labels.js", PAGE));
const { layout } = await import(new URL("layout.js", PAGE));

const EVENTS = 1;
const SIZES = {
  desktop: { width: 930, height: 380, gutter: 64, sizes: { brief: 12, caption: 14 } },
  wide: { width: 1400, height: 700, gutter: 64, sizes: { brief: 14, caption: 16 } },
  phone: { width: 380, height: 300, gutter: 34, sizes: { brief: 10, caption: 12 } },
};

const trace = (name) => read(readFileSync(`${process.env.TRACES}/${name}.jsonl`, "utf8"));
const leads = ({ steps }) => steps.flatMap(({ records }, at) =>
  records.some(({ event, replica }) => event?.event === "leads" && event.peer === replica) ? [at] : []);
const shown = (run, step, size) => layout({ trace: run, step, grain: EVENTS, picked: 0 }, size);

for (const name of ["old_leader", "basic_round", "seed", "bug", "2pc"]) {
  for (const [device, size] of Object.entries(SIZES)) {
    test(`${name}, ${device}: no words stand on others or on times, and all within the picture`, () => {
      const run = trace(name), last = run.steps.length - 1, every = Math.ceil(last / 150);
      for (let step = 0; step <= last; step += every) {
        const { labels } = shown(run, step, size);
        for (const [at, one] of labels.entries()) {
          const where = `step ${step}: ${one.text}`;
          assert.ok(labels.slice(at + 1).every((other) => !meet(one.box, other.box)), where);
          assert.ok(one.box.left >= size.gutter - 4 && one.box.right <= size.width && one.box.top >= 0 && one.box.bottom <= size.height, where);
        }
      }
    });
  }
}

test("when somebody comes to lead, all is said once, beside the arrows' heads", () => {
  for (const name of ["old_leader", "basic_round", "leader_killed"]) {
    const run = trace(name);
    for (const step of leads(run)) {
      const { labels, routes } = shown(run, step, SIZES.desktop), texts = labels.map(({ text }) => text);
      assert.ok(texts.some((text) => text.startsWith("leads at ")), texts.join());
      const captions = labels.filter(({ kind }) => kind === "caption");
      assert.equal(new Set(captions.map(({ text }) => text)).size, captions.length);
      const heads = routes.filter(({ fresh }) => fresh).map(({ to }) => ({ from: to, to }));
      for (const { text, box } of labels) assert.ok(!heads.some((head) => crosses(box, head)), `${name} ${step}: ${text}`);
    }
  }
});

test("a segment goes through a box, past it, or ends before it", () => {
  const box = { left: 10, right: 20, top: 10, bottom: 20 };
  const line = (x1, y1, x2, y2) => ({ from: { x: x1, y: y1 }, to: { x: x2, y: y2 } });
  assert.ok(crosses(box, line(0, 15, 30, 15)));
  assert.ok(crosses(box, line(0, 0, 30, 30)));
  assert.ok(!crosses(box, line(0, 15, 9, 15)));
  assert.ok(!crosses(box, line(0, 20, 9, 30)));
  assert.ok(!crosses(box, line(0, 25, 30, 25)));
});
