// Where words stand in the picture: beside what they are about, never on each other. Pure.
//
// A label names the places where it could stand, the best first. Labels are placed one after the
// other, each where it costs least: nothing may stop it from being read, least of all another label;
// then the heads and letters of arrows stay free, then their lines. What fits nowhere is left out.

const NEVER = 1000, ON_MARK = 12, ON_LINE = 1.5, LATER = 0.2, AIR = 1;

/** Pixels that a text takes, about: of a font's size, without asking the browser. */
export const wide = (text, size) => [...text].length * size * 0.56;

/**
 * `labels` are {text, size, spots}, a spot {x, y, side}: `side` is the part of the text that is at x
 * ("left", "middle", "right"), y its middle. `marks` are boxes and `lines` segments to keep free.
 * The room is {left, width, height}: what is left of `left` stays free.
 * Returns those that have a place, with their box {left, right, top, bottom}.
 */
export function settle(labels, room, marks, lines) {
  const placed = [];
  for (const label of labels) {
    const best = label.spots.map((spot, at) => {
      const box = boxed(label, spot);
      return { box, side: spot.side, cost: LATER * at + cost(box, placed, marks, lines, room) };
    }).reduce((one, other) => other.cost < one.cost ? other : one);
    if (best.cost < NEVER) placed.push({ ...label, side: best.side, box: best.box });
  }
  return placed;
}

function boxed({ text, size }, { x, y, side }) {
  const long = wide(text, size), left = x - long * { left: 0, middle: 0.5, right: 1 }[side];
  return { left, right: left + long, top: y - size * 0.6, bottom: y + size * 0.6 };
}

function cost(box, placed, marks, lines, { left = 0, width, height }) {
  if (box.left < left || box.right > width || box.top < 0 || box.bottom > height) return NEVER;
  if (placed.some((other) => meet(box, other.box))) return NEVER;
  return ON_MARK * marks.filter((mark) => meet(box, mark)).length
    + ON_LINE * lines.filter((line) => crosses(box, line)).length;
}

/** Whether two boxes have something in common. */
export const meet = (one, other) => one.left < other.right + AIR && other.left < one.right + AIR
  && one.top < other.bottom && other.top < one.bottom;

/** Whether a segment {from, to} goes through a box: what is left of it after each side has cut off its part. */
export function crosses(box, { from, to }) {
  let begin = 0, end = 1;
  for (const [at, by, low, high] of [
    [from.x, to.x - from.x, box.left, box.right], [from.y, to.y - from.y, box.top, box.bottom],
  ]) {
    if (by === 0 && (at < low || at > high)) return false;
    if (by === 0) continue;
    const [first, last] = [(low - at) / by, (high - at) / by].sort((a, b) => a - b);
    begin = Math.max(begin, first);
    end = Math.min(end, last);
  }
  return begin <= end;
}
