// Messages on the canvas: colour is the ballot's owner, shape the kind. Drawn anew for each frame.

import { flying } from "./live_flights.js";

const SHAPES = {
  "pre-vote": "square", prepare: "square", accept: "square", heartbeat: "small", forward: "square", snapshot: "page", fetch: "square", "hand-over": "square",
  "pre-voted": "circle", promise: "circle", accepted: "circle", heard: "small", answer: "circle", refuse: "cross",
};
const LETTERS = { "pre-vote": "V", "pre-voted": "V", prepare: "P", promise: "P", accept: "A", accepted: "A", forward: "F", answer: "F", snapshot: "S", fetch: "S", "hand-over": "H", refuse: "" };

/** Draw what flies at a moment between the places; returns how many. */
export function dots(canvas, state, at, places, passes, colours) {
  const scale = devicePixelRatio, { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "bold 11px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const all = flying(state.flights, at, passes);
  for (const one of all) {
    const from = places.get(one.from), to = places.get(one.to);
    if (from && to) draw(pen, one, between(from, to, one.part), colours);
  }
  return all.length;
}

/** A little beside the link, on the right of who sends, so that ways there and back are two. */
function between(from, to, part) {
  const x = to.x - from.x, y = to.y - from.y, long = Math.hypot(x, y) || 1;
  return { x: from.x + x * part - (y / long) * 7, y: from.y + y * part + (x / long) * 7 };
}

function draw(pen, { kind, ballot, lost }, { x, y }, colours) {
  const shape = lost ? "cross" : SHAPES[kind] ?? "circle", colour = colours.owners[ballot % 6];
  pen.fillStyle = pen.strokeStyle = shape === "cross" ? colours.bad : colour;
  pen.lineWidth = 2.5;
  pen.beginPath();
  if (shape === "small") pen.arc(x, y, 3.2, 0, 7);
  else if (shape === "circle") pen.arc(x, y, 8, 0, 7);
  else if (shape === "cross") { pen.moveTo(x - 6, y - 6); pen.lineTo(x + 6, y + 6); pen.moveTo(x + 6, y - 6); pen.lineTo(x - 6, y + 6); }
  else pen.rect(x - 7.5, y - (shape === "page" ? 10 : 7.5), 15, shape === "page" ? 20 : 15);
  if (shape === "cross") return pen.stroke();
  if (shape === "circle") { pen.stroke(); pen.fillStyle = colours.ground; }
  pen.fill();
  if (shape === "small") return undefined;
  pen.fillStyle = shape === "circle" ? colour : colours.ground;
  return pen.fillText(LETTERS[kind] ?? "", x, y + 0.5);
}
