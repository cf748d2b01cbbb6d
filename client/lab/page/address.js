// What the address carries after its #: which run, the one beside it, and where we stand. Pure.
//
// #seed=17&step=812; a run beside it is an address of its own within this one.

const WORDS = ["protocol", "profile", "bug", "scenario", "script"], NUMBERS = ["seed", "steps", "dare"];
const PLACES = ["step", "grain", "message", "pane", "slot", "leader"];

/** {asked, beside, where} as the address has it: `asked` null where it names no run. */
export function readAddress(hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const where = Object.fromEntries(PLACES.flatMap((name) => number(parts, name)));
  const beside = parts.has("beside") ? request(new URLSearchParams(parts.get("beside"))) : null;
  return { asked: request(parts), beside, where };
}

/** The address of a run, the one beside it (null: none) and a place. */
export function address(asked, beside, where) {
  const parts = spelled(asked ?? {});
  if (beside) parts.set("beside", spelled(beside).toString());
  for (const name of PLACES) if (where[name]) parts.set(name, where[name]);
  return `#${parts}`;
}

function spelled(asked) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(asked).sort()) {
    if ((value ?? "") === "" || (Array.isArray(value) && value.length === 0)) continue;
    parts.set(name, name === "moves" ? value.join(";") : String(value));
  }
  return parts;
}

function request(parts) {
  const words = WORDS.filter((name) => parts.get(name)).map((name) => [name, parts.get(name)]);
  const asked = Object.fromEntries([...words, ...NUMBERS.flatMap((name) => number(parts, name))]);
  if (parts.has("only")) asked.only = parts.get("only").split(",").map(Number).filter(Number.isInteger);
  if (parts.get("acts")) asked.acts = parts.get("acts").split(",");
  if (parts.get("moves")) asked.moves = parts.get("moves").split(";");
  return Object.keys(asked).length ? asked : null;
}

const number = (parts, name) => /^\d+$/.test(parts.get(name) ?? "") ? [[name, Number(parts.get(name))]] : [];
