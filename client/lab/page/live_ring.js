// The ring: a card for each replica, the links between them. Elements are made once and changed.

import { html, svg } from "./dom.js";
import { bound, brief, lease } from "./live_moments.js";
import { heard, hung, silence, standing, unled } from "./live_standing.js";
import { links, places } from "./live_state.js";

const LEASE = 0.5, BIG = { x: 104, y: 88 }, LOW = { x: 104, y: 70 }, SMALL = { x: 56, y: 62 }, NARROW = 600, FLAT = 500, ASIDE = 6;

/** The ring in its three elements; `act` takes what is clicked. */
export class Ring {
  constructor(stage, lines, cards, act) {
    Object.assign(this, { stage, lines, holder: cards, act, cards: new Map(), drawn: new Map(), places: new Map() });
  }

  /** Show the state at a moment; what is chosen is outlined. */
  show(state, chosen, at) {
    const ids = [...state.replicas.keys()];
    const { clientWidth: width, clientHeight: height } = this.stage;
    this.places = places(ids, width, height, width < NARROW ? SMALL : height < FLAT ? LOW : BIG);
    this.lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    keep(this.cards, ids, (id) => this.add(id));
    for (const [id, card] of this.cards) {
      const { x, y } = this.places.get(id);
      card.element.style.left = `${x}px`;
      card.element.style.top = `${y}px`;
      card.show(state.replicas.get(id), state, chosen?.id === id, at);
    }
    const all = new Map(links(state).map((link) => [`${link.one}-${link.other}`, link]));
    keep(this.drawn, [...all.keys()], (name) => this.addLink(all.get(name)));
    const picked = chosen?.kind === "link" ? `${chosen.one}-${chosen.other}` : "";
    for (const [name, link] of this.drawn) link.show(all.get(name), this.places, name === picked);
  }

  add(id) {
    const card = new Card(id, this.act);
    this.holder.append(card.element);
    return card;
  }

  addLink(link) {
    const made = new Link(link, this.act);
    this.lines.append(made.element);
    return made;
  }
}

/** Have a map hold exactly these names: new ones are made, others go with their elements. */
function keep(map, names, make) {
  for (const [name, one] of map) {
    if (names.includes(name)) continue;
    one.element.remove();
    map.delete(name);
  }
  for (const name of names) if (!map.has(name)) map.set(name, make(name));
}

class Link {
  constructor({ one, other }, act) {
    this.line = svg("path", { class: "wire" });
    this.touch = svg("path", { class: "touch" });
    this.broken = svg("path", { class: "broken" });
    this.cross = svg("g", { class: "cross" }, svg("circle", { r: 10 }), svg("path", { d: "M-5 -5L5 5M5 -5L-5 5" }));
    this.slow = svg("text", { class: "tag" }, "slow");
    const press = () => act({ kind: "link", one, other });
    const look = (event) => { event.preventDefault(); act({ kind: "link", one, other, more: true }); };
    this.element = svg("g", {
      class: "link", role: "button", tabindex: 0, onclick: press, oncontextmenu: look,
      onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(); } },
    }, this.touch, this.line, this.broken, this.cross, this.slow);
  }

  show({ one, other, there, back, slow }, places, picked) {
    const a = places.get(one), b = places.get(other), { wire, broken, cross } = wires(a, b, there, back);
    this.line.setAttribute("d", wire);
    this.touch.setAttribute("d", `M${a.x} ${a.y}L${b.x} ${b.y}`);
    this.broken.setAttribute("d", broken);
    this.cross.setAttribute("transform", cross ? `translate(${cross.x} ${cross.y})` : "translate(-99 -99)");
    this.slow.setAttribute("x", (a.x + b.x) / 2);
    this.slow.setAttribute("y", (a.y + b.y) / 2 + (there || back ? 24 : 4));
    this.element.setAttribute("class", `link${there || back ? " cut" : ""}${slow ? " slow" : ""}${picked ? " picked" : ""}`);
    this.element.setAttribute("aria-label", named(one, other, there, back, slow));
  }
}

/**
 * What passes as a line, what is cut as dots with a cross; where one direction is cut these are two
 * lines side by side, each on the right of who sends, and what passes has an arrow.
 */
function wires(a, b, there, back) {
  const long = Math.hypot(b.x - a.x, b.y - a.y) || 1, right = { x: -(b.y - a.y) / long, y: (b.x - a.x) / long };
  const at = (part, off) => ({ x: a.x + (b.x - a.x) * part + right.x * off, y: a.y + (b.y - a.y) * part + right.y * off });
  const line = (off) => `M${at(0, off).x} ${at(0, off).y}L${at(1, off).x} ${at(1, off).y}`;
  if (!there && !back) return { wire: line(0), broken: "", cross: null };
  if (there && back) return { wire: "", broken: line(0), cross: at(0.5, 0) };
  const off = there ? ASIDE : -ASIDE, way = (back ? 1 : -1) / long, tip = 0.5 + 30 * way;  // beside the cross
  const head = [at(tip - 9 * way, -off - 6), at(tip, -off), at(tip - 9 * way, -off + 6)].map(({ x, y }) => `${x} ${y}`).join("L");
  return { wire: `${line(-off)}M${head}`, broken: line(off), cross: at(0.5, off) };
}

