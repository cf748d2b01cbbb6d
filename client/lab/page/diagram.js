// The picture: a column a replica, time down, messages as arrows up to the present step.
//
// A row is a step. The number of nodes is bounded: ROWS rows, ARROWS messages, whatever the trace.

import { svg } from "./dom.js";
import { isLocal, replicaOf } from "./trace.js";
import { MARK, short } from "./words.js";

export const ROWS = 15, ARROWS = 150;
const ROW = 30, TOP = 14, TIME = 58, WIDTH = 1000;

/** Draw the steps up to `player.step` at its grain. `pick` is called with a message's id. */
export function draw(player, state, picked, pick) {
  const { trace, step, grain } = player;
  const shown = rows(trace, step, grain);
  const place = new Place(trace, shown);
  const height = TOP * 2 + ROW * ROWS;
  const root = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": "Messages between replicas",
  });
  root.append(...trace.replicas.map((id) => column(place, state, id, height)));
  root.append(...shown.map((at) => row(place, trace, at, step)));
  for (const message of messages(trace, shown, step, grain)) {
    root.append(...arrow(place, message, step, picked, pick));
  }
  root.append(...shown.flatMap((at) => dots(place, trace, at, step)));
  return root;
}

/** The last steps, at or before `step`, that a grain shows; `step` itself is always among them. */
export function rows(trace, step, grain) {
  const shown = [];
  for (let at = step; at >= 0 && shown.length < ROWS; at--) {
    if (at === step || trace.steps[at].weight >= Math.min(grain, 1)) shown.unshift(at);
  }
  return shown;
}

class Place {
  constructor(trace, shown) {
    this.shown = shown;
    const gap = (WIDTH - TIME) / trace.replicas.length;
    this.gap = gap;
    this.columns = new Map(trace.replicas.map((id, index) => [id, TIME + gap * (index + 0.5)]));
  }

  x(replica) {
    return this.columns.get(replica) ?? TIME;
  }

  /** The row of a step, or of the last one shown before it; above the picture for older ones. */
  y(step) {
    let index = this.shown.findLastIndex((at) => at <= step);
    if (index < 0) index = -1;
    return TOP + ROW * (index + 0.5);
  }
}

function column(place, state, id, height) {
  const replica = state.replicas.get(id);
  const up = [...replica.roles.values()].some((role) => role.up) && !replica.stopped;
  const x = place.x(id);
  return svg("line", {
    x1: x, x2: x, y1: 0, y2: height, class: up ? `life owner${id}` : "life down",
  });
}

function row(place, trace, at, step) {
  const y = place.y(at);
  const group = svg("g", { class: at === step ? "row now" : "row" });
  if (at === step) {
    group.append(svg("rect", { x: 0, y: y - ROW / 2, width: WIDTH, height: ROW, class: "present" }));
  }
  group.append(svg("text", { x: 4, y: y + 4, class: "time" }, trace.steps[at].at.toFixed(3)));
  return group;
}

/** What is worth an arrow: not local, not quiet ones where the grain hides them. */
function messages(trace, shown, step, grain) {
  const ids = new Set();
  const first = shown[0];
  for (let at = first; at <= step; at++) {
    for (const record of trace.steps[at].records) {
      if (record.kind === "left") record.mail.forEach((mail) => ids.add(mail.id));
      else if (record.kind === "fate" && record.fate !== "open") ids.add(record.id);
    }
  }
  const all = [...ids].map((id) => trace.messages.get(id)).filter((message) => message !== undefined);
  return all.filter((message) => !isLocal(message) && replicaOf(message.to) && visible(message, grain))
    .slice(-ARROWS);
}

const visible = (message, grain) =>
  grain === 0 || !["Heartbeat", "Heard"].includes(message.type);

function arrow(place, message, step, picked, pick) {
  const past = message.fates.filter((fate) => fate.step <= step);
  const end = past.findLast((fate) => fate.fate !== "held") ?? null;
  const gone = end !== null && ["lost", "cut", "refused", "late"].includes(end.fate);
  const from = { x: place.x(replicaOf(message.from)), y: place.y(message.sent) };
  const goal = { x: place.x(replicaOf(message.to)), y: place.y(end?.step ?? step) };
  if (goal.y === from.y) goal.y += gone || end === null ? 8 : 0;
  const share = gone && end.fate !== "late" ? 0.5 : end === null ? 0.8 : 1;
  const to = { x: from.x + (goal.x - from.x) * share, y: from.y + (goal.y - from.y) * share };
  const owner = message.fields.ballot?.replica;
  const classes = ["message", `owner${owner ?? 0}`];
  if (end === null) classes.push("flying");
  if (gone) classes.push("gone");
  if (message.id === picked) classes.push("picked");
  if (message.sent === step || end?.step === step) classes.push("fresh");
  return [strand(message, from, to, end, gone, classes.join(" "), pick)];
}

function strand(message, from, to, end, gone, classes, pick) {
  const group = svg("g", {
    class: classes, tabindex: "-1", "data-id": message.id,
    onclick: () => pick(message.id),
  });
  const label = `${short(message)}: ${end?.fate ?? "under way"}`;
  group.append(svg("title", {}, label));
  const line = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
  group.append(svg("line", { ...line, class: "touch" }), svg("line", { ...line, class: "strand" }));
  group.append(...mark(message, from, to));
  group.append(gone ? cross(to) : head(from, to));
  if (classes.includes("fresh") || classes.includes("picked")) group.append(caption(message, from, to));
  return group;
}

/** A letter in a shape, near where the message comes from: its kind, without colour. */
function mark(message, from, to) {
  const x = from.x + (to.x - from.x) * 0.22, y = from.y + (to.y - from.y) * 0.22;
  const { letter, shape } = MARK[message.type] ?? { letter: "·", shape: "circle" };
  const form = shape === "square"
    ? svg("rect", { x: x - 8, y: y - 8, width: 16, height: 16, class: "mark" })
    : svg("circle", { cx: x, cy: y, r: 8.5, class: "mark" });
  return [form, svg("text", { x, y: y + 4, class: "letter" }, letter)];
}

function cross({ x, y }) {
  return svg("path", { d: `M${x - 6} ${y - 6}L${x + 6} ${y + 6}M${x - 6} ${y + 6}L${x + 6} ${y - 6}`, class: "cross" });
}

function head(from, to) {
  const angle = Math.atan2(to.y - from.y, to.x - from.x) * 180 / Math.PI;
  return svg("path", {
    d: "M0 0L-11 -5L-11 5Z", transform: `translate(${to.x} ${to.y}) rotate(${angle})`, class: "head",
  });
}

function caption(message, from, to) {
  let angle = Math.atan2(to.y - from.y, to.x - from.x) * 180 / Math.PI;
  if (Math.abs(angle) > 90) angle += 180;
  const x = from.x + (to.x - from.x) * 0.6, y = from.y + (to.y - from.y) * 0.6;
  return svg("text", {
    class: "caption", transform: `translate(${x} ${y}) rotate(${angle}) translate(0 -5)`,
  }, short(message));
}

function dots(place, trace, at, step) {
  const here = new Set();
  for (const record of trace.steps[at].records) {
    if (record.kind === "acted") here.add(record.replica);
    if (record.kind === "happened" && typeof record.who === "number") here.add(record.who);
    if (record.kind === "life") here.add(replicaOf(record.who));
  }
  return [...here].filter((id) => place.columns.has(id)).map((id) =>
    svg("circle", { cx: place.x(id), cy: place.y(at), r: at === step ? 6 : 4, class: `dot owner${id}` }));
}
