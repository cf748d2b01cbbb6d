// Ballots and majorities. Pure.

/** A ballot as everywhere else: ROUND.REPLICA. */
export const spell = (ballot) => ballot ? `${ballot.round}.${ballot.replica}` : "none";

/** The ballot that is spelled so. */
export function unspell(name) {
  const [round, replica] = name.split(".").map(Number);
  return { round, replica };
}

/** Whether ballot `a` (null: none) is below `b`. */
export function less(a, b) {
  if (a === null || b === null) return a === null && b !== null;
  return a.round < b.round || (a.round === b.round && a.replica < b.replica);
}

/** How many of so many are a majority. */
export const majorityOf = (replicas) => Math.floor(replicas / 2) + 1;
