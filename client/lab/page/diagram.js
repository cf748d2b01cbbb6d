// The picture: a column a replica, time down, messages as arrows up to the present step.
//
// A row is a step. The number of nodes is bounded: ROWS rows, ARROWS messages, CAPTIONS words on
// them, whatever the trace holds. Lengths are pixels, so that columns stand below their cards.

import { svg } from "./dom.js";
import { isLocal, replicaOf } from "./records.js";
import { concerns } from "./twophase.js";
import { across, brief, MARK, short } from "./words.js";

export const ROWS = 30, ARROWS = 150, CAPTIONS = 3;
const ROW = 28, TOP = 8, LETTERS = 7.5, NARROW = 200;
/** How far along its arrow a message has its mark: beyond the words beside its sender. */
const MARKED = 0.42, NAMED = 0.66;

/** Draw the steps up to `step` at its grain. `pick` is called with a message's id. */
export function draw({ trace, step, grain, picked }, state, pick, { width, height, gutter }) {
  const room = Math.max(4, Math.min(ROWS, Math.floor((height - 2 * TOP) / ROW)));
  const chosen = trace.messages.get(picked);
  const usual = rows(trace, step, grain, room), early = ends(chosen, usual[0]);
  const late = early.length ? usual.slice(early.length + 1) : usual;
  const place = new Place(trace, early, late, width, gutter);
  const root = svg("svg", { width, height, role: "img", "aria-label": "Messages between replicas" });
  root.append(...place.shown.filter((at) => at === step).map((at) => band(place, at)));
  root.append(...trace.replicas.map((id) => column(place, state, id, height)));
  root.append(...place.shown.flatMap((at) => margin(place, trace.steps[at], at)));
  const drawn = messages(trace, late, step, grain, chosen).map((one) => route(place, one, step));
  const named = drawn.filter((one) => one.message.id === picked || one.fresh).slice(-CAPTIONS);
  const bare = place.gap < NARROW ? named : [];  // no room for both: the words say what the mark does
  root.append(...drawn.map((one) => arrow(one, picked, pick, bare.includes(one))));
  root.append(...named.map(caption));
  root.append(...place.shown.flatMap((at) => dots(place, trace, at, at === step)));
  return root;
}

/** The last steps, at or before `step`, that a grain shows; `step` itself is always among them. */
export function rows(trace, step, grain, room) {
  const shown = [];
  for (let at = step; at >= 0 && shown.length < room; at--) {
    if (at === step || trace.steps[at].weight >= Math.min(grain, 1)) shown.unshift(at);
  }
  return shown;
}

/** The steps before `first` at which a message left and ended, as far as they have come. */
const ends = (message, first) => message === undefined ? []
  : [...new Set([message.sent, ...message.fates.map(({ step }) => step)])].filter((at) => at < first);

class Place {
  /** `early` are rows of long before, above the others; a gap is between. */
  constructor(trace, early, late, width, gutter) {
    this.shown = [...early, ...late];
    this.early = early;
    this.late = late;
    this.width = width;
    this.gutter = gutter;
    this.gap = (width - gutter) / Math.max(1, trace.replicas.length);
    const middle = (index) => gutter + this.gap * (index + 0.5);
    this.columns = new Map(trace.replicas.map((id, index) => [id, middle(index)]));
  }

  x(replica) {
    return this.columns.get(replica) ?? this.gutter;
  }

  /** The row of a step, or of the last one shown before it; the gap, above all rows, for older ones. */
  y(step) {
    const row = this.early.indexOf(step);
    if (row >= 0) return TOP + ROW * (row + 0.5);
    const first = this.early.length + (this.early.length ? 1 : 0);
    return TOP + ROW * (first + this.late.findLastIndex((at) => at <= step) + 0.5);
  }
}

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

/** The time of a row, and what goes for all replicas. */
function margin(place, step, at) {
  const y = place.y(at) + 4;
  const time = svg("text", { x: 4, y, class: "time" }, step.at.toFixed(3));
  const said = across(step);
  if (said === null) return [time];
  const most = Math.max(10, Math.floor((place.width - place.gutter) / LETTERS) - 4);
  const text = said[0].length > most ? `${said[0].slice(0, most)}..` : said[0];
  const mark = said[1] === "fault" ? "⚡ " : "› ";
  return [time, svg("text", { x: place.gutter + 4, y, class: `across ${said[1]}` }, mark + text)];
}

