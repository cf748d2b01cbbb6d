// One run on the stage: its heading, a card for each replica, the picture of its messages.

import { draw } from "./diagram.js";
import { html } from "./dom.js";
import { cards, facts } from "./panels.js";
import { Timeline } from "./state.js";
import { writes } from "./pulse.js";
import { read } from "./trace.js";

export class Stage {
  /** `asked` is what the run was made of, null for a file's; `text` its trace. */
  constructor(asked, text) {
    this.asked = asked;
    this.text = text;
    this.trace = read(text);
    this.timeline = new Timeline(this.trace);
    this.timeline.check();
    this.times = writes(this.trace);
    this.heading = html("h2", { class: "heading" }, title(this.trace));
    this.pulse = html("p", { class: "pulse" });
    this.cards = html("div", { class: "cards" });
    this.diagram = html("div", { class: "diagram" });
    this.root = html("section", { class: "stage", "aria-label": title(this.trace) },
      this.heading, this.pulse, this.cards, this.diagram);
  }

  /** When its last step is, and when safety broke: Infinity where it did not. */
  get end() {
    return this.trace.steps.at(-1).at;
  }

  get broke() {
    return this.trace.steps.find(({ records }) => records.some(({ who }) => who === "verdict"))?.at ?? Infinity;
  }

  /** Draw it at one of its steps, at a moment from then on; `acts` is what can be clicked: {pick, replica}. */
  show(step, moment, grain, picked, acts) {
    const { trace, timeline } = this;
    const before = step > 0 ? facts(timeline.at(step - 1)) : null;
    const state = { ...timeline.at(step), at: Math.min(moment, this.end) };
    this.cards.replaceChildren(...cards(state, before, acts));
    this.diagram.replaceChildren(draw({ trace, step, grain, picked }, state, acts.pick, this.size()));
    return state;
  }

  /** Show how writing went on: {text, isLong}. */
  line({ text, isLong }) {
    this.pulse.textContent = text;
    this.pulse.className = isLong ? "pulse long" : "pulse";
  }

  size() {
    const { clientWidth: width, clientHeight: height } = this.diagram;
    const style = getComputedStyle(this.diagram), size = (name) => parseFloat(style.getPropertyValue(name));
    const sizes = { brief: size("--brief"), caption: size("--caption") };
    return { width, height, gutter: parseFloat(getComputedStyle(this.cards).paddingLeft), sizes };
  }
}

/** What one of two runs beside each other is called. */
export const called = ({ run: { plant, protocol } }) =>
  plant ? `With ${plant}` : protocol === "2pc" ? "Two-phase commit" : "Paxos";

/** Which run a trace is of. */
export function title({ run, replicas }) {
  const simulated = run.dare ? "the dare" : run.script ? `scenario ${run.script}` : `seed ${run.seed}, ${run.profile}`;
  const name = run.live ? "a running cluster" : simulated;
  const planted = run.plant ? `, with the bug ${run.plant}` : "";
  const protocol = run.protocol === "2pc" ? "Two-phase commit: " : run.protocol === "paxos" ? "Paxos: " : "";
  const deeds = run.acts?.length ? `, ${run.acts.length} act${run.acts.length === 1 ? "" : "s"} by hand` : "";
  return `${protocol}${name}${planted}${deeds}, ${replicas.length} replica${replicas.length === 1 ? "" : "s"}`;
}
