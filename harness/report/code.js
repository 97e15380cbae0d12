// Programs as they are read: Python's words in colours, and two texts side by side as one that shows what differs.
"use strict";

const WORDS = "False|None|True|and|as|assert|async|await|break|case|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|match|nonlocal|not|or|pass|raise|return|try|while|with|yield";
const TOKENS = new RegExp([
  "(?<comment>#[^\\n]*)",
  "(?<string>[rbfuRBFU]{0,2}(?:'''[\\s\\S]*?(?:'''|$)|\"\"\"[\\s\\S]*?(?:\"\"\"|$)|'(?:\\\\.|[^'\\\\\\n])*'?|\"(?:\\\\.|[^\"\\\\\\n])*\"?))",
  "(?<number>\\b\\d[\\w.]*)",
  `(?<keyword>\\b(?:${WORDS})\\b)`,
  "(?<skip>[A-Za-z_]\\w*)",
].join("|"), "g");
const LONGEST = 20000; // letters; more are shown without colours
const DIFFED = 1000; // lines of each side

function coloured(text) {
  if (text.length > LONGEST) return [text];
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(TOKENS)) {
    const kind = Object.keys(found.groups).find((name) => found.groups[name] !== undefined);
    if (kind === "skip") continue;
    parts.push(text.slice(at, found.index), make("span", { class: `code-${kind}` }, found[0]));
    at = found.index + found[0].length;
  }
  return [...parts, text.slice(at)];
}

function program(text) { return make("pre", { tabindex: "0", class: "code" }, ...coloured(text)); }

// The lines of two texts as [sign, line]: " " in both, "-" only in the first, "+" only in the second; a longest common
// subsequence decides which are in both.
function differences(one, other) {
  const a = one.split("\n").slice(0, DIFFED), b = other.split("\n").slice(0, DIFFED);
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }
  const lines = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { lines.push([" ", a[i]]); i += 1; j += 1; }
    else if (i < a.length && (j === b.length || common[i + 1][j] >= common[i][j + 1])) { lines.push(["-", a[i]]); i += 1; }
    else { lines.push(["+", b[j]]); j += 1; }
  }
  return lines;
}

function diff(one, other) {
  const kinds = { "-": "del", "+": "ins", " ": "span" };
  const lines = differences(one, other).map(([sign, line]) => make(kinds[sign], {}, `${sign} ${line}\n`));
  return make("pre", { tabindex: "0", class: "code diff" }, ...lines);
}
