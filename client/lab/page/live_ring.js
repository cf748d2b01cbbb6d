// The ring: a card for each replica, the links between them. Elements are made once and changed.

import { html, svg } from "./dom.js";
import { links, places } from "./live_state.js";

const MARGIN = { x: 92, y: 78 };

/** The ring in its three elements; `act` takes what is clicked. */
export class Ring {
  constructor(stage, lines, cards, act) {
    Object.assign(this, { stage, lines, holder: cards, act, cards: new Map(), drawn: new Map(), places: new Map() });
  }

  /** Show the state as it is now. */
  show(state, selected) {
    const ids = [...state.replicas.keys()];
    const { clientWidth: width, clientHeight: height } = this.stage;
    this.places = places(ids, width, height, MARGIN);
    this.lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    keep(this.cards, ids, (id) => this.add(id));
    for (const [id, card] of this.cards) {
      const { x, y } = this.places.get(id);
      card.element.style.left = `${x}px`;
      card.element.style.top = `${y}px`;
      card.show(state.replicas.get(id), state, selected === id);
    }
    const all = new Map(links(state).map((link) => [`${link.one}-${link.other}`, link]));
    keep(this.drawn, [...all.keys()], (name) => this.addLink(all.get(name)));
    for (const [name, link] of this.drawn) link.show(all.get(name), this.places);
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
    this.element = svg("g", {
      class: "link", role: "button", tabindex: 0, onclick: press,
      onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(); } },
    }, this.touch, this.line, this.gap);
  }

  show({ one, other, there, back }, places) {
    const a = places.get(one), b = places.get(other);
    const at = (part) => `${a.x + (b.x - a.x) * part} ${a.y + (b.y - a.y) * part}`;
    const cut = there || back;
    this.line.setAttribute("d", cut ? `M${at(0)}L${at(back ? .38 : .48)}M${at(there ? .62 : .52)}L${at(1)}` : `M${at(0)}L${at(1)}`);
    this.touch.setAttribute("d", `M${at(0)}L${at(1)}`);
    this.gap.setAttribute("d", cut ? cross(a, b) : "");
    this.element.setAttribute("class", `link${cut ? " cut" : ""}`);
    this.element.setAttribute("aria-label", named(one, other, there, back));
  }
}

function cross(a, b) {
  const x = (a.x + b.x) / 2, y = (a.y + b.y) / 2, s = 7;
  return `M${x - s} ${y - s}L${x + s} ${y + s}M${x - s} ${y + s}L${x + s} ${y - s}`;
}

function named(one, other, there, back) {
  if (there && back) return `link ${one}-${other}: cut; press to heal`;
  if (there || back) return `link ${one}-${other}: nothing passes from ${there ? one : other} to ${there ? other : one}; press to heal`;
  return `link ${one}-${other}; press to cut`;
}

class Card {
  constructor(id, act) {
    this.id = id;
    this.act = act;
    this.lamps = new Map();
    this.standing = html("small");
    this.row = html("p", { class: "lamps" });
    this.facts = html("p", { class: "facts" });
    this.element = html("article", { class: `card owner${id % 6}` },
      html("h2", {}, html("button", { type: "button", class: "who", "aria-label": `replica ${id}`, onclick: () => act({ kind: "replica", id }) },
        String(id)), " ", this.standing),
      this.row, this.facts);
  }

  show(replica, state, selected) {
    const leads = state.leader === this.id;
    this.element.className = `card owner${this.id % 6}${leads ? " leader" : ""}${selected ? " selected" : ""}${replica.answers ? "" : " down"}`;
    write(this.standing, standing(replica, leads));
    keep(this.lamps, Object.keys(replica.roles ?? {}), (role) => this.lamp(role));
    for (const [role, lamp] of this.lamps) lamp.show(replica.roles[role]);
    write(this.facts, facts(replica));
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

function standing(replica, leads) {
  if (!replica.answers) return replica.state;
  if (leads) return `leads ${replica.ballot ?? ""}`;
  return replica.state === "up" ? "follows" : replica.state;
}

function facts(replica) {
  if (!replica.answers) return replica.reason ?? "";
  return `chosen ${replica.chosen ?? "–"} · applied ${replica.applied ?? "–"}${replica.lag ? ` · lag ${replica.lag}` : ""}`;
}

/** Change an element's text, if it is another. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
