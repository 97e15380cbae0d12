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

// A score as the digits that were rounded where the page was made; as numbers only where they are drawn or sorted.
class Estimate {
  constructor([value, low, high, unscored]) { Object.assign(this, { value, low, high, unscored }); }
  get number() { return this.value === "" ? null : Number(this.value); }
  get ends() { return this.low === "" || this.high === "" ? null : [Number(this.low), Number(this.high)]; }
  get range() { return this.ends ? `[${this.low}, ${this.high}]` : ""; }
  get words() {
    if (this.value === "") return "not measured";
    return [this.value, this.range, this.unscored ? `(${this.unscored} unscored)` : ""].filter(Boolean).join(" ");
  }
}

// A row as an object that reads its places by name, and its texts by their numbers.
class Row {
  constructor(values, index) { this.values = values; this.index = index; }
  get(name) { return this.values[place[name]]; }
  text(name) { return page.texts[this.get(name)]; }
  get model() { return this.text("model"); }
  get name() { return `${this.text("label")} on ${this.model}`; }
  estimate(column) { const e = this.get("estimates")[column]; return e ? new Estimate(e) : null; }
  value(column) { const e = this.get("estimates")[column]; return e && e[0] !== "" ? Number(e[0]) : null; }
}

// The columns of what a row cost and of what could not be judged, each in the unit that its title names: as numbers to sort
// and draw, and as the digits that are shown everywhere.
const columns = (heads, from) => Object.fromEntries(heads.map(({ key, title, per }, i) => [key, { title, of: (r) => scaled(r.get(key), per), text: (r) => page.texts[r.get("shown")[from + i]] }]));
const COSTS = columns(page.costs, 0), FAILURES = columns(page.failures, page.costs.length);

function scaled(value, unit) { return value === null ? null : value / unit; }

function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  for (const [unit, from] of [["B", 1e9], ["M", 1e6], ["k", 1e4]]) if (size >= from) return `${+(value / (unit === "k" ? 1e3 : from)).toPrecision(3)}${unit}`;
  return size >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : String(+value.toPrecision(3));
}

// "1–4": any place from 1 to 4.
function ranked(row) {
  const from = row.get("rank"), to = row.get("rankTo");
  return from === null ? "–" : from === to ? String(from) : `${from}–${to}`;
}

function columnName(column) { return column.slice ? `${column.measure}, ${column.slice}` : column.measure; }

function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, words]) => make("option", { value, selected: value === chosen }, words)));
}

// A name that is cut where it is too long; whole for the pointer, for the keyboard and on paper.
function cut(words) { return make("span", { class: "cut", title: words }, words); }

// A command with a button that copies it.
function command(text) {
  if (!text) return null;
  const copy = make("button", { type: "button", onclick: async () => { copy.textContent = (await copied(text)) ? "Copied" : "Select the text and copy it"; } }, "Copy");
  return make("div", { class: "command" }, make("pre", { tabindex: "0" }, text), copy);
}

// The clipboard of a page that came over plain http is the older one.
async function copied(text) {
  try {
    if (navigator.clipboard) { await navigator.clipboard.writeText(text); return true; }
  } catch { /* refused: the older way may be allowed */ }
  const box = make("textarea", { class: "offscreen", "aria-hidden": "true" }), before = document.activeElement;
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  before?.focus();
  return done;
}

// A file that the browser saves.
function download(name, text, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Lines of cells as CSV; no cell of text is one that a spreadsheet would take for a formula.
function csv(lines) {
  const cell = (value) => {
    const text = typeof value === "string" && /^[=+\-@]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : String(value ?? "");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return lines.map((line) => line.map(cell).join(",")).join("\n") + "\n";
}
