// The difference explorer: which problems one run solved and the other did not, with what each wrote.
"use strict";

const GOOD = new Set(["passed", "matches"]), UNSURE = "other text";
const SETS = {
  onlyA: { words: "only A solved", holds: (a, b) => a.s && !b.s },
  onlyB: { words: "only B solved", holds: (a, b) => b.s && !a.s },
  both: { words: "both solved", holds: (a, b) => a.s && b.s },
  neither: { words: "neither solved", holds: (a, b) => !a.s && !b.s },
  betterA: { words: "A scores higher", holds: (a, b, v) => a.v[v] !== null && b.v[v] !== null && a.v[v] > b.v[v] },
  betterB: { words: "B scores higher", holds: (a, b, v) => a.v[v] !== null && b.v[v] !== null && b.v[v] > a.v[v] },
};
const LISTED = 200;
const SOLVED = "Solved: at least one of the completions passed its tests or matched a reference, whatever k the measure has that ranks the table. Other text: the metric counted one of them, and none is the reference as it stands.";

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
    this.set = state.get("set", "onlyA") in SETS ? state.get("set", "onlyA") : "onlyA";
    this.turn = 0;
    const choices = this.rows.map((row) => [row.get("id"), row.name]);
    options(byId("run-a"), choices, choices[0]?.[0]);
    options(byId("run-b"), choices, choices[1]?.[0] ?? choices[0]?.[0]);
    options(byId("explore-by"), board.explorable.map((column, i) => [String(i), columnName(board.columns[column])]), "0");
    for (const [id, otherwise] of [["run-a", choices[0]?.[0]], ["run-b", choices[1]?.[0]], ["explore-by", "0"]]) remember(id, otherwise);
    byId("explore-find").value = state.get("explore-find");
    this.load();
  }

  async part(id) {
    if (!this.cache.has(id)) this.cache.set(id, await unpack(id));
    return this.cache.get(id);
  }

  get measure() { return Number(byId("explore-by").value); }

  async load() {
    const turn = ++this.turn, box = byId("explorer");
    if (this.rows.length < 2) return box.replaceChildren(make("p", {}, "Two runs with their records are needed, and this board has fewer on this page."));
    const [a, b] = ["run-a", "run-b"].map((id) => this.rows.find((row) => row.get("id") === byId(id).value));
    const [{ problems, examples }, one, other] = await Promise.all([this.part(`problems-${this.board.id}`), this.part(`run-${a.get("id")}`), this.part(`run-${b.get("id")}`)]);
    if (turn !== this.turn) return undefined; // another pair was chosen meanwhile
    this.examples = examples;
    this.pairs = problems.map((problem, i) => ({ problem, a: one[i], b: other[i] }));
    this.names = [a.name, b.name];
    const some = (key) => this.pairs.some((pair) => this.holds(key, pair));
    if (!some(this.set)) this.set = Object.keys(SETS).find(some) ?? this.set;
    return this.draw(state.get("problem"));
  }

  holds(key, { a, b }) { return SETS[key].holds(a, b, this.measure); }

  // Whether the searched words stand in the problem or in an answer.
  found(pair) {
    const words = byId("explore-find").value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return true;
    const { problem, a, b } = pair;
    const text = [problem.id, problem.slice, problem.instruction, problem.reference, ...a.c, ...b.c].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  }

  draw(wanted = "") {
    const sets = make("div", { class: "sets", role: "group", "aria-label": "Which problems" }), within = this.pairs.filter((pair) => this.found(pair));
    for (const [key, set] of Object.entries(SETS)) {
      const count = within.filter((pair) => this.holds(key, pair)).length;
      const pick = () => { this.set = key; state.set("set", key, "onlyA"); this.draw(); byId("explorer").querySelector(`[data-set="${key}"]`).focus(); };
      sets.append(make("button", { type: "button", "data-set": key, "aria-pressed": String(this.set === key), onclick: pick }, `${set.words} (${count})`));
    }
    this.chosen = within.filter((pair) => this.holds(this.set, pair));
    this.at = Math.max(0, this.chosen.findIndex((pair) => pair.problem.id === wanted));
    this.detail = make("div", { id: "problem", "aria-live": "polite" });
    this.list = make("ul", { class: "list", "aria-label": "Problems" }, ...this.chosen.slice(0, LISTED).map((pair, i) => make("li", {}, this.entry(pair, i))));
    const more = this.chosen.length > LISTED ? make("p", { class: "small" }, `The first ${LISTED} of ${this.chosen.length} are listed; Next reaches all.`) : null;
    const missing = this.board.missing ? [make("p", { class: "warning" }, this.board.missing)] : [];
    byId("explorer").replaceChildren(...missing, make("p", { class: "small" }, SOLVED), this.taxonomy(), sets, make("div", { class: "split" }, make("div", {}, this.list, more), this.detail));
    if (this.chosen.length) this.show(this.at);
    else this.detail.append(make("p", {}, "There is no such problem."));
  }

  taxonomy() {
    const count = (side) => { const found = new Map(); for (const pair of this.pairs) for (const kind of pair[side].k) found.set(kind, (found.get(kind) ?? 0) + 1); return found; };
    const a = count("a"), b = count("b");
    const kinds = page.kinds.map((_, i) => i).filter((i) => a.has(i) || b.has(i));
    const lines = kinds.map((i) => [page.kinds[i], a.get(i) ?? 0, b.get(i) ?? 0]);
    return numbers("What the completions came to", ["kind", `A: ${this.names[0]}`, `B: ${this.names[1]}`], lines);
  }

  entry(pair, i) {
    return make("button", { type: "button", onclick: () => this.show(i) }, make("span", {}, pair.problem.instruction || pair.problem.id));
  }

  show(i) {
    this.at = i;
    const pair = this.chosen[i], { problem } = pair;
    this.list.querySelectorAll('[aria-current="true"]').forEach((old) => old.removeAttribute("aria-current"));
    this.list.children[i]?.firstChild.setAttribute("aria-current", "true");
    state.set("problem", problem.id);
    const block = (title, content) => (content ? [make("h3", {}, title), content] : []);
    this.detail.replaceChildren(
      this.steps(),
      make("h3", {}, `Problem ${problem.id}${problem.slice ? `, ${problem.slice}` : ""}`),
      ...block("Prompt", problem.prompt && make("pre", { tabindex: "0" }, problem.prompt)),
      ...block("Reference", problem.reference && program(problem.reference)), ...block("Tests", problem.tests && make("pre", { tabindex: "0" }, problem.tests)),
      this.compared(pair),
      make("div", { class: "halves" }, this.side("A", 0, pair.a), this.side("B", 1, pair.b)));
  }

  steps() {
    const step = (id, to, words) => make("button", { type: "button", id, disabled: to < 0 || to >= this.chosen.length, onclick: () => { this.show(to); (byId(id).disabled ? this.detail.querySelector("button:enabled") : byId(id))?.focus(); } }, words);
    return make("p", { class: "controls" }, step("problem-before", this.at - 1, "Previous"), `${this.at + 1} of ${this.chosen.length}`, step("problem-after", this.at + 1, "Next"));
  }

  // One completion of A against one of B, line by line.
  compared({ a, b }) {
    const box = make("div"), picks = [a, b].map((side, i) => make("select", { "aria-label": `completion of ${"AB"[i]}` }));
    [a, b].forEach((side, i) => options(picks[i], side.c.map((_, n) => [String(n), `${n + 1} (${page.kinds[side.k[n]]})`]), "0"));
    const draw = () => { const [one, other] = [a.c[picks[0].value] ?? "", b.c[picks[1].value] ?? ""]; box.replaceChildren(one === other ? make("p", { class: "small" }, "They are the same.") : diff(one, other)); };
    picks.forEach((pick) => pick.addEventListener("change", draw));
    draw();
    return make("details", { class: "compared" }, make("summary", {}, "Two completions line by line"), make("p", { class: "controls" }, "A ", picks[0], " − against B ", picks[1], " +"), box);
  }

  side(letter, index, one) {
    const column = this.board.columns[this.board.explorable[this.measure]], value = one.v[this.measure];
    const box = make("div", {}, make("h3", {}, `${letter}: ${this.names[index]}`), make("p", { class: "small" }, value === null ? `${columnName(column)}: not scored` : `${columnName(column)} ${(100 * value).toFixed(1)} %`, one.s ? ", solved" : ", not solved"));
    if (one.x) box.append(this.shown(one.x));
    one.c.forEach((text, i) => {
      const kind = page.kinds[one.k[i]], [mark, sign] = GOOD.has(kind) ? ["good", "✓"] : kind === UNSURE ? ["unsure", "?"] : ["bad", "✗"];
      box.append(make("div", { class: `tag ${mark}` }, `${i + 1}. ${sign} ${kind}`), text ? program(text) : make("pre", { tabindex: "0" }, "(nothing)"));
      if (one.e?.[i]) box.append(make("pre", { tabindex: "0", class: "small" }, one.e[i]));
    });
    return box;
  }

  // The examples before the problem, as they stood in the prompt: the most useful last.
  shown(ids) {
    const words = `${ids.length} example${ids.length > 1 ? "s" : ""} in the prompt`;
    if (!ids.some((id) => this.examples[id])) return make("p", { class: "small" }, `${words}: ${ids.join(", ")}`);
    return make("details", {}, make("summary", {}, words), ...[...ids].reverse().map((id) => make("pre", { tabindex: "0" }, this.examples[id] ?? id)));
  }
}
