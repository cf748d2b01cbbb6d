// The page as one file that plays without a server: its template is the server's (saved.py); here
// its places are filled with the runs, and with a still picture and the story for readers without
// scripts. What comes from a trace goes in as text: every < of it is escaped.

import { html } from "./dom.js";
import { LEARNED } from "./records.js";
import { say } from "./words.js";

const MOST_SENTENCES = 400;

/** The whole file; `stages` as they stand at `step` of `merged`, `given` what it begins with. */
export async function saved(stages, merged, step, given) {
  const template = await (await fetch("/page/saved.html")).text();
  const places = {
    title: escaped(stages.map((stage) => stage.heading.textContent).join(" beside ")),
    given: escaped(JSON.stringify(given)).replaceAll('"', "&quot;"),
    still: stages.map(still).join("\n"),
    story: story(stages, merged, step).map((sentence) => `<li>${escaped(sentence)}</li>`).join("\n"),
    runs: stages.map(({ text }) => `<script type="text/plain" class="run">\n${inert(text)}\n</script>`).join("\n"),
  };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => places[name]);
}

/** A name for the file, without its ending. */
export const fileName = (asked) => `kvrmi-${asked?.scenario ?? (asked?.dare ? "dare" : asked?.bug) ?? (asked?.script ? "scenario" : `seed-${asked?.seed ?? 0}`)}`;

/** Hand a file to the browser, which keeps it; `kind` is html or plain. */
export function download(name, text, kind) {
  const url = URL.createObjectURL(new Blob([text], { type: `text/${kind}` }));
  html("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** JSON lines in which no element can end or begin. */
const inert = (text) => text.trimEnd().replaceAll("<", "\\u003c");

function still({ heading, cards, diagram }) {
  const picture = diagram.querySelector("svg").cloneNode(true);
  return `<h2>${escaped(heading.textContent)}</h2><figure>${cards.outerHTML}${picture.outerHTML}</figure>`;
}

/** What somebody learned, up to this step, in words; the last ones where there are many. */
function story(stages, { steps }, until) {
  const said = steps.slice(0, until + 1).filter((one, at) => one.weight >= LEARNED || at === until);
  const left = said.length - MOST_SENTENCES;
  const sentences = said.slice(-MOST_SENTENCES).map(({ at, pane, stands }) => {
    const { sentence, why } = say(stages[pane].trace, stands[pane]);
    return `${at.toFixed(3)} s: ${sentence} ${why}`;
  });
  return left > 0 ? [`(${left} steps before these are left out)`, ...sentences] : sentences;
}
