// What can be done to the replica that is chosen, and to all; each failure and its way back are one
// button on one spot.

import { html } from "./dom.js";
import { hung } from "./live_standing.js";

/** What a panel is about, and what ends it. */
export const heading = (text, close, attributes = {}) =>
  html("h2", { ...attributes, class: `closes ${attributes.class ?? ""}` }, text, " ", html("button", { type: "button", title: "Close (Esc)", onclick: close }, "close"));

/** The buttons for a replica, or how to begin where none is chosen; `give` takes lines, `close` ends it. */
export function panel(state, selected, give, close) {
  const replica = state.replicas.get(selected);
  if (!replica) return [html("h2", {}, "Fail something"), html("p", {}, "Click a role to fail it, a link to cut it, a replica's number for more. Draw a line across links to cut them all. Click again to bring back."), ...partitions(state, give)];
  const id = replica.id, buttons = [...process(replica, state), ...network(state, id)];
  return [
    heading(`Replica ${id}`, close, { class: `owner${id % 6}` }),
    html("div", { class: "deeds" }, ...buttons.map(([key, text, title, lines]) =>
      html("button", { type: "button", title: `${title} (${key})`, "data-key": key, onclick: () => give(lines) }, text))),
    html("p", { class: "legend" }, "Roles are failed and restarted on the card itself."),
  ];
}

/** What the process and its disk can suffer: key, label, what it does, lines. */
function process(replica, state) {
  const { id, answers, state: standing } = replica;
  const held = standing === "held" || standing === "down";
  const paused = !answers && !held && standing !== "starting";
  const rows = [
    held ? ["k", "start", "Start the process again, from its disk", [`START ${id}`]]
      : ["k", "kill -9", "End the process at once, and leave it down", [`KILL ${id}`]],
    ...(held ? [] : [paused ? ["s", "resume", "Send the process SIGCONT: it goes on where it was", [`CONTINUE ${id}`]]
      : ["s", "pause", "Send the process SIGSTOP: it stands still, and knows nothing of it; time goes on", [`PAUSE ${id}`]]]),
  ];
  if (answers) {
    rows.push(hung(replica) ? ["d", "let its disk go on", "What waits for its disk is written", [`UNHANG ${id}`]]
      : ["d", "hang its disk, 5 s", "Nothing reaches its disk for five seconds", [`HANG ${id}`]]);
    rows.push(["w", "wipe its disk", "Kill it, delete its folder, start it: it forgot what it promised", [`WIPE ${id}`]]);
  }
  if (answers && state.leader !== id && state.leader !== null) {
    rows.push(["l", "have it lead", "The leader hands over to it in good order; after a quiet time the lowest number that can lead gets it back", [`TRANSFER ${id}`]]);
  }
  return rows;
}

/** Cuts around one replica: from those that answer, as a link to the others cannot be cut. */
export function network(state, id) {
  const others = present(state).filter((each) => each !== id);
  if (!others.length || !state.replicas.get(id).answers) return [];
  const cuts = new Set([...state.replicas.values()].flatMap(({ cuts: pairs = [] }) => pairs.map(([from, to]) => `${from}>${to}`)));
  const heal = others.map((other) => `HEAL ${id} ${other}`);
  const every = (pairs) => pairs.every((pair) => cuts.has(pair));
  const deaf = others.map((other) => `${other}>${id}`), mute = others.map((other) => `${id}>${other}`);
  if (every([...deaf, ...mute])) return [["c", "connect again", "Heal all its links", heal]];
  const row = (key, text, title, pairs, lines) =>
    every(pairs) ? [key, `${text}: heal`, "Heal all its links", heal] : [key, text, title, lines];
  return [
    ["c", "cut off", "Cut all its links, both ways", others.map((other) => `CUT ${id} ${other}`)],
    row("i", "deaf", "It hears nobody, others hear it", deaf, others.map((other) => `failLink(${other},${id})`)),
    row("o", "mute", "Nobody hears it, it hears others", mute, others.map((other) => `failLink(${id},${other})`)),
  ];
}

const present = (state) => [...state.replicas.values()].filter(({ answers }) => answers).map(({ id }) => id);

/** Partitions that are worth a lesson, as one button each. */
function partitions(state, give) {
  const ids = [...state.replicas.keys()], spare = Math.floor((ids.length - 1) / 2), there = present(state);
  if (ids.length < 3) return [];
  const minority = ids.slice(0, spare), rest = ids.slice(spare);
  const cross = minority.flatMap((one) => rest.map((other) => [one, other]));
  const chain = ids.flatMap((one, index) => ids.slice(index + 2).map((other) => [one, other]));
  const cuts = (pairs) => pairs.filter((pair) => pair.every((each) => there.includes(each))).map(([one, other]) => `CUT ${one} ${other}`);
  const button = (text, title, lines) => html("button", { type: "button", title, onclick: () => give(lines) }, text);
  return [html("div", { class: "deeds" },
    button(`split ${minority.join(",")} | ${rest.join(",")}`, "No message passes between the two sides", cuts(cross)),
    button("chain", "Each reaches its neighbours only", cuts(chain)),
    button("heal all links", "End all cuts and delays (h)", ["HEAL"]))];
}

/** A link's own buttons. */
export function linkPanel({ one, other, there, back, slow }, give, close) {
  const both = there && back, whole = !there && !back;
  const button = (text, title, lines) => html("button", { type: "button", title, onclick: () => give(lines) }, text);
  const heal = button("heal", "Let all pass again", [`HEAL ${one} ${other}`]);
  return [
    heading(`Link ${one}–${other}`, close),
    html("div", { class: "deeds" },
      both ? heal : button("cut", "Nothing passes, either way", [`CUT ${one} ${other}`]),
      there ? (both ? "" : heal) : button(`cut ${one} → ${other}`, `${other} does not hear ${one}`, [`failLink(${one},${other})`]),
      back ? (both ? "" : heal) : button(`cut ${other} → ${one}`, `${one} does not hear ${other}`, [`failLink(${other},${one})`]),
      slow ? (whole ? button("at full speed", "End the delay", [`HEAL ${one} ${other}`]) : "")
        : button("slow", "Each request takes a tenth of a second longer", [`SLOW ${one} ${other}`])),
  ];
}
