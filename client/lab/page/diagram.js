// The picture: a column a replica, time down, messages as arrows up to the present step. It draws
// what layout.js found; where anything stands is not decided here.

import { svg } from "./dom.js";
import { layout, ROW, said } from "./layout.js";
import { concerns } from "./twophase.js";
import { MARK, short } from "./words.js";

/** Draw the steps up to `step` at its grain. `pick` is called with a message's id. */
export function draw(shown, state, pick, size) {
  const { trace, step, picked } = shown, { width, height } = size;
  const { place, routes, labels } = layout(shown, size);
  const root = svg("svg", { width, height, role: "img", "aria-label": "Messages between replicas" });
  root.append(...place.shown.filter((at) => at === step).map((at) => band(place, at)));
  root.append(...trace.replicas.map((id) => column(place, state, id, height)));
  root.append(...place.shown.map((at) => svg("text", { x: 4, y: place.y(at) + 4, class: "time" }, trace.steps[at].at.toFixed(3))));
  root.append(...labels.filter(isWhole).flatMap(words));
  root.append(...routes.map((one) => arrow(one, picked, pick)));
  root.append(...place.shown.flatMap((at) => dots(place, trace, at, at === step)));
  root.append(...labels.filter((label) => !isWhole(label)).flatMap(words));
  return root;
}

/** Whether it goes for all replicas: it fills its row, behind the arrows. */
const isWhole = ({ kind }) => kind.startsWith("across");

function band(place, at) {
  return svg("rect", {
    x: 0, y: place.y(at) - ROW / 2, width: place.width, height: ROW, class: "present",
  });
}

function column(place, state, id, height) {
  const replica = state.replicas.get(id);
  const up = [...replica.roles.values()].some((role) => role.up) && !replica.stopped;
  const x = place.x(id);
  return svg("line", {
    x1: x, x2: x, y1: 0, y2: height, class: up ? `life owner${id}` : "life down",
  });
}

function arrow({ message, end, gone, from, to, mark: at, fresh }, picked, pick) {
  const classes = ["message", `owner${owner(message)}`];
  if (end === null) classes.push("flying");
  if (gone) classes.push("gone");
  if (message.id === picked) classes.push("picked");
  if (fresh) classes.push("fresh");
  const line = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
  return svg("g", {
    class: classes.join(" "), "data-id": message.id, onclick: () => pick(message.id),
  },
    svg("title", {}, `${short(message)}: ${end?.fate ?? "under way"}`),
    svg("line", { ...line, class: "touch" }), svg("line", { ...line, class: "strand" }),
    ...mark(message, at), gone ? cross(to) : head(from, to));
}

/** Whose attempt a message belongs to: its ballot's or its transaction's owner; 0: nobody's. */
const owner = (message) => message.fields.ballot?.replica ?? concerns(message)[0]?.[0] ?? 0;

/** A letter in a shape, near where the message comes from: its kind, without colour. */
function mark(message, { x, y }) {
  const { letter, shape } = MARK[message.type] ?? { letter: "·", shape: "circle" };
  const form = shape === "square"
    ? svg("rect", { x: x - 8, y: y - 8, width: 16, height: 16, class: "mark" })
    : svg("circle", { cx: x, cy: y, r: 8.5, class: "mark" });
  return [form, svg("text", { x, y: y + 4, class: "letter" }, letter)];
}

const cross = ({ x, y }) =>
  svg("path", { d: `M${x - 6} ${y - 6}l12 12m-12 0l12 -12`, class: "cross" });

const head = (from, { x, y }) => svg("path", {
  d: "M0 0L-11 -5L-11 5Z", class: "head",
  transform: `translate(${x} ${y}) rotate(${Math.atan2(y - from.y, x - from.x) * 180 / Math.PI})`,
});

/** Where something happened to a replica. */
const dots = (place, trace, at, now) => [...said(place, trace, at).keys()].map((id) =>
  svg("circle", { cx: place.x(id), cy: place.y(at), r: now ? 6 : 4, class: `dot owner${id}` }));

/** Words on a ground of their own: what is behind them does not strike them through. */
function words({ text, size, kind, side, box: { left, right, top, bottom } }) {
  const [x, anchor] = { left: [left, "start"], middle: [(left + right) / 2, "middle"], right: [right, "end"] }[side];
  return [
    svg("rect", { x: left - 1, y: top, width: right - left + 2, height: bottom - top, rx: 3, class: "ground" }),
    svg("text", { x, y: (top + bottom) / 2 + size * 0.35, "text-anchor": anchor, class: `label ${kind}` }, text),
  ];
}
