// One board at a time: everything below the heading follows the chosen board and the filters.
"use strict";

const SUMS = 5; // sentences on when tuning pays that are shown at once
let table = null, explorer = null, several = false; // several: models on the board

function drawAnswers(board) {
  byId("board-facts").textContent = board.title;
  byId("sample").hidden = !board.builtin;
  byId("footer").textContent = board.footer;
  byId("answers").replaceChildren(...board.answers.map(answer));
  const sums = board.breakEven.map((line) => make("li", {}, line)), rest = sums.splice(SUMS);
  const more = rest.length ? [make("details", {}, make("summary", {}, `${rest.length} more`), make("ul", {}, ...rest))] : [];
  byId("break").replaceChildren(...(sums.length ? [make("ul", {}, ...sums), ...more, make("p", { class: "small" }, page.assumptions)] : [make("p", {}, "A tuned run and one with examples in its prompt, of the same model, are needed to say.")]));
}

// A question and its answer in a line, which opens to all of it.
function answer({ question, short: line, lines, code }) {
  const whole = () => make("details", {}, make("summary", {}, line), ...lines.map((text) => make("p", {}, text)));
  return make("div", {}, make("h3", {}, question), make("div", {}, ...(code ? [command(code), make("p", { class: "small" }, line)] : [lines.length ? whole() : make("p", {}, line)])));
}

const OF_BOARD = ["sort", "down", "hide", "find", "model", "method", "metric", "pareto-score", "run-a", "run-b", "explore-by", "explore-find", "set", "problem"];

function choose(index) {
  const board = page.boards[index];
  several = new Set(board.rows.map((values) => values[place.modelId])).size > 1;
  drawAnswers(board);
  options(byId("pareto-score"), board.columns.map((c, i) => [String(i), columnName(c)]), String(board.main));
  options(byId("pareto-cost"), Object.entries(COSTS).map(([key, cost]) => [key, cost.title]), "memory");
  remember("pareto-score", String(board.main));
  remember("pareto-cost", "memory");
  table = new Table(board, (rows) => drawCharts(board, rows));
  explorer = new Explorer(board);
}

function drawCharts(board, rows) {
  drawForest(board, rows);
  drawPareto(board, rows);
  drawCurves(board, rows);
  drawSlices(board, rows);
}

// Changes of a select or a field: remembered, then drawn.
function follow(id, event, act, otherwise = () => "") {
  byId(id).addEventListener(event, () => { state.set(id, byId(id).value, otherwise()); act(); });
}

function listen() {
  const main = () => String(table.board.main);
  byId("board").addEventListener("change", () => {
    state.clear(...OF_BOARD);
    state.set("board", page.boards[byId("board").value].id, page.boards[opening()].id);
    choose(Number(byId("board").value));
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  follow("find", "input", () => table.filter());
  for (const id of ["model", "method"]) follow(id, "change", () => table.filter());
  follow("metric", "change", () => table.draw());
  follow("pareto-score", "change", () => drawPareto(table.board, table.kept), main);
  follow("pareto-cost", "change", () => drawPareto(table.board, table.kept), () => "memory");
  for (const id of ["run-a", "run-b"]) follow(id, "change", () => { state.clear("problem"); explorer.load(); }, () => explorer.rows[id === "run-a" ? 0 : 1]?.get("id"));
  follow("explore-by", "change", () => explorer.draw(), () => "0");
  follow("explore-find", "input", () => explorer.draw());
  byId("csv").addEventListener("click", () => download(`${table.board.task}-${table.board.id}.csv`.replace(/[^\w.-]/g, "_"), table.csv(), "text/csv"));
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => drawCharts(table.board, table.kept), 150); });
  // On paper every row is there, and the answers stand before them: many rows would take them to a later sheet.
  const paper = (whole) => () => { byId("forest")[whole ? "before" : "after"](byId("answers")); table.whole = whole; table.draw(); };
  addEventListener("beforeprint", paper(true));
  addEventListener("afterprint", paper(false));
}

// The board that the page opens on: the first of real data, since the sample says nothing about it.
function opening() { return Math.max(0, page.boards.findIndex((board) => !board.builtin)); }

function contents() {
  const go = (h) => (event) => { event.preventDefault(); h.tabIndex = -1; h.focus({ preventScroll: true }); h.scrollIntoView(); };
  byId("contents").replaceChildren(...[...document.querySelectorAll("main h2[id]")].map((h) => make("a", { href: `#${h.id}`, onclick: go(h) }, h.textContent)));
}

function start() {
  startTheme();
  if (page.leftOut.length) {
    byId("left-out").hidden = false;
    byId("left-out").textContent = `Left out: ${page.leftOut.join("; ")}`;
  }
  if (!page.boards.length) {
    document.querySelectorAll("main > section").forEach((section) => { section.hidden = !section.querySelector(".exhibit"); });
    byId("nothing").hidden = false;
    return;
  }
  const asked = page.boards.findIndex((board) => board.id === state.get("board"));
  const first = asked < 0 ? opening() : asked;
  options(byId("board"), page.boards.map((board, i) => [String(i), board.title]), String(first));
  byId("board").parentElement.hidden = page.boards.length === 1;
  contents();
  listen();
  choose(first);
  const target = location.hash.startsWith("#?") ? null : byId(location.hash.slice(1));
  target?.scrollIntoView();
}

start();
