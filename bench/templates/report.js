"use strict";
// Tables sort by a click on a head, and show the rows that hold every word of a filter; a choice of names leaves out, of tables and
// drawings, what is of other names only. Without this script all is there.
(() => {
  // Names stand between blanks, and whatever parts words in tables and drawings is one.
  const said = (text) => ` ${text.split(/[\s,:()/]+/).filter(Boolean).join(" ")} `;
  const bar = document.getElementById("choose");
  const nouns = JSON.parse(bar.dataset.nouns).map(([label, names]) => ({ label, names: names.map(said), shown: names, chosen: "" }));
  const other = (text) =>
    nouns.some(({ names, chosen }) => chosen && !text.includes(chosen) && names.some((name) => text.includes(name)));
  const updates = [];
  const rowsOfAll = [];
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
    let words = [];
    const update = () => {
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = other(said(row.textContent)) || !words.every((word) => text.includes(word));
      }
    };
    updates.push(update);
    rowsOfAll.push(...rows);
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
      words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      label.classList.toggle("used", words.length > 0);
      update();
    });
  }
  for (const drawn of document.querySelectorAll("figure, section:has(> .gallery)")) {
    const title = said(drawn.querySelector("figcaption, h2").textContent);
    updates.push(() => { drawn.hidden = other(title); });
  }
  for (const title of document.querySelectorAll("svg g > title")) {
    const text = said(title.textContent);
    updates.push(() => title.parentElement.classList.toggle("other", other(text)));
  }
  for (const line of document.querySelectorAll("svg path.joined")) {
    const points = [...line.parentElement.querySelectorAll(":scope > g")];
    updates.push(() => line.classList.toggle("other", points.length > 0 && points.every((point) => point.classList.contains("other"))));
  }
  const count = document.createElement("output");
  const all = () => {
    updates.forEach((update) => update());
    const left = rowsOfAll.filter((row) => !row.hidden).length;
    const used = nouns.some(({ chosen }) => chosen);
    count.textContent = used ? `${left} of ${rowsOfAll.length} rows` : "";
    bar.classList.toggle("used", used);
  };
  for (const noun of nouns) {
    const select = document.createElement("select");
    select.append(new Option("all", ""), ...noun.shown.map((name, index) => new Option(name, noun.names[index])));
    const label = document.createElement("label");
    label.append(`${noun.label}: `, select);
    bar.append(label);
    select.addEventListener("change", () => {
      noun.chosen = select.value;
      all();
    });
  }
  bar.append(count);
  bar.hidden = !nouns.length;
})();
