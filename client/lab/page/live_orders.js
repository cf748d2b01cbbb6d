// Orders to the cluster: sent one after the other; what would lose the quorum is asked first.

import { html } from "./dom.js";

export class Orders {
  /** `said` takes what came of an order, and whether it was refused. */
  constructor(token, dialog, said) {
    Object.assign(this, { token, dialog, said });
  }

  /** Give lines such as "CUT 1 2"; `agreed`: also if the quorum is lost. */
  async give(lines, agreed = false) {
    this.said(`${shortly(lines)} ..`, false);
    const answer = await this.send({ lines, agreed });
    if (answer.asks) return this.ask(lines, answer.asks);
    this.said(came(answer), Boolean(answer.refused));
  }

  /** Have so many clients of the page's own. */
  async work(clients) {
    const answer = await this.send({ clients }, "/live/load");
    this.said(answer.refused ?? (clients ? `${clients} clients read and write` : "the clients end"), Boolean(answer.refused));
  }

  /** Ask why a slot has its value. */
  why(slot, leader) {
    return this.send({ slot, leader }, "/live/why");
  }

  async send(body, path = "/live/order") {
    const headers = { "x-kvrmi-token": this.token };
    try {
      const answer = await fetch(path, { method: "POST", body: JSON.stringify(body), headers });
      return answer.ok ? await answer.json() : { refused: await answer.text(), said: [] };
    } catch {
      return { refused: "The lab does not answer: nothing is known of the order.", said: [] };
    }
  }

  ask(lines, lost) {
    const close = (yes) => () => { this.dialog.close(); if (yes) this.give(lines, true); else this.said("Nothing was done.", false); };
    this.dialog.replaceChildren(
      html("p", {}, `${lost[0].toUpperCase()}${lost.slice(1)}: nothing can be written until it is back.`),
      html("button", { type: "button", id: "agree", onclick: close(true) }, "do it and see"), " ",
      html("button", { type: "button", autofocus: true, onclick: close(false) }, "leave it"));
    this.dialog.showModal();
  }
}

/** What came of orders: what was done, and what was refused then. */
export const came = ({ said, refused }) =>
  refused ? [...said.map((text) => `Done: ${text}.`), refused].join(" ") : said.join("; ");

const shortly = (lines) => lines.length > 3 ? `${lines.slice(0, 2).join(", ")} and ${lines.length - 2} more` : lines.join(", ");
