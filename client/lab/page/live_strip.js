// The strip: writes a second, p99, and the gaps in which none succeeded, over the last minute.

import { svg } from "./dom.js";

export const SECONDS = 60;
const HEIGHT = 92, FOOT = 16, HEAD = 18, WIDE = 20;

/**
 * Make the picture of the columns; its width is that of the page. `time` is the wall's at `at`. Where writes have
 * stopped, the field grows while one looks.
 */
export function strip({ columns, gaps: ended, load, happened, time, looked, at }, width) {
  const begin = at - SECONDS, wide = Math.max(width, 200);
  const gaps = load.stopped && load.stopped < at ? [...ended, [load.stopped, at]] : ended;
  const x = (time) => ((time - begin) / SECONDS) * wide;
  const shown = [...columns].filter(([begins]) => begins >= begin - 1).sort(([a], [b]) => a - b);
  const most = Math.max(10, ...shown.map(([, { mean }]) => mean ?? 0));
  const slowest = Math.max(0.01, ...shown.map(([, { p99 }]) => p99 ?? 0));
  const y = (part) => HEIGHT - FOOT - part * (HEIGHT - FOOT - HEAD);
  const bars = shown.map(([begins, { mean }]) => mean === null || mean === 0 ? "" : bar(x(begins), x(begins + 0.46), y(0), y(mean / most))).join("");
  return svg("svg", { viewBox: `0 0 ${wide} ${HEIGHT}`, role: "img", "aria-label": described(shown, gaps, begin) },
    svg("path", { class: "bars", d: bars }),
    svg("path", { class: "late", d: line(shown.map(([begins, { p99 }]) => p99 === null ? null : [x(begins + 0.25), y(p99 / slowest)])) }),
    ...gaps.filter(([, end]) => end > begin).flatMap(([from, to], index) => gap(Math.max(0, x(from)), x(to), to - from, wide, index)),
    ...signs(happened.filter((one) => one.mark && one.at - time + looked > begin), (one) => x(one.at - time + looked)),
    svg("text", { x: 4, y: 12, class: "most" }, `${round(latest(shown))} writes/s; the scale ends at ${round(most)}`),
    svg("text", { x: wide - 4, y: 12, class: "slow" }, shown.some(([, { p99 }]) => p99) ? `-- p99, at most ${milliseconds(slowest)}` : ""),
    ...[0, 15, 30, 45].map((back) => svg("text", { x: x(at - back) - 2, y: HEIGHT - 3, class: "tick" }, back ? `-${back} s` : "now")));
}

const bar = (left, right, low, high) => `M${left.toFixed(1)} ${low}V${high.toFixed(1)}H${right.toFixed(1)}V${low}Z`;

/** The signs; those that would stand on each other stand above each other. */
function signs(all, place) {
  let last = -Infinity, high = 0;
  return all.map((one) => {
    high = place(one) - last < WIDE ? (high + 1) % 3 : 0;
    last = place(one);
    return sign(last, high, one);
  });
}

/** A leader's number where it began to lead, a cross where a process ended. */
function sign(x, high, { mark, text }) {
  return svg("text", { class: mark === "x" ? "sign bad" : "sign", x, y: HEIGHT - FOOT + 1 - 13 * high }, mark === "x" ? "×" : `▲${mark}`, svg("title", {}, text));
}

function gap(from, to, seconds, wide, index) {
  return [
    svg("rect", { class: "gap", x: from, y: HEAD, width: Math.max(2, to - from), height: HEIGHT - FOOT - HEAD }),
    svg("text", { class: "gap", x: Math.min(Math.max((from + to) / 2, 30), wide - 30), y: 38 + (index % 2) * 18 }, `${seconds.toFixed(2)} s`),
  ];
}

/** A line through the points; it breaks where there is none. */
function line(points) {
  let pen = "M";
  return points.map((point) => {
    const drawn = point === null ? "" : `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    pen = point === null ? "M" : "L";
    return drawn;
  }).join("");
}

const latest = (shown) => shown.map(([, { mean }]) => mean).filter((mean) => mean !== null).at(-1) ?? 0;

function described(shown, gaps, begin) {
  const last = latest(shown);
  const recent = gaps.filter(([, end]) => end > begin).map(([from, to]) => `${(to - from).toFixed(2)} s`);
  return `${round(last)} writes a second${recent.length ? `; gaps of ${recent.join(", ")}` : ""}`;
}

const round = (number) => number < 10 ? number.toFixed(1) : Math.round(number).toLocaleString("en");
const milliseconds = (seconds) => seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
