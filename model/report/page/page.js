// Searches and sorts the worst lines; the state stands in the address behind #, so that a view can be shared.
(() => {
  "use strict";

  const find = (id) => document.getElementById(id);
  const list = find("lines"), search = find("search"), sort = find("sort"), reverse = find("reverse");
  const lines = JSON.parse(find("line-data").textContent).map((line, place) => ({
    ...line,
    place,
    item: list.children[place],
    searched: line.texts.join("\n").toLowerCase(),
  }));
  if (!lines.length) return;

  // Negative where a stands before b. Keys are compared as they are, not as a language sorts them.
  const orders = {
    worst: (a, b) => a.place - b.place,
    confidence: (a, b) => b.confidence - a.confidence,
    edits: (a, b) => b.edits - a.edits,
    length: (a, b) => b.length - a.length,
    width: (a, b) => b.width - a.width,
    key: (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
  };

  const isReversed = () => reverse.getAttribute("aria-pressed") === "true";

  function order() {
    const sign = isReversed() ? -1 : 1, compare = orders[sort.value];
    lines.sort((a, b) => sign * compare(a, b) || a.place - b.place);
    list.append(...lines.map((line) => line.item));
  }

  function filter() {
    const wanted = search.value.toLowerCase();
    let shown = 0;
    for (const line of lines) {
      line.item.hidden = !line.searched.includes(wanted);
      shown += !line.item.hidden;
    }
    find("no-lines").hidden = shown > 0;
    find("count").textContent =
      shown === lines.length ? `${shown} line${shown === 1 ? "" : "s"}` : `${shown} of ${lines.length} lines`;
  }

  function save() {
    const state = new URLSearchParams();
    if (search.value) state.set("search", search.value);
    if (sort.value !== "worst") state.set("sort", sort.value);
    if (isReversed()) state.set("reverse", "1");
    // An address without a state still names the section, so that the page stays where it is.
    history.replaceState(null, "", `#${state.toString() || "worst"}`);
  }

  // True where the address holds a state; one that only names a section leaves the view as it is.
  function restore() {
    const fragment = location.hash.slice(1);
    if (!fragment.includes("=")) return false;
    const state = new URLSearchParams(fragment);
    search.value = state.get("search") || "";
    sort.value = Object.hasOwn(orders, state.get("sort")) ? state.get("sort") : "worst";
    reverse.setAttribute("aria-pressed", String(state.get("reverse") === "1"));
    return true;
  }

  function show() {
    order();
    filter();
  }

  function change() {
    show();
    save();
  }

  search.addEventListener("input", () => { filter(); save(); });
  sort.addEventListener("change", change);
  reverse.addEventListener("click", () => {
    reverse.setAttribute("aria-pressed", String(!isReversed()));
    change();
  });
  find("controls").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", () => { if (restore()) show(); });

  find("controls").hidden = false;
  const restored = restore();
  show();
  if (restored) find("worst").scrollIntoView();
})();
