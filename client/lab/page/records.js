// What records and messages are about: their replica, their role; and the three grains of steps. Pure.

/** Grains: who walks at GRAIN sees the steps whose weight is at least that. */
export const ALL = 0, EVENTS = 1, LEARNED = 2;

/** A table by name, in which nothing stands but what was put there. */
export const table = (entries) => Object.assign(Object.create(null), entries);

/** The number of the replica that an address such as r2.acceptor names; 0: nobody's. */
export function replicaOf(address) {
  const found = /^r(\d+)\./.exec(String(address));
  return found ? Number(found[1]) : 0;
}

/** The role that an address such as r2.acceptor names. */
export const roleOf = (address) => String(address).replace(/^r\d+\./, "");

/** Whether a message stays within one replica. */
export const isLocal = (message) => replicaOf(message.from) === replicaOf(message.to);

/** Whether a record is a line of a scenario that explains, its question or its answer. */
export const isComment = (record) =>
  record.kind === "happened" && record.who === "script" && record.text.startsWith("#");

/** The question that a scenario ends with, or its answer, if the record is that; else "". */
export const asked = (record) => isComment(record) ? /^# (Question|Answer): /.exec(record.text)?.[1] ?? "" : "";
