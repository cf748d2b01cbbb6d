// What the picture shows and where: a row a step, a column a replica, arrows, words. Pure.
//
// The number of things is bounded: ROWS rows, ARROWS messages, CAPTIONS words on them, whatever the
// trace holds. Lengths are pixels, so that columns stand below their cards.

import { settle, wide } from "./labels.js";
import { isLocal, replicaOf } from "./records.js";
import { across, brief, short } from "./words.js";

export const ROWS = 30, ARROWS = 150, CAPTIONS = 3, ROW = 28;
const TOP = 8, SPARE = ROW * 0.8;
/** How far along its arrow a message has its mark. */
const MARKED = 0.42;
/** Where along its arrow a caption may stand, the best first. */
const ALONG = [0.66, 0.55, 0.8, 0.25, 0.4, 1];

/** {place, routes, labels} of the steps up to `step` at its grain; `sizes` are those of fonts: {brief, caption}. */
export function layout({ trace, step, grain, picked }, { width, height, gutter, sizes }) {
  const room = Math.max(4, Math.min(ROWS, Math.floor((height - 2 * TOP - SPARE) / ROW)));
  const chosen = trace.messages.get(picked);
  const usual = rows(trace, step, grain, room), early = ends(chosen, usual[0]);
  const late = early.length ? usual.slice(early.length + 1) : usual;
  const place = new Place(trace, early, late, width, gutter);
  const routes = messages(trace, late, step, grain, chosen).map((one) => route(place, one, step));
  const told = [...captions(routes, picked, sizes.caption), ...beside(place, trace, sizes.brief)];
  const labels = settle([...whole(place, trace, sizes.brief), ...told], { left: gutter - 4, width, height: Math.max(height, place.y(step) + SPARE) },
    [...routes.flatMap(taken), ...dots(place, trace)], routes);
  return { place, routes, labels };
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

/** Where a message's line goes, as far as is known at a step: what is under way points below the last row. */
function route(place, message, step) {
  const past = message.fates.filter(({ fate, step: at }) => at <= step && fate !== "held" && fate !== "open");
  const end = past.at(-1) ?? null;
  const gone = end !== null && ["lost", "cut", "refused", "late"].includes(end.fate);
  const from = { x: place.x(replicaOf(message.from)), y: place.y(message.sent) };
  const goal = { x: place.x(replicaOf(message.to)), y: end ? place.y(end.step) : place.y(step) + SPARE };
  const share = end === null ? 0.8 : gone && end.fate !== "late" ? 0.5 : 1;
  const along = (part) => ({ x: from.x + (goal.x - from.x) * part, y: from.y + (goal.y - from.y) * part });
  return {
    message, end, gone, from, to: along(share), mark: along(share * MARKED),
    fresh: message.sent === step || end?.step === step,
  };
}

const around = ({ x, y }, by) => ({ left: x - by, right: x + by, top: y - by, bottom: y + by });

/** What of an arrow stays free of words: its head or cross, and its mark. */
const taken = ({ from, to, mark }) => {
  const long = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const head = { x: to.x - (to.x - from.x) / long * 6, y: to.y - (to.y - from.y) / long * 6 };
  return [around(head, 6), around(mark, 9)];
};

/** The replicas to which something happened in a step, each with a word or two. */
export function said(place, { steps, messages: all }, at) {
  const found = new Map();
  for (const [id, text] of steps[at].records.map((record) => brief(record, all))) {
    if (place.columns.has(id)) found.set(id, found.get(id) || text);
  }
  return found;
}

const dots = (place, trace) => place.shown.flatMap((at) =>
  [...said(place, trace, at).keys()].map((id) => around({ x: place.x(id), y: place.y(at) }, 5)));

/** What goes for all replicas, in its row. */
function whole(place, { steps }, size) {
  return place.shown.flatMap((at) => {
    const [words, kind] = across(steps[at]) ?? [null];
    if (words === null) return [];
    const most = Math.max(10, Math.floor((place.width - place.gutter) / wide("a", size)) - 5);
    const text = words.length > most ? `${words.slice(0, most)}..` : words;
    return [{
      text: (kind === "fault" ? "⚡ " : "› ") + text, size, kind: `across ${kind}`,
      spots: [{ x: place.gutter + 4, y: place.y(at), side: "left" }],
    }];
  });
}

/** The words of what is picked, or fresh: one label for what is the same text, on one of its arrows. */
function captions(routes, picked, size) {
  const named = new Map();
  for (const one of routes.filter(({ message, fresh }) => fresh || message.id === picked)) {
    named.set(short(one.message), [...named.get(short(one.message)) ?? [], one]);
  }
  return [...named].slice(-CAPTIONS).map(([text, group]) => ({
    text, size, kind: "caption", spots: group.flatMap((one) => ALONG.flatMap((part) => onArrow(one, part, size))),
  }));
}

function onArrow({ from, to }, part, size) {
  const x = from.x + (to.x - from.x) * part, y = from.y + (to.y - from.y) * part;
  return [
    { x, y: y - size, side: "middle" }, { x, y: y + size, side: "middle" },
    { x: x + 10, y, side: "left" }, { x: x - 10, y, side: "right" },
  ];
}

/** Beside a replica's line what happened to it: on its right, its left, a little above or below. */
function beside(place, trace, size) {
  return [...place.shown].reverse().flatMap((at) => [...said(place, trace, at)].filter(([, text]) => text)
    .map(([id, text]) => {
      const x = place.x(id), y = place.y(at), up = size * 0.9;
      const spots = [0, -up, up].flatMap((by) => [{ x: x + 9, y: y + by, side: "left" }, { x: x - 9, y: y + by, side: "right" }]);
      return { text, size, kind: "brief", spots };
    }));
}
