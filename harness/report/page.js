// One board at a time: everything below the heading follows the chosen board and the filters.
"use strict";

let table = null, explorer = null;

function drawAnswers(board) {
  byId("board-facts").textContent = board.title;
  byId("sample").hidden = !board.builtin;
  byId("footer").textContent = board.footer;
  byId("answers").replaceChildren(...board.answers.map((answer) => make("div", {}, make("h3", {}, answer.question), ...answer.lines.map((line) => make("p", {}, line)), command(answer.code))));
  const sums = board.breakEven.map((line) => make("li", {}, line));
  byId("break").replaceChildren(...(sums.length ? [make("ul", {}, ...sums), make("p", { class: "small" }, page.assumptions)] : [make("p", {}, "A tuned run and one with examples in its prompt, of the same model, are needed to say.")]));
}

function choose(index) {
  const board = page.boards[index];
  drawAnswers(board);
  options(byId("pareto-score"), board.columns.map((c, i) => [String(i), columnName(c)]), String(board.main));
  options(byId("pareto-cost"), Object.entries(COSTS).map(([key, cost]) => [key, cost.title]), byId("pareto-cost").value || "memory");
  table = new Table(board, (rows) => drawCharts(board, rows));
  explorer = new Explorer(board);
}

function drawCharts(board, rows) {
  drawPareto(board, rows);
  drawCurves(board, rows);
  drawSlices(board, rows);
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").setAttribute("aria-pressed", String(name === "dark"));
}

function start() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  theme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
  byId("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  if (page.leftOut.length) {
    byId("left-out").hidden = false;
    byId("left-out").textContent = `Left out: ${page.leftOut.join("; ")}`;
  }
  if (!page.boards.length) {
    byId("board-title").textContent = "There are no finished runs yet.";
    document.querySelectorAll("main > section").forEach((section) => { section.hidden = !section.querySelector("#board-title, .exhibit"); });
    byId("board").parentElement.hidden = true;
    return;
  }
  options(byId("board"), page.boards.map((board, i) => [String(i), board.title]), "0");
  byId("board").addEventListener("change", () => choose(Number(byId("board").value)));
  byId("contents").replaceChildren(...[...document.querySelectorAll("main h2[id]")].map((h) => make("a", { href: `#${h.id}` }, h.textContent)));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("find").addEventListener("input", () => table.filter());
  for (const id of ["model", "method"]) byId(id).addEventListener("change", () => table.filter());
  byId("metric").addEventListener("change", () => table.draw());
  for (const id of ["pareto-score", "pareto-cost"]) byId(id).addEventListener("change", () => drawPareto(table.board, table.kept));
  for (const id of ["run-a", "run-b"]) byId(id).addEventListener("change", () => explorer.load());
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => drawCharts(table.board, table.kept), 150); });
  choose(0);
}

start();
