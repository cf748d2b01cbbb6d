// The lines of a scenario, and what is done by hand, in sentences: kvrmi/sim/vocabulary.py and acts.py
// have the words. Pure. A line that is none of these stays as it is.

const LINKS = (text) => text.split(", ").map((link) => link.replace("->", "→").replace(/ - /, " ↔ ")
  .replace(/^\d+$/, "$& with everybody")).join(", ");
const one = (ids) => ids.includes(",") ? `Replicas ${ids} are` : ids === "all" ? "All replicas are" : `Replica ${ids} is`;
const of = (ids, what) => ids === "all" ? `All replicas' ${what}`
  : ids.includes(",") ? `The ${what} of replicas ${ids}` : `Replica ${ids}'s ${what}`;

const CONDITIONS = [
  [/^(\d+) leads$/, (id) => `replica ${id} leads`],
  [/^another than (\d+) leads$/, (id) => `another replica than ${id} leads`],
  [/^(\S+) = (\S+) at (\d+)$/, (key, value, id) => `replica ${id} has applied ${key} = ${value}`],
  [/^(\d+) applied (\d+)$/, (id, slot) => `replica ${id} has applied slot ${slot}`],
  [/^(\d+) took a snapshot$/, (id) => `replica ${id} has taken a snapshot over`],
  [/^all level$/, () => "all replicas have applied the same slots"],
  [/^(\d+) accepted slot (\d+)$/, (id, slot) => `acceptor ${id} has accepted slot ${slot}`],
  [/^(\d+) promised ([\d.]+)$/, (id, ballot) => `acceptor ${id} has promised ${ballot}`],
  [/^ballots rose by at most (\d+)$/, (count) => `ballots have risen by at most ${count}`],
  [/^(\d+) is recovering$/, (id) => `replica ${id} may not vote yet, having lost its disk`],
  [/^(\d+) is a voter$/, (id) => `replica ${id} votes again`],
  [/^(\d+) (is in doubt|is refused: .+)$/, (id, how) => `replica ${id} ${how}`],
  [/^answered$/, () => "the client has its answer"],
  [/^answer none$/, () => "the client has no answer"],
  [/^answer (.+)$/, (codes) => `the client's answer is ${codes}`],
  [/^value (\S+)$/, (value) => `the answer's value is ${value}`],
  [/^revision (\d+)$/, (revision) => `the answer's revision is ${revision}`],
];

const OPERATIONS = [
  [/^put (\S+) (\S+)$/, (key, value) => `to write ${key} = ${value}`],
  [/^get (\S+)$/, (key) => `to read ${key}`],
  [/^delete (\S+)$/, (key) => `to delete ${key}`],
  [/^cas (\S+) none (\S+)$/, (key, value) => `to write ${key} = ${value} if there is no ${key}`],
  [/^cas (\S+) (\S+) (\S+)$/, (key, old, value) => `to write ${key} = ${value} if it is still ${old}`],
];

