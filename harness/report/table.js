// The table of runs: filters, columns, sorting, pages, and the details of a row.
"use strict";

const PER_PAGE = 100;
const COLUMNS = { ...COSTS, ...FAILURES };

class Table {
  constructor(board, changed) {
    this.board = board;
    this.rows = board.rows.map((values, index) => new Row(values, index));
    this.changed = changed;
    this.order = { key: state.get("sort", "rank"), down: state.get("down") === "1" };
    this.hidden = new Set(state.get("hide").split(",").filter(Boolean));
    this.page = 0;
    this.whole = false;
    this.open = new Set();
    const models = new Map(this.rows.map((row) => [row.text("modelId"), row.model]));
    options(byId("model"), [["", "all"], ...[...models].sort((a, b) => (a[1] < b[1] ? -1 : 1))], "");
    options(byId("method"), [["", "all"], ...[...new Set(this.rows.map((row) => row.text("method")))].sort().map((m) => [m, m])], "");
    const metrics = [...new Set(board.columns.map((c) => c.metric))];
    options(byId("metric"), [["", "main measures"], ...metrics.map((m) => [m, `everything of ${m}`])], "");
    for (const id of ["model", "method", "metric"]) remember(id, "");
    byId("find").value = state.get("find");
    if (!this.heads.some(([key]) => key === this.order.key)) this.order = { key: "rank", down: false };
    this.filter();
  }

  // The places of the columns of scores; the one that ranks comes first.
  get shown() {
    const metric = byId("metric").value;
    const { columns, shown, main } = this.board;
    const found = metric ? columns.map((_, i) => i).filter((i) => columns[i].metric === metric) : shown;
    return found.includes(main) ? [main, ...found.filter((i) => i !== main)] : found;
  }

