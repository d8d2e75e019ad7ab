"use strict";
// Tables sort by a click on a head, and show the rows that hold every word of a filter; a choice of names leaves out, of tables and
// drawings, what is of other names only; marks of drawings say their words at once. Without this script all is there.
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
    const mark = title.parentElement;
    const drawing = mark.ownerSVGElement;
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", title.textContent);
    // The tab key stops once in a drawing; arrows go from mark to mark. What holds something to go to is no single picture.
    mark.setAttribute("tabindex", drawing.getAttribute("role") === "group" ? "-1" : "0");
    drawing.setAttribute("role", "group");
    const text = said(title.textContent);
    updates.push(() => mark.classList.toggle("other", other(text)));
    // The browser would show it on top of ours.
    title.remove();
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
  // A mark says at once, pointed at or gone to, what its <title> says after a while where there is no script.
  const tip = document.createElement("div");
  tip.className = "tip";
  // The same words are the mark's name.
  tip.setAttribute("aria-hidden", "true");
  tip.hidden = true;
  document.body.append(tip);
  const markAt = (element) => element?.closest("svg g[aria-label]") ?? null;
  let told = null;
  let leaving = 0;
  const place = () => {
    if (!told) return;
    const { clientWidth, clientHeight } = document.documentElement;
    const within = (at, size, room) => `${Math.max(4, Math.min(at, room - size - 4))}px`;
    // Above its right end, where the next marks of its row and of its column stay free.
    const box = told.getBoundingClientRect();
    const above = box.top - tip.offsetHeight;
    tip.style.left = within(box.right, tip.offsetWidth, clientWidth);
    tip.style.top = within(above < 4 ? box.bottom : above, tip.offsetHeight, clientHeight);
  };
  const tell = (mark) => {
    clearTimeout(leaving);
    told = mark;
    tip.hidden = !mark;
    tip.textContent = mark ? mark.getAttribute("aria-label") : "";
    place();
  };
  // There is time to go onto the tip itself, as one does under a magnifier; and what has the focus goes on speaking.
  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => tell(markAt(document.activeElement)), 300);
  };
  document.addEventListener("pointerover", ({ target }) => {
    const mark = markAt(target);
    if (mark) tell(mark);
    else if (target === tip) clearTimeout(leaving);
    else if (told) leave();
  });
  document.documentElement.addEventListener("pointerleave", leave);
  document.addEventListener("focusout", () => tell(null));
  document.addEventListener("focusin", ({ target }) => {
    const mark = markAt(target);
    tell(mark);
    if (!mark) return;
    mark.ownerSVGElement.querySelector('[tabindex="0"]').setAttribute("tabindex", "-1");
    mark.setAttribute("tabindex", "0");
  });
  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tell(null);
    const mark = markAt(event.target);
    const step = STEPS[event.key];
    if (!mark || !step || event.altKey || event.ctrlKey || event.metaKey) return;
    const marks = [...mark.ownerSVGElement.querySelectorAll("g[aria-label]:not(.other)")];
    event.preventDefault();
    marks[marks.indexOf(mark) + step]?.focus();
  });
  for (const moved of ["scroll", "resize"]) window.addEventListener(moved, place, { capture: true, passive: true });
})();