/** What is worth an arrow: what left or came in the rows shown, between replicas. */
function messages(trace, shown, step, grain, chosen) {
  const ids = new Set(chosen ? [chosen.id] : []);
  for (let at = shown[0] ?? 0; at <= step; at++) {
    for (const record of trace.steps[at].records) {
      if (record.kind === "left") record.mail.forEach((mail) => ids.add(mail.id));
      else if (record.kind === "fate" && record.fate !== "open") ids.add(record.id);
    }
  }
  return [...ids].map((id) => trace.messages.get(id))
    .filter((message) => message !== undefined && isDrawn(message, grain)).sort((a, b) => a.id - b.id).slice(-ARROWS);
}

const isDrawn = (message, grain) => !isLocal(message) && replicaOf(message.to)
  && !NEWS.has(message.type)
  && (grain === 0 || !["Heartbeat", "Heard"].includes(message.type));

/** What the network says to the one who asked: nobody sends it. */
const NEWS = new Set(["NoAnswer", "NotSent"]);

/** Where a message's line goes, as far as is known at a step. */
function route(place, message, step) {
  const past = message.fates.filter(({ fate, step: at }) => at <= step && fate !== "held" && fate !== "open");
  const end = past.at(-1) ?? null;
  const gone = end !== null && ["lost", "cut", "refused", "late"].includes(end.fate);
  const from = { x: place.x(replicaOf(message.from)), y: place.y(message.sent) };
  const goal = { x: place.x(replicaOf(message.to)), y: place.y(end?.step ?? step) };
  const share = end === null ? 0.8 : gone && end.fate !== "late" ? 0.5 : 1;
  const to = { x: from.x + (goal.x - from.x) * share, y: from.y + (goal.y - from.y) * share };
  const angle = Math.atan2(to.y - from.y, to.x - from.x) * 180 / Math.PI;
  return { message, end, gone, from, to, angle, fresh: message.sent === step || end?.step === step };
}

function arrow({ message, end, gone, from, to, angle, fresh }, picked, pick, isBare) {
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
    ...isBare ? [] : mark(message, from, to), gone ? cross(to) : head(to, angle));
}

/** Whose attempt a message belongs to: its ballot's or its transaction's owner; 0: nobody's. */
const owner = (message) => message.fields.ballot?.replica ?? concerns(message)[0]?.[0] ?? 0;

/** A letter in a shape, near where the message comes from: its kind, without colour. */
function mark(message, from, to) {
  const x = from.x + (to.x - from.x) * MARKED, y = from.y + (to.y - from.y) * MARKED;
  const { letter, shape } = MARK[message.type] ?? { letter: "·", shape: "circle" };
  const form = shape === "square"
    ? svg("rect", { x: x - 8, y: y - 8, width: 16, height: 16, class: "mark" })
    : svg("circle", { cx: x, cy: y, r: 8.5, class: "mark" });
  return [form, svg("text", { x, y: y + 4, class: "letter" }, letter)];
}

const cross = ({ x, y }) =>
  svg("path", { d: `M${x - 6} ${y - 6}l12 12m-12 0l12 -12`, class: "cross" });

const head = ({ x, y }, angle) => svg("path", {
  d: "M0 0L-11 -5L-11 5Z", transform: `translate(${x} ${y}) rotate(${angle})`, class: "head",
});

function caption({ message, from, to, angle }) {
  const upright = Math.abs(angle) > 90 ? angle + 180 : angle;
  const x = from.x + (to.x - from.x) * NAMED, y = from.y + (to.y - from.y) * NAMED;
  return svg("text", {
    class: "caption", transform: `translate(${x} ${y}) rotate(${upright}) translate(0 -5)`,
  }, short(message));
}

/** Where something happened to a replica, with a word or two. */
function dots(place, { steps, messages }, at, now) {
  const said = new Map();
  for (const [id, text] of steps[at].records.map((record) => brief(record, messages))) {
    if (place.columns.has(id)) said.set(id, said.get(id) || text);
  }
  return [...said].flatMap(([id, text]) => {
    const x = place.x(id), y = place.y(at), left = x > place.width - place.gap;
    const words = svg("text", {
      x: left ? x - 9 : x + 9, y: y + 4, class: left ? "brief left" : "brief",
    }, text);
    return [svg("circle", { cx: x, cy: y, r: now ? 6 : 4, class: `dot owner${id}` }), words];
  });
}