  filter() {
    const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const model = byId("model").value, method = byId("method").value;
    this.kept = this.rows.filter((row) => {
      if (model && row.text("modelId") !== model) return false;
      if (method && row.text("method") !== method) return false;
      if (!words.length) return true;
      const text = `${row.text("modelId")} ${row.text("label")} ${row.get("id")}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    for (const id of ["find", "model", "method"]) state.set(id, byId(id).value);
    this.page = 0;
    this.sort();
    this.changed(this.kept);
  }

  key(row) {
    const { key } = this.order;
    if (key === "model" || key === "label") return row.text(key);
    if (key === "rank") return row.get(key);
    return key in COLUMNS ? COLUMNS[key].of(row) : row.value(Number(key));
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
    state.set("sort", key, "rank");
    state.set("down", this.order.down ? "1" : "");
    this.page = 0;
    this.sort();
    byId("table").querySelector(`button[data-key="${key}"]`).focus();
  }

  // Every column that there is, in its order: what it is sorted by, and its words.
  get heads() {
    const [first, ...rest] = this.shown.map((i) => [String(i), columnName(this.board.columns[i]) + (i === this.board.main ? " *" : "")]);
    const costs = Object.entries(COLUMNS).map(([key, column]) => [key, column.title]);
    return [["rank", "rank"], ["label", "method"], first, ["model", "model"], ...rest, ...costs];
  }

  // The columns that are not hidden; the method is always there.
  get columns() { return this.heads.filter(([key]) => key === "label" || !this.hidden.has(key)); }

  draw() {
    const from = this.whole ? 0 : this.page * PER_PAGE, part = this.whole ? this.kept : this.kept.slice(from, from + PER_PAGE);
    byId("count").textContent = `${this.kept.length} of ${this.rows.length} runs` + (this.kept.length > PER_PAGE ? `, ${from + 1} to ${from + part.length} shown` : "");
    const columns = this.columns, head = columns.map(([key, words]) => {
      const on = this.order.key === key;
      const arrow = on ? (this.order.down ? " ▼" : " ▲") : "";
      const sorted = on ? (this.order.down ? "descending" : "ascending") : null;
      return make("th", { scope: "col", "aria-sort": sorted, class: key === "label" ? "name" : null }, make("button", { type: "button", "data-key": key, onclick: () => this.by(key) }, words + arrow));
    });
    const body = make("tbody");
    for (const row of part) {
      body.append(this.line(row, columns));
      if (this.open.has(row.index)) body.append(this.detail(row, columns.length));
    }
    byId("table").replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...head)), body));
    this.pages();
    this.choices();
  }

  line(row, columns) {
    const name = row.text("label"), open = this.open.has(row.index);
    const toggle = () => {
      if (open) this.open.delete(row.index); else this.open.add(row.index);
      this.draw();
      byId(`more-${row.index}`).focus();
    };
    const more = make("button", { type: "button", class: "more", id: `more-${row.index}`, "aria-expanded": String(open), "aria-label": `${open ? "less" : "more"} of ${row.name}`, onclick: toggle });
    const cell = ([key]) => {
      if (key === "label") return make("th", { scope: "row", class: "name" }, more, cut(name));
      if (key === "rank") return make("td", { class: "number" }, ranked(row));
      if (key === "model") return make("td", { title: row.text("modelId") }, cut(row.model));
      return key in COLUMNS ? make("td", { class: "number" }, COLUMNS[key].text(row)) : score(row.estimate(Number(key)));
    };
    return make("tr", {}, ...columns.map(cell));
  }

  detail(row, width) {
    const lines = [`result written ${row.get("date") === null ? "at an unknown time" : row.text("date")}`, page.texts[row.get("made")], ...row.get("notes").map((n) => page.texts[n])];
    if (!row.get("publishable")) lines.push("not publishable: built-in data, or something could not be measured");
    const measures = this.board.columns.map((c, i) => [c, row.estimate(i)]).filter(([, e]) => e)
      .map(([c, e]) => `${columnName(c)} ${e.words}`).join("; ");
    const name = columnName(this.board.columns[this.board.main]);
    const seeds = row.get("seeds") ? make("ul", { class: "small" }, ...row.get("seeds").map(([seed, id, value]) => make("li", {}, `seed ${seed}: ${name} ${value ?? "not measured"} (${id})`))) : null;
    const box = make("div", {}, make("p", {}, make("strong", {}, row.get("id")), ` on ${row.text("modelId")}`), command(row.get("command")),
      seeds, ...lines.map((line) => make("p", { class: "small" }, line)), make("p", { class: "small" }, measures));
    return make("tr", { class: "detail" }, make("td", { colspan: width }, box));
  }

  pages() {
    const last = this.whole ? 0 : Math.max(0, Math.ceil(this.kept.length / PER_PAGE) - 1);
    const go = (id, to, text) => make("button", { type: "button", id, disabled: to < 0 || to > last, onclick: () => { this.page = to; this.draw(); (byId(id).disabled ? byId("table") : byId(id)).focus(); } }, text);
    byId("pages").replaceChildren(...(last ? [go("before", this.page - 1, "Previous"), `page ${this.page + 1} of ${last + 1}`, go("after", this.page + 1, "Next")] : []));
  }

  choices() {
    const boxes = this.heads.filter(([key]) => key !== "label").map(([key, words]) => {
      const box = make("input", { type: "checkbox", value: key, checked: !this.hidden.has(key), onchange: () => {
        if (box.checked) this.hidden.delete(key); else this.hidden.add(key);
        state.set("hide", [...this.hidden].join(","));
        this.draw();
        byId("columns").querySelector(`input[value="${key}"]`).focus();
      } });
      return make("label", {}, box, ` ${words}`);
    });
    byId("columns").replaceChildren(...boxes);
  }

  // The rows and columns that are chosen, with the digits that are shown; the ends of an interval in columns of their own.
  csv() {
    const scores = ([key]) => !(key in COLUMNS) && !["rank", "label", "model"].includes(key);
    const head = this.columns.flatMap((column) => (scores(column) ? [column[1], `${column[1]} low`, `${column[1]} high`] : [column[1]]));
    const line = (row) => this.columns.flatMap(([key]) => {
      if (key === "rank") return [ranked(row)];
      if (key === "label") return [row.text("label")];
      if (key === "model") return [row.text("modelId")];
      if (key in COLUMNS) return [Number.isNaN(Number(COLUMNS[key].text(row))) ? COLUMNS[key].of(row) : COLUMNS[key].text(row)];
      const e = row.estimate(Number(key));
      return e ? [e.value, e.low, e.high] : ["", "", ""];
    });
    return csv([["run", ...head], ...this.kept.map((row) => [row.get("id"), ...line(row)])]);
  }
}

function score(e) {
  if (!e || e.number === null) return make("td", { class: "number" }, "not measured");
  return make("td", { class: "number" }, e.value, make("span", { class: "range" }, ` ${e.range}`), e.unscored ? make("span", { class: "range" }, ` ${e.unscored} unscored`) : null);
}
