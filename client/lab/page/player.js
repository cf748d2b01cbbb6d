// Where we stand in a run: steps at a grain, jumps, playing. It draws nothing: `changed` is called.
//
// Time is asked for, frames are never counted, so a tab that was hidden goes on where it should be.

import { ALL, EVENTS, LEARNED } from "./records.js";

/** Steps a second. */
export const SPEEDS = [0.5, 1, 2, 4, 8, 20, 60];

export class Player {
  constructor(run, changed) {
    this.run = run;
    this.changed = changed;
    this.step = -1;
    this.grain = EVENTS;
    this.speed = 2;
    this.playing = false;
    this.faults = run.steps.flatMap((step, number) => step.fault ? [number] : []);
  }

  get last() {
    return this.run.steps.length - 1;
  }

  /** Stand at a step; outside the run: at its end. */
  go(step) {
    this.step = Math.max(0, Math.min(this.last, step));
    this.changed();
  }

  /** One step forwards (1) or backwards (-1) at a grain; whether there was one. */
  walk(direction, grain = this.grain) {
    const { steps } = this.run;
    for (let at = this.step + direction; at >= 0 && at <= this.last; at += direction) {
      if (steps[at].weight >= grain) {
        this.go(at);
        return true;
      }
    }
    return false;
  }

  /** To the next fault (1) or the one before (-1); whether there is one. */
  fault(direction) {
    const ahead = (at) => direction > 0 ? at > this.step : at < this.step;
    const found = direction > 0 ? this.faults.find(ahead) : this.faults.findLast(ahead);
    if (found !== undefined) this.go(found);
    return found !== undefined;
  }

  /** Where safety broke; -1: it did not. */
  get broke() {
    return this.run.steps.findLastIndex((step) =>
      step.records.some((record) => record.kind === "happened" && record.who === "verdict"));
  }

  faster(by) {
    const at = SPEEDS.indexOf(this.speed) + by;
    this.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at))];
    this.since = performance.now();
    this.changed();
  }

  toggle() {
    this.playing = !this.playing;
    this.since = performance.now();
    if (this.playing) requestAnimationFrame((now) => this.frame(now));
    this.changed();
  }

  pause() {
    if (this.playing) this.toggle();
  }

  frame(now) {
    if (!this.playing) return;
    const due = Math.floor((now - this.since) / 1000 * this.speed);
    if (due > 0) {
      this.since += due / this.speed * 1000;
      for (let taken = 0; taken < Math.min(due, 60); taken++) {
        if (!this.quietly(1)) return this.pause();
      }
      this.changed();
    }
    requestAnimationFrame((later) => this.frame(later));
  }

  quietly(direction) {
    const { changed } = this;
    this.changed = () => {};
    const moved = this.walk(direction);
    this.changed = changed;
    return moved;
  }
}

export { ALL, EVENTS, LEARNED };
