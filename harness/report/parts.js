// What the other scripts share: elements, the data, numbers in words.
"use strict";

const page = JSON.parse(document.getElementById("data").textContent);
const place = Object.fromEntries(page.row.map((name, index) => [name, index]));
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

// An element with attributes and children; `on…` attributes are listeners, text is never markup.
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "circle", "line", "text", "rect", "g", "title"].includes(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map((c) => (c instanceof Node ? c : String(c))));
  return element;
}

// A row as an object that reads its places by name, and its texts by their numbers.
class Row {
  constructor(values, index) { this.values = values; this.index = index; }
  get(name) { return this.values[place[name]]; }
  text(name) { return page.texts[this.get(name)]; }
  get name() { return `${this.text("label")} on ${this.model}`; }
  get model() { return this.text("model").replace(/\/+$/, "").split("/").pop(); }
  estimate(column) { return this.get("estimates")[column] || null; }
  value(column) { const e = this.estimate(column); return e ? e[0] : null; }
}

const COSTS = {
  trainable: { title: "trainable parameters", of: (r) => r.get("trainable") },
  memory: { title: "peak memory (GB)", of: (r) => scaled(r.get("memory"), 1e9) },
  tuning: { title: "tuning (s)", of: (r) => r.get("tuning") ?? 0 },
  writing: { title: "writing (s)", of: (r) => r.get("writing") },
  tokens: { title: "tokens per request", of: (r) => (r.get("tokensIn") === null ? null : r.get("tokensIn") + r.get("tokensOut")) },
  energy: { title: "energy (Wh)", of: (r) => scaled(r.get("energy"), 3600) },
};

function scaled(value, unit) { return value === null ? null : value / unit; }

function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  for (const [unit, from] of [["B", 1e9], ["M", 1e6], ["k", 1e4]]) if (size >= from) return `${+(value / (unit === "k" ? 1e3 : from)).toPrecision(3)}${unit}`;
  return size >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : String(+value.toPrecision(3));
}

function columnName(column) { return column.slice ? `${column.measure}, ${column.slice}` : column.measure; }

function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, words]) => make("option", { value, selected: value === chosen }, words)));
}
