// What a client was answered, in a sentence, in a word or two, and what it may rely on. Pure.
//
// A scenario's client is called "client", those of a seed's run have names; what they were answered
// stands in a trace as the simulator writes it.

import { client } from "./reasons.js";
import { isRead, operation } from "./script_words.js";
import { table } from "./records.js";

const ANSWERED = /^(.*) at r(\d+): Answer\(code='(\w+)', value=(.*), revision=\d+\)$/s;
const GONE = /^(.*) at r(\d+): no answer/;
const GOT = /^gets (\w+) (.*) @\d+$/s;

/** Whether it is the client of a scenario, who asks one thing after the other. */
export const isScripted = (who) => who === "client";

/** What a client's line tells of an answer: {request, id, code, value}; `code` "" where none will come; null: nothing. */
export function answer(text) {
  const whole = ANSWERED.exec(text), gone = GONE.exec(text), got = GOT.exec(text);
  if (whole) return { request: whole[1], id: Number(whole[2]), code: whole[3], value: bare(whole[4]) };
  if (gone) return { request: gone[1], id: Number(gone[2]), code: "", value: "" };
  return got && { request: "", id: 0, code: got[1], value: bare(got[2]) };
}

/** A value as Python writes it, without its quotes; None: nothing. */
const bare = (value) => value === "None" ? "" : value.replace(/^(['"])(.*)\1$/s, "$2");

/** The sentence of a client's line. */
export function answered(who, text) {
  const found = answer(text);
  if (!found) return `Client ${who} ${text}.`;
  const { request, id, code } = found;
  if (!isScripted(who)) return `Client ${who} is answered ${code}${id ? ` by replica ${id}, to ${request}` : ""}${came(found)}.`;
  if (!code) return `Whoever asked replica ${id} ${operation(request)} gets no answer: its process is gone.`;
  return `Replica ${id}, asked ${operation(request)}, answers ${code}${came(found)}.`;
}

/** What came of it, after its code; of a write that is done its revision says nothing more. */
function came({ request, code, value }) {
  if (code !== "OK") return value ? `: ${value}` : "";
  if (request && !isRead(request)) return /^(True|False)$/.test(value) ? `: ${value === "True" ? "it is done" : "nothing had to be done"}` : ": it is done";
  return `: ${value || "there is none"}`;
}

/** The same in a word or two, for a row. */
export function briefly(text) {
  const { code, value, request, id } = answer(text);
  if (!code) return "no answer to the client";
  return `replica ${id} answers its client ${code}${code === "OK" && isRead(request) ? `: ${value || "there is none"}` : ""}`;
}

/** What the client may rely on. */
export function relied(text, trace) {
  const found = answer(text);
  if (found?.code === "OK" && isRead(found.request)) return trace.run.protocol === "2pc" ? null : READ;
  return found && found.code !== "OK" ? REFUSED[found.code] ?? UNDONE : client(trace);
}

const READ = ["It misses no write that was acknowledged before it was asked: a leader answers alone while its lease runs, and asks a majority where it has none.", "Paxos Made Live 5.2"];
const UNDONE = ["Nothing was done, and nothing will be: that is certain, so it may be asked again, here or elsewhere.", ""];
const REFUSED = table({
  "": ["Whether it was done its client cannot know. It may ask again as the same request: that is carried out once at most.", ""],
  UNKNOWN_OUTCOME: ["It may have been carried out, or may be yet. Who answers cannot know which, and claims neither.", ""],
});
