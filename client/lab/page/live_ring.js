// The ring: a card for each replica, the links between them. Elements are made once and changed.

import { html, svg } from "./dom.js";
import { bound, lease, links, places } from "./live_state.js";

const LEASE = 0.5, BIG = { x: 104, y: 88 }, SMALL = { x: 66, y: 104 }, NARROW = 600;

/** The ring in its three elements; `act` takes what is clicked. */
export class Ring {
  constructor(stage, lines, cards, act) {
    Object.assign(this, { stage, lines, holder: cards, act, cards: new Map(), drawn: new Map(), places: new Map() });
  }

  /** Show the state at a moment; what is chosen is outlined. */
  show(state, chosen, at) {
    const ids = [...state.replicas.keys()];
    const { clientWidth: width, clientHeight: height } = this.stage;
    this.places = places(ids, width, height, width < NARROW ? SMALL : BIG);
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
    this.gap = svg("path", { class: "gap" });
    const press = () => act({ kind: "link", one, other });
    const look = (event) => { event.preventDefault(); act({ kind: "link", one, other, more: true }); };
    this.element = svg("g", {
      class: "link", role: "button", tabindex: 0, onclick: press, oncontextmenu: look,
      onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(); } },
    }, this.touch, this.line, this.gap);
  }

  show({ one, other, there, back, slow }, places, picked) {
    const a = places.get(one), b = places.get(other);
    const at = (part) => `${a.x + (b.x - a.x) * part} ${a.y + (b.y - a.y) * part}`;
    const cut = there || back;
    this.line.setAttribute("d", cut ? `M${at(0)}L${at(back ? .38 : .48)}M${at(there ? .62 : .52)}L${at(1)}` : `M${at(0)}L${at(1)}`);
    this.touch.setAttribute("d", `M${at(0)}L${at(1)}`);
    this.gap.setAttribute("d", cut ? cross(a, b) : "");
    this.element.setAttribute("class", `link${cut ? " cut" : ""}${slow ? " slow" : ""}${picked ? " picked" : ""}`);
    this.element.setAttribute("aria-label", named(one, other, there, back, slow));
  }
}

function cross(a, b) {
  const x = (a.x + b.x) / 2, y = (a.y + b.y) / 2, s = 7;
  return `M${x - s} ${y - s}L${x + s} ${y + s}M${x - s} ${y + s}L${x + s} ${y - s}`;
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
    const leads = state.leader === this.id;
    this.element.className = `card owner${this.id % 6}${leads ? " leader" : ""}${selected ? " selected" : ""}${replica.answers ? "" : " down"}`;
    const binds = bound(state, this.id, at);
    write(this.standing, standing(replica, leads, binds));
    this.grants(binds, leads ? lease(state, at) : null);
    keep(this.lamps, Object.keys(replica.roles ?? {}), (role) => this.lamp(role));
    for (const [role, lamp] of this.lamps) lamp.show(replica.roles[role]);
    write(this.facts, facts(replica, binds));
  }

  /** The bar: what its acceptor grants, and for how long; a leader's says what it may rely on. */
  grants(binds, own) {
    this.lease.hidden = binds === null;
    if (binds === null) return;
    const { grant, hold, promised } = binds, left = Math.max(grant, hold);
    this.bar.style.width = `${Math.min(100, (100 * left) / LEASE)}%`;
    this.bar.className = promised ? `owner${promised[1] % 6}` : "";
    const what = grant > 0 ? `lease ${promised?.join(".")}` : hold > 0 ? "holds promises back" : `promised ${promised?.join(".") ?? "none"}`;
    write(this.granted, own === null ? what : own > 0 ? `${what} · reads alone` : `${what} · no majority`);
  }

  lamp(role) {
    const element = html("button", { type: "button", onclick: () => this.act({ kind: "role", id: this.id, role }) });
    this.row.append(element);
    const show = ({ state, incarnation }) => {
      const on = state === "up";
      element.className = on ? "lamp on" : "lamp off";
      write(element, `${on ? "●" : "○"} ${role}`);
      element.title = on ? `${role} is up, incarnation ${incarnation}; press to fail it` : `${role} is ${state}; press to restart it`;
    };
    return { element, show };
  }
}

function standing(replica, leads, binds) {
  if (!replica.answers) return replica.state === "held" ? "down" : replica.state;
  if (!leads && binds?.leads) return `believes it leads ${replica.ballot ?? ""}`;
  if (leads) return `leads ${replica.ballot ?? ""}`;
  return replica.state === "up" ? "follows" : replica.state;
}

function facts(replica, binds) {
  if (!replica.answers) return replica.state === "starting" ? "on its way back" : replica.reason ?? "press its number for the way back";
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
