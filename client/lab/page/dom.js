// Making elements: text is always text, never markup, as a trace may hold anything.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element with attributes and children; a string is text. */
export function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

/** A button that looks like a link. */
export const press = (label, act, title = null) =>
  html("button", { type: "button", class: "link", title, onclick: act }, label);

/** The element of the page with this id. */
export const one = (id) => document.getElementById(id);
