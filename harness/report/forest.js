// The forest plot: every row with its interval, the rows that may be best marked, and what each cost beside it.
"use strict";

const TREES = 60; // rows that are drawn; the table has all
const BESIDE = ["tuning", "tokens", "memory"];
const PLOT = 320, EDGE = 8;

function drawForest(board, rows) {
  const column = board.main, name = columnName(board.columns[column]);
  const found = rows.filter((row) => row.value(column) !== null);
  const sign = board.columns[column].higher ? -1 : 1;
  const order = [...found].sort((a, b) => sign * (a.value(column) - b.value(column)) || a.index - b.index);
  const shown = order.slice(0, TREES), box = byId("forest");
  if (!shown.length) return box.replaceChildren(make("p", {}, "No run that is chosen here has a score."));
  const ends = shown.flatMap((row) => { const e = row.estimate(column); return [e.number, ...(e.ends ?? [])]; });
  const x = scale([0, ...ends], EDGE, PLOT - EDGE);
  const best = shown[0], tied = found.filter((row) => row.get("rank") === 1).length;
  const costs = BESIDE.filter((key) => shown.some((row) => COSTS[key].of(row)));
  const head = make("tr", {}, make("th", { scope: "col" }, "rank"), make("th", { scope: "col" }, "method"),
    make("th", { scope: "col", class: "number" }, `${name} (%)`), make("th", { scope: "col", class: "plot" }, axis(x, name)),
    ...costs.map((key) => make("th", { scope: "col", class: "number cost" }, COSTS[key].title)));
  const body = shown.map((row) => tree(row, column, x, best, costs));
  const one = rows.length > 1 ? "One row is best (marked)." : "There is one row.";
  const told = `${tied > 1 ? `${tied} rows may be best (marked).` : tied ? one : "None of these rows may be best."} Lines: 95 % intervals.`;
  const model = several ? "" : ` All on ${best.model}.`;
  const more = order.length > shown.length ? ` The first ${shown.length} of ${order.length} rows; the table has all.` : "";
  box.replaceChildren(make("table", { class: several ? "forest" : "forest one-model" }, make("caption", { class: "small" }, told + model + more), make("thead", {}, head), make("tbody", {}, ...body)));
}

function axis(x, name) {
  const svg = make("svg", { viewBox: `0 0 ${PLOT} 16`, preserveAspectRatio: "none", role: "img", "aria-label": `scale of ${name}` });
  const marks = x.ticks.map((tick) => make("span", { style: `left:${(100 * x.at(tick)) / PLOT}%` }, short(tick)));
  return make("div", { class: "axis-words" }, ...marks, svg);
}

function tree(row, column, x, best, costs) {
  const e = row.estimate(column), first = row.get("rank") === 1;
  const svg = make("svg", { viewBox: `0 0 ${PLOT} 24`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const tick of x.ticks) svg.append(make("line", { class: "grid", x1: x.at(tick), x2: x.at(tick), y1: 0, y2: 24, "vector-effect": "non-scaling-stroke" }));
  svg.append(make("line", { class: "best", x1: x.at(best.value(column)), x2: x.at(best.value(column)), y1: 0, y2: 24, "vector-effect": "non-scaling-stroke" }));
  if (e.ends) svg.append(make("path", { class: "interval", d: `M${x.at(e.ends[0])} 12H${x.at(e.ends[1])}`, "vector-effect": "non-scaling-stroke" }));
  svg.append(make("path", { class: "value", d: `M${x.at(e.number)} 12h0`, "vector-effect": "non-scaling-stroke" }));
  return make("tr", { class: first ? "first" : null },
    make("td", { class: "rank" }, ranked(row)),
    make("th", { scope: "row" }, cut(row.text("label")), several ? make("span", { class: "model", title: row.text("modelId") }, row.model) : null),
    make("td", { class: "number" }, e.value, make("span", { class: "range" }, ` ${e.range}`)),
    make("td", { class: "plot" }, svg),
    ...costs.map((key) => make("td", { class: "number cost" }, COSTS[key].text(row))));
}