const STEPS = [
  [/^run ([\d.]+) while (.+)$/, (seconds, condition) => `${seconds} s pass; all the while ${worded(condition, CONDITIONS)}.`],
  [/^run ([\d.]+)$/, (seconds) => `${seconds} s pass.`],
  [/^until (.+?)(?: within [\d.]+)?$/, (condition) => `It goes on until ${worded(condition, CONDITIONS)}.`],
  [/^expect (.+)$/, (condition) => `Checked: ${worded(condition, CONDITIONS)}.`],
  [/^mark ballots$/, () => "The highest ballot is noted."],
  [/^(ask )?(?:as (\w+) (\d+) )?((?:put|get|delete|cas) .+) at (\d+)$/, (ask, name, number, operation, id) =>
    `${name ? `Client ${name}` : "A client"} asks replica ${id} ${worded(operation, OPERATIONS)}${number ? `, as its request ${number}` : ""}${ask ? "; what comes next does not wait for the answer" : ""}.`],
  [/^fill (\d+) at (\d+)$/, (count, id) => `A client writes ${count} keys at replica ${id}.`],
  [/^cut (.+)$/, (links) => `Links are cut: ${LINKS(links)}.`],
  [/^mend$/, () => "All links are mended."],
  [/^star (\d+)$/, (id) => `Everybody hears replica ${id}, and nobody else.`],
  [/^chain$/, () => "Each replica hears its neighbours only."],
  [/^drop (\w+) (.+)$/, (type, links) => `From now on each ${type} is lost: ${LINKS(links)}.`],
  [/^hold (\w+) (.+)$/, (type, links) => `From now on each ${type} is slow, and stays on its link: ${LINKS(links)}.`],
  [/^deliver$/, () => "What stayed on its link arrives now."],
  [/^kill (.+)$/, (ids) => `${one(ids)} killed.`],
  [/^start (.+)$/, (ids) => `${one(ids)} started.`],
  [/^pause (.+)$/, (ids) => `${one(ids)} stopped where it stands (SIGSTOP).`],
  [/^resume (.+)$/, (ids) => `${ids === "all" ? "All replicas go" : ids.includes(",") ? `Replicas ${ids} go` : `Replica ${ids} goes`} on.`],
  [/^fail (\w+) (.+)$/, (role, ids) => `${of(ids, role)} fails.`],
  [/^restart (\w+) (.+)$/, (role, ids) => `${of(ids, role)} is started again.`],
  [/^lose disk (.+)$/, (ids) => `${of(ids, "disk")} is lost.`],
  [/^hang disk (.+)$/, (ids) => `${of(ids, "disk")} hangs: nothing is written, and nothing fails.`],
  [/^mend disk (.+)$/, (ids) => `${of(ids, "disk")} works again.`],
  [/^stall (\w+) (.+) for ([\d.]+)$/, (role, ids, seconds) => `${of(ids, role)} handles nothing for ${seconds} s.`],
  [/^keep copy (.+)$/, (ids) => `A copy of the disk of replica ${ids} is kept.`],
  [/^put copy back (.+)$/, (ids) => `${of(ids, "disk")} is replaced by the copy that was kept.`],
  [/^let (\d+) campaign$/, (id) => `Replica ${id} is asked to campaign at once.`],
  [/^transfer from (\d+) to (\d+)$/, (from, to) => `Leader ${from} is asked to hand over to replica ${to}.`],
];

const DEEDS = [
  [/^kill (\d+)$/, (id) => `replica ${id} is killed`], [/^start (\d+)$/, (id) => `replica ${id} is started`],
  [/^stop (\d+)$/, (id) => `replica ${id} is stopped (SIGSTOP)`], [/^resume (\d+)$/, (id) => `replica ${id} goes on`],
  [/^fail (\d+) (\w+)$/, (id, role) => `replica ${id}'s ${role} fails`],
  [/^restart (\d+) (\w+)$/, (id, role) => `replica ${id}'s ${role} is started again`],
  [/^cut (\d+) (\d+)$/, (from, to) => `the link ${from} → ${to} is cut`],
  [/^isolate (\d+)$/, (id) => `replica ${id} is cut off`], [/^mend$/, () => "all links are mended"],
  [/^lose (\d+)$/, (id) => `message ${id} is lost`],
];

/** What a text is in words, by a table of these; what none of them knows stays as it is. */
function worded(text, words) {
  for (const [pattern, said] of words) {
    const found = pattern.exec(text);
    if (found) return said(...found.slice(1));
  }
  return text;
}

/** What a client asks, "put k v1", as what it asks to do. */
export const operation = (text) => worded(text, OPERATIONS);

/** Whether that only reads. */
export const isRead = (text) => /^get\b/.test(text);

/** A line of a scenario as a sentence. */
export const line = (text) => worded(text, STEPS);

/** What is done by hand, "stop 1", in words. */
export const byHand = (deed) => worded(deed, DEEDS);
