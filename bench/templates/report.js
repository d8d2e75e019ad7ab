"use strict";
// Tables sort by a click on a head, and show the rows that hold every word of a filter. Without this script they are whole.
(() => {
  const UNITS = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 };
  const value = (text) => {
    const found = /^(?:below |above )?([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*(ns|us|ms|s)?(?![A-Za-z])/.exec(text.trim());
    return found ? Number(found[1]) * (UNITS[found[2]] ?? 1) : null;
  };
  const compare = (a, b) => {
    const [one, other] = [value(a), value(b)];
    if (one !== null && other !== null) return one - other;
    if (one !== null || other !== null) return one !== null ? -1 : 1;
    return a.localeCompare(b);
  };
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const text = (row) => row.cells[column].textContent;
        const sorted = [...rows].sort((a, b) => (up ? 1 : -1) * compare(text(a), text(b)));
        body.append(...sorted);
      });
    });
    if (rows.length < 6) continue;
    const label = document.createElement("label");
    label.className = "filter";
    label.append("Rows with: ");
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "resnet18 ort-rust";
    label.append(input);
    table.parentElement.before(label);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
  }
})();
