// Orders to the cluster: sent one after the other; what would lose the quorum is asked first.

import { html } from "./dom.js";

export class Orders {
  /** `said` takes what came of an order, and whether it was refused. */
  constructor(token, dialog, said) {
    Object.assign(this, { token, dialog, said, wanted: 0, working: false });
  }

  /** Give lines such as "CUT 1 2"; `agreed`: also if the quorum is lost. */
  async give(lines, agreed = false) {
    this.said(`${shortly(lines)} ..`, false);
    const answer = await this.send({ lines, agreed });
    if (answer.asks) return this.ask(lines, answer.asks);
    this.said(came(answer), Boolean(answer.refused));
  }

  /** Have so many clients of the page's own: of what is asked meanwhile, the last alone is sent. */
  async work(clients) {
    this.wanted = clients;
    if (this.working) return;
    this.working = true;
    for (let sent = null; sent !== this.wanted;) {
      sent = this.wanted;
      await this.have(sent);
    }
    this.working = false;
  }

  async have(clients) {
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
    this.dialog.oncancel = close(false);
    this.dialog.showModal();
  }
}

/** What came of orders: what was done, and what was refused then. */
export const came = ({ said, refused }) =>
  plain(refused ? [...said.map((text) => `Done: ${text}.`), refused].join(" ") : said.join("; "));

/** Without words of the prompt, which this page does not have. */
const plain = (text) => text.replace(/until START \d+/g, "until it is started again").replace(/until CONTINUE \d+/g, "until it is resumed");

const WORDS = { CONTINUE: "resume", HANG: "hang the disk of", UNHANG: "let go on the disk of", TRANSFER: "have lead:" };

/** Lines that are under way, in words. */
export function shortly(lines) {
  const named = lines.slice(0, lines.length > 3 ? 2 : 3).map(inWords).join(", ");
  return lines.length > 3 ? `${named} and ${lines.length - 2} more` : named;
}

function inWords(line) {
  const [, from, to] = /^failLink\((\d+),(\d+)\)$/.exec(line) ?? [];
  if (from) return `cut ${from} → ${to}`;
  const [word, ...rest] = line.split(" ");
  return [WORDS[word] ?? word.toLowerCase(), ...rest].join(" ");
}
