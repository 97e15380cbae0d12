// Charts as SVG: score against cost, curves over examples, scores by slice. Each has its numbers as a table below.
"use strict";

let WIDTH = 760;
const HEIGHT = 380, LEFT = 56, RIGHT = 16, TOP = 12, BOTTOM = 46;
const NAMED = 40; // points that a chart names one by one
const COLOURS = Array.from({ length: 8 }, (_, i) => `var(--c${i})`);
const BINS = ["0", "up to 25 %", "up to 50 %", "up to 75 %", "below 100 %", "100 %", "not scored"];
const SHAPES = ["M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0", "M-5 -5h10v10h-10z", "M0 -6L6 5H-6z", "M0 -7L6 0L0 7L-6 0z", "M-6 -5H6L0 6z", "M-6 -2H-2V-6H2V-2H6V2H2V6H-2V2H-6z"];

// As wide as the page allows, so that text keeps its size on a phone.
function measure() { WIDTH = Math.max(320, Math.min(860, byId("main").clientWidth - 32)); }

// A scale from values to pixels, with its ticks; logarithmic when the values span more than two decades.
function scale(values, from, to) {
  let [low, high] = bounds(values);
  const log = low > 0 && high / low > 100;
  if (low === high) { high += Math.abs(high) * 0.05 || 1; low -= low > 0 && !log ? Math.abs(low) * 0.05 : 0; }
  const f = log ? Math.log10 : (v) => v, a = f(low), b = f(high), pad = (b - a) * 0.05;
  const at = (v) => from + ((f(v) - a + pad) / (b - a + 2 * pad)) * (to - from);
  const ticks = log ? decades(low, high) : steps(low, high);
  return { at, ticks };
}

// Lowest and highest, without spreading ten thousand arguments over the stack.
function bounds(values) {
  return values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
}

function decades(low, high) {
  const found = [];
  for (let e = Math.ceil(Math.log10(low)); e <= Math.log10(high); e += 1) found.push(10 ** e);
  return found;
}

function steps(low, high) {
  const rough = (high - low) / 5, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= rough);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) found.push(+v.toPrecision(8));
  return found;
}

// Ticks with their texts: short ones, unless two of them would read alike.
function labelled(ticks) {
  const texts = ticks.map(short);
  return ticks.map((tick, i) => [tick, new Set(texts).size === texts.length ? texts[i] : String(tick)]);
}