function named(one, other, there, back, slow) {
  if (there && back) return `link ${one}-${other}: cut; press to heal`;
  if (there || back) return `link ${one}-${other}: nothing passes from ${there ? one : other} to ${there ? other : one}; press to heal`;
  return slow ? `link ${one}-${other}: slow; press to heal` : `link ${one}-${other}; press to cut`;
}

class Card {
  constructor(id, act) {
    this.id = id;
    this.act = act;
    this.lamps = new Map();
    this.standing = html("small");
    this.row = html("p", { class: "lamps" });
    this.bar = html("i");
    this.granted = html("span");
    this.lease = html("p", { class: "grant" }, html("b", {}, this.bar), this.granted);
    this.facts = html("p", { class: "facts" });
    this.element = html("article", { class: `card owner${id % 6}` },
      html("h2", {}, html("button", { type: "button", class: "who", "aria-label": `replica ${id}`, onclick: () => act({ kind: "replica", id }) },
        String(id)), " ", this.standing),
      this.row, this.lease, this.facts);
  }

  show(replica, state, selected, at) {
    const leads = state.leader === this.id, known = replica.answers && !silence(state, this.id);
    this.element.className = `card owner${this.id % 6}${leads ? " leader" : ""}${selected ? " selected" : ""}${known ? "" : " down"}`;
    const binds = bound(state, this.id, at);
    write(this.standing, standing(state, replica));
    this.grants(known ? binds : null, leads && binds?.promised?.join(".") === state.ballot?.join(".") ? lease(state, at) : null, ill(replica) || heard(state, this.id) || unled(state, this.id));
    const roles = Object.keys(replica.roles ?? {});
    if (roles.length || replica.answers) keep(this.lamps, roles, (role) => this.lamp(role));
    for (const [role, lamp] of this.lamps) lamp.show(replica.roles?.[role], known);
    write(this.facts, facts(replica, binds));
    this.facts.title = replica.answers ? this.facts.textContent : replica.reason ?? "";
  }

  /** The bar: what its acceptor grants, and for how long; a leader's says what it may rely on. */
  grants(binds, own, other) {
    this.lease.classList.toggle("unknown", binds === null);
    if (binds === null) return;
    const { grant, hold, promised } = binds, left = Math.max(grant, hold);
    this.bar.style.width = `${Math.min(100, (100 * left) / LEASE)}%`;
    this.bar.className = promised ? `owner${promised[1] % 6}` : "";
    const what = other || (grant > 0 ? `lease ${promised?.join(".")}` : hold > 0 ? "holds promises back" : `promised ${promised?.join(".") ?? "none"}`);
    this.granted.title = other;
    const alone = own > 0 ? " · reads alone" : grant > 0 ? " · no majority" : "";
    write(this.granted, own === null || other ? what : `${what}${alone}`);
  }

  lamp(role) {
    const element = html("button", { type: "button", onclick: () => this.act({ kind: "role", id: this.id, role }) });
    const sign = html("span", { "aria-hidden": "true" });
    element.append(sign, html("span", { class: "long" }, ` ${role}`), html("span", { class: "short" }, role[0].toUpperCase()));
    element.setAttribute("aria-label", role);
    this.row.append(element);
    const show = (one, known) => {
      const on = one?.state === "up", waits = on && one.hangs;
      element.className = `lamp ${!known ? "gone" : waits ? "hung" : on ? "on" : "off"}`;
      element.disabled = !known;
      write(sign, !known ? "–" : waits ? "◐" : on ? "●" : "○");
      element.title = known ? lampTitle(role, one) : `nothing is known of its ${role}`;
    };
    return { element, show };
  }
}

function lampTitle(role, { state, incarnation, hangs }) {
  if (state !== "up") return `${role} is ${state}; press to restart it`;
  const waits = hangs ? `, but its disk has done nothing for ${hangs.toFixed(0)} s: ${role === "acceptor" ? "it promises and accepts nothing meanwhile" : "what it writes waits"}` : "";
  return `${role} is up, incarnation ${incarnation}${waits}; press to fail it`;
}

/** What is wrong with a replica that answers. */
const ill = (replica) => hung(replica) ? `its disk hangs, ${hung(replica).toFixed(0)} s` : "";

function facts(replica, binds) {
  if (!replica.answers) return replica.state === "starting" ? "on its way back" : brief(replica.reason);
  const waits = binds?.queue ? Object.values(binds.queue).reduce((sum, each) => sum + each, 0) : 0;
  const parts = [
    `slot ${binds?.applied ?? replica.applied ?? "–"}`, binds?.behind ? `${binds.behind} behind` : "", waits ? `queue ${waits}` : "",
    replica.writes_per_second >= 0.5 ? `${Math.round(replica.writes_per_second)}/s` : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** Change an element's text, if it is another. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
