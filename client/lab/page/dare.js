// The dare: break safety. Its rules, what came of the moves until now, a line for the next one.
//
// A move is a run of its own, one move longer (forks.js); the lab makes it. It knows no cluster.

import { html, one } from "./dom.js";
import { brokeAt, told } from "./verdicts.js";

/** What came of an attempt, in a sentence: {text, isBroken}. Pure. */
export function outcome(trace) {
  const { run, end } = trace, at = brokeAt(trace);
  const moves = count(end?.moves ?? 0, "move"), slots = `${count(end?.slots ?? 0, "slot")} decided, each once`;
  if (end?.violation && at >= 0) {
    const { sentence } = told(end.violation, trace, at);
    return { text: `SAFETY IS BROKEN after ${moves}, at ${trace.steps[at].at.toFixed(3)} s: ${sentence}.`, isBroken: true };
  }
  if (end?.level === true) return { text: `Safety holds: ${moves}, ${slots}; all failures are undone, and all replicas have the same.`, isBroken: false };
  if (end?.level === false) return { text: `Safety holds: ${moves}, ${slots}; not all replicas have the same yet.`, isBroken: false };
  return { text: run.moves?.length ? `Safe: ${moves}, ${slots}.` : "No move yet.", isBroken: false };
}

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

/** Put its controls in place: {texts} are the lab's, `acts` {move, plant, apart}. */
export function dare(texts, bugs, acts) {
  const line = html("textarea", { id: "move", rows: 1, "aria-label": "Your next move", placeholder: "your next move, such as: kill 1" });
  const send = () => {
    const moves = line.value.split("\n").map((each) => each.trim()).filter(Boolean);
    if (moves.length) acts.move(moves.join("\n"));
  };
  line.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    send();
  });
  one("dare").append(
    html("p", { id: "outcome", role: "status" }), line, button("do it", send),
    button("undo all failures, and end", () => acts.move("quit")), planting(bugs, acts),
    button("moves that win", () => { line.value = texts.won[one("planted").value].join("\n"); line.focus(); }, "won"),
    button("without the bug, beside", acts.apart, "apart"),
    html("details", {}, html("summary", {}, "rules and moves"),
      html("p", {}, texts.begin), html("pre", {}, texts.moves), html("p", {}, texts.hint)));
}

const button = (text, act, id = null) => html("button", { type: "button", id, onclick: act }, text);

function planting(bugs, { plant }) {
  const options = Object.keys(bugs).map((bug) => html("option", { value: bug, title: bugs[bug] }, `planted: ${bug}`));
  return html("select", { id: "planted", "aria-label": "Plant a bug", onchange: ({ target }) => plant(target.value) },
    html("option", { value: "" }, "no bug is planted"), ...options);
}

/** Show an attempt; null: none is shown. */
export function attempt(trace, texts) {
  one("dare").hidden = trace === null;
  if (trace === null) return;
  const { text, isBroken } = outcome(trace), bug = trace.run.plant ?? "";
  one("outcome").textContent = text;
  one("outcome").className = isBroken ? "broke" : "";
  one("move").value = "";
  one("planted").value = bug;
  one("won").hidden = !Object.hasOwn(texts.won, bug);
  one("apart").hidden = !bug;
  if (!trace.run.moves?.length) one("move").focus();
}
