// Majorities as a picture: a column an acceptor, a row a majority; whoever is in all of them has a
// frame through all rows. And why somebody leads, as a table beside it.

import { html, press, svg } from "./dom.js";
import { election, left, sides, told } from "./election.js";
import { spell } from "./ballots.js";

const WIDE = 44, HIGH = 30, LEFT = 96;

/**
 * `rows` are {label, owner, members, later, aside, act}; a majority's members are joined by a band. Who came
 * later is marked and not joined; rows aside do not count for the frame.
 */
export function quorums(ids, rows, majority) {
  const width = LEFT + WIDE * ids.length, height = HIGH * (rows.length + 1);
  const x = (id) => LEFT + WIDE * (ids.indexOf(id) + 0.5), y = (row) => HIGH * (row + 1.5);
  const whole = rows.filter(({ members, aside }) => !aside && members.length >= majority);
  const shared = whole.length < 2 ? [] : ids.filter((id) => whole.every(({ members }) => members.includes(id)));
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "quorums", role: "img", "aria-label": described(rows, shared) },
    ...shared.map((id) => svg("rect", { x: x(id) - 17, y: 2, width: 34, height: height - 4, rx: 12, class: "shared" })),
    ...ids.map((id) => svg("text", { x: x(id), y: HIGH * 0.7, class: "acceptor" }, String(id))),
    ...rows.flatMap((row, at) => drawn(row, y(at), x, ids, row.members.length >= majority)));
}

function drawn({ label, owner, members, later, act }, y, x, ids, whole) {
  const inside = ids.filter((id) => members.includes(id));
  const band = whole ? [svg("line", { x1: x(inside[0]), x2: x(inside.at(-1)), y1: y, y2: y, class: `band owner${owner}` })] : [];
  const ring = (id) => members.includes(id) ? `member owner${owner}` : later.includes(id) ? `later owner${owner}` : "absent";
  const dots = ids.map((id) => svg("circle", { cx: x(id), cy: y, r: 9, class: ring(id) }));
  const marks = ids.filter((id) => later.includes(id)).map((id) => svg("circle", { cx: x(id), cy: y, r: 4, class: `member owner${owner}` }));
  return [...band, ...dots, ...marks, svg("text", { x: 0, y: y + 4, class: `row owner${owner}`, onclick: act ?? (() => {}) }, label)];
}

const described = (rows, shared) =>
  `${rows.map(({ label, members, later }) => `${label}: ${members.join(", ")}${later.length ? `, later ${later.join(", ")}` : ""}`).join("; ")}; in all: ${shared.join(", ") || "nobody"}`;

/** Why somebody leads, or wants to, at a step: sentences, the picture, a table by replica. */
export function leaderWhy(trace, ballot, step, close) {
  const found = election(trace, ballot, step), leads = found.won === null ? "wants to lead" : "leads";
  const head = html("h2", {}, `Why replica ${ballot.replica} ${leads} at ${spell(ballot)} `, press("close", close));
  const ids = trace.replicas, rows = sides(found, ids);
  const legend = [...rows.some(({ later }) => later.length) ? [LATER] : [], left(found, ids)].filter(Boolean).join(" · ");
  return [
    head, quorums(ids, rows, found.majority), html("p", { class: "legend" }, legend),
    ...told(found).map((sentence) => html("p", {}, sentence)),
    html("p", {}, html("cite", {}, "Paxos Made Simple 2.2, P1a and P2c; for pre-votes Ongaro 9.6, for leases Paxos Made Live 5.2")),
    byReplica(found, ids),
  ];
}

/** What the mark of those means that came later. */
export const LATER = "◉ later: not needed";

function byReplica(found, ids) {
  const seconds = (at) => at === undefined ? "·" : at.toFixed(3);
  const of = found.former ? ` of ${spell(found.former)}` : "";
  const rows = [
    [`last heartbeat${of}`, (id) => seconds(found.heard.get(id))],
    ["lost after it", (id) => found.missed.get(id) || "·"],
    ["its lease ran until", (id) => seconds(found.leases.get(id))],
    ["pre-vote", (id) => found.prevotes.has(id) ? (found.prevotes.get(id).granted ? "yes" : "no") : "·"],
    ["promise", (id) => found.promises.has(id) ? `${seconds(found.promises.get(id).at)}${found.promises.get(id).late ? " late" : ""}` : found.refused.has(id) ? `no: ${found.refused.get(id)}` : "·"],
    ["reported", (id) => found.promises.get(id)?.reports.map(({ slot, ballot }) => `${slot}@${spell(ballot)}`).slice(0, 3).join(" ") || "·"],
  ];
  const head = html("tr", {}, html("th", {}, ""), ...ids.map((id) => html("th", { class: `owner${id}` }, String(id))));
  return html("table", { class: "majorities election" }, html("thead", {}, head),
    html("tbody", {}, ...rows.map(([label, cell]) =>
      html("tr", {}, html("th", {}, label), ...ids.map((id) => html("td", {}, String(cell(id))))))));
}
