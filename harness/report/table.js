// The table of runs: filters, sorting, pages, and the details of a row.
"use strict";

const PER_PAGE = 100;

class Table {
  constructor(board, changed) {
    this.board = board;
    this.rows = board.rows.map((values, index) => new Row(values, index));
    this.changed = changed;
    this.order = { key: "rank", down: false };
    this.page = 0;
    this.open = new Set();
    const unique = (name) => [...new Set(this.rows.map((row) => row.text(name)))].sort();
    options(byId("model"), [["", "all"], ...unique("model").map((m) => [m, m])], "");
    options(byId("method"), [["", "all"], ...unique("method").map((m) => [m, m])], "");
    const metrics = [...new Set(board.columns.map((c) => c.metric))];
    options(byId("metric"), [["", "main measures"], ...metrics.map((m) => [m, `everything of ${m}`])], "");
    byId("find").value = "";
    this.filter();
  }

  get shown() {
    const metric = byId("metric").value;
    const { columns, shown } = this.board;
    return metric ? columns.map((_, i) => i).filter((i) => columns[i].metric === metric) : shown;
  }

  filter() {
    const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const model = byId("model").value, method = byId("method").value;
    this.kept = this.rows.filter((row) => {
      if (model && row.text("model") !== model) return false;
      if (method && row.text("method") !== method) return false;
      if (!words.length) return true;
      const text = `${row.text("model")} ${row.text("label")} ${row.get("id")}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    this.page = 0;
    this.sort();
    this.changed(this.kept);
  }

  key(row) {
    const { key } = this.order;
    if (key === "model" || key === "label") return key === "model" ? row.model : row.text("label");
    if (key === "rank" || key === "timeouts" || key === "unmeasured") return row.get(key);
    return key in COSTS ? COSTS[key].of(row) : row.value(Number(key));
  }

  sort() {
    const sign = this.order.down ? -1 : 1;
    const keys = new Map(this.kept.map((row) => [row, this.key(row)]));
    this.kept.sort((one, other) => {
      const a = keys.get(one), b = keys.get(other);
      if (a === b) return one.index - other.index;
      if (a === null || b === null) return a === null ? 1 : -1;
      return (a < b ? -1 : 1) * sign;
    });
    this.draw();
  }

  by(key) {
    const number = !["model", "label", "rank"].includes(key) && !(key in COSTS);
    this.order = { key, down: this.order.key === key ? !this.order.down : number };
    this.page = 0;
    this.sort();
    byId("table").querySelector(`button[data-key="${key}"]`).focus();
  }

  get heads() {
    const scores = this.shown.map((i) => [String(i), columnName(this.board.columns[i]) + (i === this.board.main ? " *" : "")]);
    const costs = Object.entries(COSTS).map(([key, cost]) => [key, cost.title]);
    return [["rank", "rank"], ["model", "model"], ["label", "method"], ...scores, ...costs, ["timeouts", "timeouts"], ["unmeasured", "not measured"]];
  }

  draw() {
    const from = this.page * PER_PAGE, part = this.kept.slice(from, from + PER_PAGE);
    byId("count").textContent = `${this.kept.length} of ${this.rows.length} runs` + (this.kept.length > PER_PAGE ? `, ${from + 1} to ${from + part.length} shown` : "");
    const head = this.heads.map(([key, words]) => {
      const on = this.order.key === key;
      const arrow = on ? (this.order.down ? " ▼" : " ▲") : "";
      const sorted = on ? (this.order.down ? "descending" : "ascending") : null;
      return make("th", { scope: "col", "aria-sort": sorted }, make("button", { type: "button", "data-key": key, onclick: () => this.by(key) }, words + arrow));
    });
    const body = make("tbody");
    for (const row of part) {
      body.append(this.line(row));
      if (this.open.has(row.index)) body.append(this.detail(row));
    }
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...head.slice(0, 3), make("th", { scope: "col" }, "details"), ...head.slice(3))), body);
    byId("table").replaceChildren(table);
    this.pages();
  }

  line(row) {
    const scores = this.shown.map((i) => score(row.estimate(i)));
    const costs = Object.values(COSTS).map((cost) => make("td", { class: "number" }, short(cost.of(row))));
    const open = this.open.has(row.index);
    const toggle = () => {
      if (open) this.open.delete(row.index); else this.open.add(row.index);
      this.draw();
      byId(`more-${row.index}`).focus();
    };
    const more = make("button", { type: "button", id: `more-${row.index}`, "aria-expanded": String(open), "aria-label": `${open ? "less" : "more"} of ${row.name}`, onclick: toggle }, open ? "less" : "more");
    return make("tr", { title: page.texts[row.get("made")] },
      make("td", { class: "number" }, row.get("rank") ?? "–"),
      make("td", {}, row.model), make("th", { scope: "row" }, row.text("label")), make("td", {}, more),
      ...scores, ...costs,
      make("td", { class: "number" }, short(row.get("timeouts"))), make("td", { class: "number" }, short(row.get("unmeasured"))));
  }

  detail(row) {
    const lines = [page.texts[row.get("made")], ...row.get("notes").map((n) => page.texts[n])];
    if (!row.get("publishable")) lines.push("not publishable: built-in data, or something could not be measured");
    const measures = this.board.columns.map((c, i) => [c, row.estimate(i)]).filter(([, e]) => e)
      .map(([c, e]) => `${columnName(c)} ${words(e)}`).join("; ");
    const box = make("div", {}, make("p", {}, make("strong", {}, row.get("id"))), command(row.get("command")),
      ...lines.map((line) => make("p", { class: "small" }, line)), make("p", { class: "small" }, measures));
    return make("tr", { class: "detail" }, make("td", { colspan: this.heads.length + 1 }, box));
  }

  pages() {
    const last = Math.max(0, Math.ceil(this.kept.length / PER_PAGE) - 1);
    const go = (id, to, text) => make("button", { type: "button", id, disabled: to < 0 || to > last, onclick: () => { this.page = to; this.draw(); (byId(id).disabled ? byId("table") : byId(id)).focus(); } }, text);
    byId("pages").replaceChildren(...(last ? [go("before", this.page - 1, "Previous"), `page ${this.page + 1} of ${last + 1}`, go("after", this.page + 1, "Next")] : []));
  }
}

function words(e) {
  if (e[0] === null) return "not measured";
  return e[0].toFixed(2) + (e[1] === null ? "" : ` [${e[1].toFixed(1)}, ${e[2].toFixed(1)}]`) + (e[3] ? `, ${e[3]} unscored` : "");
}

function score(e) {
  if (!e || e[0] === null) return make("td", { class: "number" }, "not measured");
  const range = e[1] === null ? null : make("span", { class: "range" }, ` [${e[1].toFixed(1)}, ${e[2].toFixed(1)}]`);
  return make("td", { class: "number" }, e[0].toFixed(2), range, e[3] ? make("span", { class: "range" }, ` ${e[3]} unscored`) : null);
}

// A command with a button that copies it.
function command(text) {
  if (!text) return null;
  const copy = make("button", { type: "button", onclick: async () => { await navigator.clipboard.writeText(text); copy.textContent = "Copied"; } }, "Copy");
  return make("div", {}, make("pre", { tabindex: "0" }, text), copy);
}
