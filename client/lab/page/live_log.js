// The log's last slots: a row a replica, cells that fill from accepted to chosen to applied.

import { html } from "./dom.js";
import { slots } from "./live_moments.js";
import { write } from "./live_ring.js";

/** The table in its element; cells are made once and changed. */
export class Log {
  /** `pick` takes the slot that is clicked. */
  constructor(holder, pick) {
    this.holder = holder;
    this.pick = pick;
    this.numbers = [];
    this.shape = "";
  }

  show(state, count) {
    const { numbers, rows } = slots(state, count);
    const shape = `${count} ${rows.map(({ id }) => id).join()}`;
    this.numbers = numbers;
    if (shape !== this.shape) this.make(numbers, rows, shape);
    this.heads.forEach((head, index) => {
      const text = numbers[index] % 5 === 0 ? String(numbers[index]) : "";
      if (head.textContent !== text) head.textContent = text;
    });
    rows.forEach(({ says }, row) => {
      this.rows[row].className = says ? "gone" : "";
      write(this.notes[row], says);
    });
    rows.forEach(({ cells }, row) => cells.forEach(({ what, owner }, index) => {
      const name = `${what}${owner ? ` owner${owner % 6}` : ""}`;
      const cell = this.cells[row][index];
      if (cell.className !== name) cell.className = name;
    }));
  }

  clicked({ target }) {
    const index = target.cellIndex - 1;
    if (index >= 0 && index < this.numbers.length && this.numbers[index] > 0) this.pick(this.numbers[index]);
  }

  make(numbers, rows, shape) {
    this.shape = shape;
    this.heads = numbers.map(() => html("th"));
    this.cells = rows.map(() => numbers.map(() => html("td")));
    this.notes = rows.map(() => html("td", { class: "note", colspan: numbers.length }));
    this.rows = rows.map(({ id }, row) => html("tr", {}, html("th", { class: `owner${id % 6}` }, String(id)), ...this.cells[row], this.notes[row]));
    this.holder.replaceChildren(
      html("table", { onclick: (event) => this.clicked(event), title: "Click a slot: why it has its value", "aria-label": "The last slots of the log on each replica" },
        html("tr", {}, html("th", {}, "slot"), ...this.heads),
        ...this.rows),
      html("p", { class: "legend" }, "▢ accepted, colour of the ballot's owner, grey where that is forgotten · ▤ known to be chosen · ■ applied. Click a slot (v: the last chosen one): why it has its value."));
  }
}
