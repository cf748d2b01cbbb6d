// The page's explanations: keys, and what the marks mean.

import { html } from "./dom.js";

const KEYS = [
  ["1 to 9", "choose a replica"], ["p, a, r", "fail or restart its proposer, acceptor, learner"],
  ["k", "kill it, or start it"], ["s", "pause its process, or resume it"], ["d", "hang its disk for five seconds"],
  ["w", "wipe its disk"], ["l", "have it lead"], ["c, i, o", "cut it off, make it deaf, mute; heal"],
  ["Tab, Enter", "any role, link or button"], ["v", "why the last slot has its value"], ["h", "heal all links"], ["u", "undo all"], ["t", "light or dark"], ["Esc", "close"],
];
const MARKS = [
  "Colour is the ballot's owner. A square asks, a circle answers: V pre-vote, P prepare, promise; A accept, accepted; F a request forwarded, its "
  + "answer; S a snapshot; H leadership handed over. A small dot is a heartbeat and its answer. A cross is a refusal, or a message lost.",
  "What really takes a millisecond is drawn as most of a second, half a second late, and few of many: a sample.",
  "A replica's bar is the lease that its acceptor has granted: until it is empty, it promises to nobody else. After a start it holds "
  + "promises back as long, as it does not know what it had granted.",
  "In the strip a red field is a time without a write: measured by the clients of this page by their answers, or without them by the "
  + "replicas' revisions, to a tenth of a second.",
];

/** Show the keys and marks in their dialog. */
export function help(dialog) {
  const rows = KEYS.map(([keys, what]) => html("tr", {}, html("th", {}, keys), html("td", {}, what)));
  dialog.replaceChildren(
    html("h2", {}, "Keys"), html("table", {}, ...rows),
    html("h2", {}, "Marks"), ...MARKS.map((text) => html("p", {}, text)),
    html("form", { method: "dialog" }, html("button", {}, "close")));
  dialog.showModal();
}
