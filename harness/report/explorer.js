// The difference explorer: which problems one run solved and the other did not, with what each wrote.
"use strict";

const GOOD = new Set(["passed", "matches"]);
const SETS = {
  onlyA: { words: "only A solved", holds: (a, b) => solved(a) && !solved(b) },
  onlyB: { words: "only B solved", holds: (a, b) => solved(b) && !solved(a) },
  both: { words: "both solved", holds: (a, b) => solved(a) && solved(b) },
  neither: { words: "neither solved", holds: (a, b) => !solved(a) && !solved(b) },
  betterA: { words: "A scores higher", holds: (a, b) => a.v > b.v },
  betterB: { words: "B scores higher", holds: (a, b) => b.v > a.v },
};
const LISTED = 200;

// Solved: the score is full, or one of the completions passed its tests.
function solved(one) { return one.v >= 1 || one.k.some((kind) => page.kinds[kind] === "passed"); }

async function unpack(id) {
  const bytes = Uint8Array.from(atob(byId(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

class Explorer {
  constructor(board) {
    this.board = board;
    this.rows = board.explored.map((index) => new Row(board.rows[index], index));
    this.cache = new Map();
    this.set = "onlyA";
    this.turn = 0;
    const choices = this.rows.map((row) => [String(row.index), row.name]);
    options(byId("run-a"), choices, choices[0]?.[0]);
    options(byId("run-b"), choices, choices[1]?.[0] ?? choices[0]?.[0]);
    this.load();
  }

  async part(id) {
    if (!this.cache.has(id)) this.cache.set(id, await unpack(id));
    return this.cache.get(id);
  }

  async load() {
    const turn = ++this.turn, box = byId("explorer");
    if (this.rows.length < 2) return box.replaceChildren(make("p", {}, "Two runs with their records are needed, and this board has fewer on this page."));
    const [a, b] = ["run-a", "run-b"].map((id) => this.rows.find((row) => String(row.index) === byId(id).value));
    const [problems, one, other] = await Promise.all([this.part(`problems-${this.board.id}`), this.part(`run-${a.get("id")}`), this.part(`run-${b.get("id")}`)]);
    if (turn !== this.turn) return undefined; // another pair was chosen meanwhile
    this.pairs = problems.map((problem, i) => ({ problem, a: one[i], b: other[i] }));
    this.names = [a.name, b.name];
    const some = (key) => this.pairs.some((pair) => SETS[key].holds(pair.a, pair.b));
    if (!some(this.set)) this.set = Object.keys(SETS).find(some) ?? this.set;
    return this.draw();
  }

  draw() {
    const sets = make("div", { class: "sets", role: "group", "aria-label": "Which problems" });
    for (const [key, set] of Object.entries(SETS)) {
      const count = this.pairs.filter(({ a, b }) => set.holds(a, b)).length;
      sets.append(make("button", { type: "button", "data-set": key, "aria-pressed": String(this.set === key), onclick: () => { this.set = key; this.draw(); byId("explorer").querySelector(`[data-set="${key}"]`).focus(); } }, `${set.words} (${count})`));
    }
    const chosen = this.pairs.filter(({ a, b }) => SETS[this.set].holds(a, b));
    this.detail = make("div", { id: "problem", "aria-live": "polite" });
    const list = make("ul", { class: "list", "aria-label": "Problems" }, ...chosen.slice(0, LISTED).map((pair) => make("li", {}, this.entry(pair))));
    const more = chosen.length > LISTED ? make("p", { class: "small" }, `The first ${LISTED} of ${chosen.length}.`) : null;
    byId("explorer").replaceChildren(...(this.board.missing ? [make("p", { class: "warning" }, this.board.missing)] : []), this.taxonomy(), sets, make("div", { class: "split" }, make("div", {}, list, more), this.detail));
    if (chosen.length) this.show(chosen[0], list.querySelector("button"));
    else this.detail.append(make("p", {}, "There is no such problem."));
  }

  taxonomy() {
    const count = (side) => { const found = new Map(); for (const pair of this.pairs) for (const kind of pair[side].k) found.set(kind, (found.get(kind) ?? 0) + 1); return found; };
    const a = count("a"), b = count("b");
    const kinds = page.kinds.map((_, i) => i).filter((i) => a.has(i) || b.has(i));
    const lines = kinds.map((i) => [page.kinds[i], a.get(i) ?? 0, b.get(i) ?? 0]);
    return numbers("What the completions came to", ["kind", `A: ${this.names[0]}`, `B: ${this.names[1]}`], lines);
  }

  entry(pair) {
    const button = make("button", { type: "button", onclick: () => this.show(pair, button) }, make("span", {}, pair.problem.instruction || pair.problem.id));
    return button;
  }

  show(pair, button) {
    byId("explorer").querySelectorAll('.list [aria-current="true"]').forEach((old) => old.removeAttribute("aria-current"));
    button.setAttribute("aria-current", "true");
    const { problem } = pair;
    const block = (title, text) => (text ? [make("h3", {}, title), make("pre", { tabindex: "0" }, text)] : []);
    this.detail.replaceChildren(
      make("h3", {}, `Problem ${problem.id}${problem.slice ? `, ${problem.slice}` : ""}`),
      ...block("Prompt", problem.prompt), ...block("Reference", problem.reference), ...block("Tests", problem.tests),
      make("div", { class: "halves" }, this.side("A", 0, pair.a), this.side("B", 1, pair.b)));
  }

  side(letter, index, one) {
    const box = make("div", {}, make("h3", {}, `${letter}: ${this.names[index]}`), make("p", { class: "small" }, one.v === null ? "not scored" : `score ${(100 * one.v).toFixed(1)} %`));
    if (one.x) box.append(make("p", { class: "small" }, `examples in the prompt: ${one.x.join(", ")}`));
    one.c.forEach((text, i) => {
      const kind = page.kinds[one.k[i]], mark = GOOD.has(kind) ? "good" : "bad";
      box.append(make("div", { class: `tag ${mark}` }, `${i + 1}. ${GOOD.has(kind) ? "✓" : "✗"} ${kind}`), make("pre", { tabindex: "0" }, text || "(nothing)"));
      if (one.e?.[i]) box.append(make("pre", { tabindex: "0", class: "small" }, one.e[i]));
    });
    return box;
  }
}
