// Where traces come from: the lab's server, or a file. A trace is text; nothing of a file is run.

export const MOST_BYTES = 100_000_000;

/** Have the lab make a run: its trace; throws Refused. */
export async function ask(request, token) {
  const headers = { "x-kvrmi-token": token };
  const [ok, text] = await fetch("/run", { method: "POST", body: JSON.stringify(request), headers })
    .then(async (answer) => [answer.ok, await answer.text()], () => [false, GONE]);
  if (!ok) throw new Refused(text);
  return text;
}

/** Why there is no trace, in a sentence. */
export class Refused extends Error {}

const GONE = "The lab does not answer: it was ended, or started again. Open the address that it printed.";

/** What is in a file; throws Refused. */
export async function content(file) {
  if (file.size > MOST_BYTES) throw new Refused(`${file.name} is larger than ${MOST_BYTES / 1e6} MB: it is not opened.`);
  return await file.text();
}

/** The traces in a file's text: one of its own, or those of a saved page; throws Refused. */
export function traces(text, name) {
  const found = text.trimStart().startsWith("<") ? held(text) : [text];
  if (!found.length) throw new Refused(`${name} is no saved page of the lab, and no trace.`);
  return found;
}

/** Whether a file's text is neither of these, so that it may be a scenario. */
export const isWords = (text) => !/^\s*[<{[]/.test(text);

/** The traces that this page holds; an ordinary one holds none. */
export const kept = () => [...document.querySelectorAll("script.run")].map((block) => block.textContent.trim());

/** The same of a saved page's text: no < is within such a block, so nothing has to be parsed. */
const held = (text) => [...text.matchAll(/<script type="text\/plain" class="run">([^<]*)</g)].map((found) => found[1].trim());