function frame(label, x, y, xTitle, yTitle) {
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, role: "group", "aria-label": label });
  for (const [tick, words] of labelled(y.ticks)) svg.append(make("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y.at(tick), y2: y.at(tick) }), make("text", { x: LEFT - 6, y: y.at(tick) + 4, "text-anchor": "end" }, words));
  for (const [tick, words] of labelled(x.ticks)) svg.append(make("line", { class: "grid", y1: TOP, y2: HEIGHT - BOTTOM, x1: x.at(tick), x2: x.at(tick) }), make("text", { x: x.at(tick), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, words));
  svg.append(make("path", { class: "axis", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}`, fill: "none" }));
  svg.append(make("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, xTitle));
  svg.append(make("text", { transform: `translate(14 ${(HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, yTitle));
  return svg;
}

function numbers(summary, heads, rows) {
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((h) => make("th", { scope: "col" }, h)))), make("tbody", {}, ...body));
  return make("details", {}, make("summary", {}, summary), make("div", { class: "scroll", role: "region", "aria-label": summary, tabindex: "0" }, table));
}

function legend(names, mark) {
  return make("ul", { class: "legend" }, ...names.map((name, i) => make("li", {}, make("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, mark(i)), ` ${name}`)));
}

// Points at one place as one point with all their rows.
function gathered(points) {
  const found = new Map();
  for (const point of points) {
    const at = `${point.cost} ${point.score}`;
    if (found.has(at)) found.get(at).rows.push(point.row);
    else found.set(at, { ...point, rows: [point.row] });
  }
  return [...found.values()];
}

// The points that no cheaper one beats, and none at the same cost; an equal score at a higher cost is not beaten.
function front(points) {
  const sorted = [...points].sort((a, b) => a.cost - b.cost || b.gain - a.gain);
  let best = -Infinity, cheapest = null;
  return sorted.filter((point) => {
    const on = point.gain >= best && point.cost !== cheapest;
    cheapest = point.cost;
    best = Math.max(best, point.gain);
    return on;
  });
}

// The names of points beside them, as many as there is room for; the first ones first. No name lies on a dot or a line.
function names(points, all, best, x, y) {
  const taken = all.map(({ cost, score }) => [x.at(cost) - 6, 12, y.at(score) + 4]);
  for (let i = 1; i < best.length; i += 1) { // the line of the front, as dots
    const [from, to] = [best[i - 1], best[i]].map((p) => [x.at(p.cost), y.at(p.score)]);
    for (let part = 1; part < 32; part += 1) taken.push([from[0] + (part / 32) * (to[0] - from[0]), 4, from[1] + (part / 32) * (to[1] - from[1]) + 4]);
  }
  const free = ([from, width, at]) => from >= LEFT && from + width <= WIDTH && at > TOP && at < HEIGHT - BOTTOM && !taken.some(([f, w, a]) => Math.abs(a - at) < 13 && from < f + w && f < from + width);
  // Above or below its own dot a name must not be nearer to another one, or it would seem to be the other's.
  const alone = (point, [from, width, at]) => all.every((other) => other === point || Math.abs(y.at(other.score) + 4 - at) > 13 || x.at(other.cost) < from - 14 || x.at(other.cost) > from + width + 14);
  return points.flatMap((point) => {
    const words = called(point), width = words.length * 6.6, middle = x.at(point.cost), at = y.at(point.score) + 4;
    const beside = [[middle + 10, width, at], [middle - 10 - width, width, at]].find(free);
    const shifted = [[middle + 6, width, at - 15], [middle - 6 - width, width, at - 15], [middle + 6, width, at + 15], [middle - 6 - width, width, at + 15]];
    const spot = beside ?? shifted.find((one) => free(one) && alone(point, one));
    if (!spot) return [];
    taken.push(spot);
    return [make("text", { x: spot[0], y: spot[2] }, words)];
  });
}

// A row's name; the model only where the board has several.
function nameOf(row) { return several ? row.name : row.text("label"); }

// A point's name where there is little room.
function called({ rows }) {
  const name = nameOf(rows[0]);
  const words = name.length > 36 ? `${name.slice(0, 35)}…` : name;
  return rows.length > 1 ? `${words} and ${rows.length - 1} more` : words;
}

// What a dot has around it that stands for several runs.
function ring({ rows }) { return rows.length > 1 ? { stroke: "var(--text)", "stroke-width": 2 } : {}; }

function drawPareto(board, rows) {
  measure();
  const column = Number(byId("pareto-score").value), cost = COSTS[byId("pareto-cost").value];
  const sign = board.columns[column].higher ? 1 : -1;
  const known = rows.map((row) => ({ row, score: row.value(column), cost: cost.of(row), ends: row.estimate(column)?.ends })).filter((p) => p.score !== null && p.cost !== null);
  for (const point of known) point.gain = sign * point.score;
  const points = gathered(known);
  if (!points.length) return byId("pareto").replaceChildren(make("p", {}, "No run here has both numbers."));
  const best = front(points), on = new Set(best), runs = best.reduce((sum, p) => sum + p.rows.length, 0);
  const x = scale(points.map((p) => p.cost), LEFT, WIDTH - RIGHT), y = scale([...points.map((p) => p.score), ...best.slice(0, NAMED).flatMap((p) => p.ends ?? [])], HEIGHT - BOTTOM, TOP);
  const name = columnName(board.columns[column]);
  const svg = frame(`${name} against ${cost.title}: ${runs} of ${known.length} runs are on the front`, x, y, cost.title, `${name} (%)`);
  const rest = points.filter((p) => !on.has(p)), words = (p) => `${p.rows.slice(0, 5).map((row) => row.name).join("; ")}${p.rows.length > 5 ? ` and ${p.rows.length - 5} more` : ""}: ${name} ${p.row.estimate(column).words}, ${cost.title} ${cost.text(p.row)}`;
  if (rest.length > NAMED) svg.append(make("path", { d: rest.map((p) => `M${x.at(p.cost).toFixed(1)} ${y.at(p.score).toFixed(1)}h0`).join(""), stroke: "var(--dim)", "stroke-width": 6, "stroke-linecap": "round", opacity: 0.45, fill: "none" }));
  else for (const p of rest) svg.append(make("circle", { cx: x.at(p.cost), cy: y.at(p.score), r: p.rows.length > 1 ? 6 : 4, fill: "var(--dim)", ...ring(p) }, make("title", {}, words(p))));
  svg.append(make("path", { d: "M" + best.map((p) => `${x.at(p.cost)} ${y.at(p.score)}`).join("L"), stroke: "var(--c0)", "stroke-width": 2, fill: "none" }));
  for (const p of best.slice(0, NAMED)) if (p.ends) svg.append(make("path", { class: "interval", d: `M${x.at(p.cost)} ${y.at(p.ends[0])}V${y.at(p.ends[1])}`, stroke: "var(--c0)", opacity: 0.6 }));
  for (const p of best) {
    svg.append(make("circle", { class: "dot", cx: x.at(p.cost), cy: y.at(p.score), r: 6, fill: "var(--c0)", ...ring(p), tabindex: "0", role: "img", "aria-label": words(p) }, make("title", {}, words(p))));
  }
  svg.append(...names(points.length <= NAMED ? [...best, ...rest] : best.slice(0, NAMED), points, best.slice(0, NAMED), x, y));
  const lines = best.flatMap((p) => p.rows.map((row) => [row.name, row.estimate(column).words, cost.text(row)]));
  byId("pareto").replaceChildren(make("figure", {}, svg), numbers("The front as a table", ["run", `${name} (%)`, cost.title], lines));
}

// Rows that differ in nothing but the number of examples and the seed are a curve: the mean of its runs, and their range.
function series(board, rows, column) {
  const found = new Map();
  for (const row of rows) {
    const x = row.get("examples"), value = row.value(column), curve = row.get("curve");
    if (curve === null || value === null) continue;
    if (!found.has(curve)) found.set(curve, new Map());
    const points = found.get(curve);
    points.set(x, [...(points.get(x) ?? []), value]);
  }
  return [...found].map(([curve, points]) => ({
    name: board.curves[curve],
    points: [...points].sort(([a], [b]) => a - b).map(([x, values]) => ({ x, mean: values.reduce((a, b) => a + b) / values.length, low: bounds(values)[0], high: bounds(values)[1], runs: values.length })),
  }));
}

function drawCurves(board, rows) {
  measure();
  const all = series(board, rows, board.main), lines = all.slice(0, 12), name = columnName(board.columns[board.main]);
  if (!lines.length) return byId("curves").replaceChildren(make("p", {}, "No run here shows examples (icl, rag)."));
  const models = new Set(rows.filter((row) => row.get("curve") !== null).map((row) => row.model));
  // For comparison: the best tuned run, and the best without tuning or examples.
  const without = rows.filter((row) => row.value(board.main) !== null && !(row.get("examples") > 0) && models.has(row.model));
  const sign = board.columns[board.main].higher ? 1 : -1;
  const best = (found) => found.sort((a, b) => sign * (b.value(board.main) - a.value(board.main))).slice(0, 1);
  const flat = [...best(without.filter((row) => row.get("examples") === null)), ...best(without.filter((row) => row.get("examples") === 0))];
  const values = [...lines.flatMap((l) => l.points.flatMap((p) => [p.low, p.high])), ...flat.map((r) => r.value(board.main))];
  const x = scale([0, ...lines.flatMap((l) => l.points.map((p) => p.x))], LEFT, WIDTH - RIGHT), y = scale([0, ...values], HEIGHT - BOTTOM, TOP);
  const svg = frame(`${name} over the number of examples, ${lines.length} curves`, x, y, "examples in the prompt", `${name} (%)`);
  lines.forEach((line, i) => {
    const colour = COLOURS[i % 8];
    svg.append(make("path", { d: "M" + line.points.map((p) => `${x.at(p.x)} ${y.at(p.mean)}`).join("L"), stroke: colour, "stroke-width": 2, fill: "none" }));
    for (const p of line.points) {
      svg.append(make("path", { d: `M${x.at(p.x)} ${y.at(p.low)}V${y.at(p.high)}`, stroke: colour }));
      svg.append(make("path", { d: SHAPES[i % 6], transform: `translate(${x.at(p.x)} ${y.at(p.mean)})`, fill: colour }, make("title", {}, `${line.name}, ${p.x} examples: ${p.mean.toFixed(2)}`)));
    }
  });
  const above = [];
  for (const row of flat) {
    const at = y.at(row.value(board.main));
    const near = (from, to) => lines.some((l) => l.points.some((p) => y.at(p.mean) - at > from && y.at(p.mean) - at < to));
    const words = above.some((other) => Math.abs(other - at) < 14) || (near(-20, 0) && !near(0, 20)) ? at + 13 : at - 4;
    above.push(at);
    svg.append(make("path", { d: `M${LEFT} ${at}H${WIDTH - RIGHT}`, stroke: "var(--dim)", "stroke-dasharray": "6 4" }), make("text", { x: WIDTH - RIGHT, y: words, "text-anchor": "end" }, nameOf(row)));
  }
  const means = lines.flatMap((l) => l.points.map((p) => [l.name, p.x, p.mean.toFixed(2), `${p.low.toFixed(2)} to ${p.high.toFixed(2)}`, p.runs]));
  const more = all.length > lines.length ? [make("p", { class: "small" }, `${all.length - lines.length} more curves: choose a model above.`)] : [];
  byId("curves").replaceChildren(make("figure", {}, svg, legend(lines.map((l) => l.name), (i) => make("path", { d: SHAPES[i % 6], fill: COLOURS[i % 8] }))), ...more, numbers("The curves as a table", ["curve", "examples", `mean ${name}`, "range over runs", "runs"], means));
}

function drawSlices(board, rows) {
  measure();
  const names = Math.min(250, WIDTH * 0.38), most = Math.floor(names / 7.6);
  const shown = rows.filter((row) => board.distributions[row.index]).slice(0, 8);
  if (!shown.length) return byId("slices").replaceChildren(make("p", {}, "No records of these runs are on this page."));
  const slices = [...new Set(shown.flatMap((row) => Object.keys(board.distributions[row.index])))];
  const bars = slices.flatMap((slice) => shown.map((row) => ({ slice, row, counts: board.distributions[row.index][slice] }))).filter((bar) => bar.counts);
  const height = bars.length * 22 + slices.length * 24 + 8;
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, role: "img", "aria-label": `How many problems score how much, for ${shown.length} runs; the numbers are in the table below` });
  let at = 0, last = null;
  for (const bar of bars) {
    if (bar.slice !== last) { at += 20; svg.append(make("text", { x: 4, y: at, "font-weight": 600 }, bar.slice || "all problems")); at += 4; last = bar.slice; }
    const total = bar.counts.reduce((a, b) => a + b);
    svg.append(make("text", { x: names, y: at + 14, "text-anchor": "end" }, nameOf(bar.row).length > most ? nameOf(bar.row).slice(0, most - 1) + "…" : nameOf(bar.row)));
    let x = names + 8;
    bar.counts.forEach((count, i) => {
      const width = (count / total) * (WIDTH - names - 8 - RIGHT);
      if (count) svg.append(make("rect", { x, y: at + 2, width, height: 16, fill: `var(--b${i})` }, make("title", {}, `${bar.row.name}: ${count} of ${total} problems score ${BINS[i]}`)));
      x += width;
    });
    at += 22;
  }
  const table = bars.map((bar) => [bar.slice || "all", bar.row.name, ...bar.counts]);
  byId("slices").replaceChildren(
    make("p", { class: "small" }, `Problems by their own ${columnName(board.columns[board.main])}, for the first ${shown.length} runs of the table.`),
    make("figure", {}, legend(BINS, (i) => make("rect", { x: -8, y: -8, width: 16, height: 16, fill: `var(--b${i})` })), svg),
    numbers("The numbers of problems as a table", ["slice", "run", ...BINS], table));
}
