// What the reader has chosen, kept in the address (to send it on) and, for the colours, in the browser.
"use strict";

const state = {
  values: new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : ""),
  get(name, otherwise = "") { return this.values.get(name) ?? otherwise; },
  // Keeps `value` under `name`; what is chosen by default leaves no trace.
  set(name, value, otherwise = "") {
    if (value === null || value === undefined || String(value) === String(otherwise)) this.values.delete(name);
    else this.values.set(name, value);
    const text = this.values.toString();
    history.replaceState(null, "", text ? `#?${text}` : location.pathname + location.search);
  },
  // Forgets what belongs to one board.
  clear(...names) { for (const name of names) this.values.delete(name); },
};

// A choice in a `select` that is remembered; one that is not there (any more) is the first.
function remember(id, otherwise) {
  const select = byId(id), wanted = state.get(id, otherwise);
  if ([...select.options].some((option) => option.value === wanted)) select.value = wanted;
}

// Storage may be forbidden; then the page forgets.
function stored(name) { try { return localStorage.getItem(name); } catch { return null; } }
function store(name, value) { try { localStorage.setItem(name, value); } catch { /* forbidden */ } }

function theme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").setAttribute("aria-pressed", String(name === "dark"));
}

function startTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)"), own = () => (dark.matches ? "dark" : "light");
  theme(stored("harness-theme") ?? own());
  dark.addEventListener("change", () => { if (!stored("harness-theme")) theme(own()); });
  byId("theme").addEventListener("click", () => {
    theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    store("harness-theme", document.documentElement.dataset.theme);
  });
}
