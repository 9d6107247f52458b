(() => {
  const value = (cell) => (cell ? cell.title || cell.textContent : "").trim();
  const number = (text) => Number(text.replace(/\u2212/g, "-").replace(/[\u202f\s]/g, ""));
  const missing = (text) => text === "" || text === "\u2013";

  const compare = (column, numeric, sign) => (a, b) => {
    const [x, y] = [value(a.cells[column]), value(b.cells[column])];
    if (missing(x) || missing(y)) return missing(x) - missing(y);
    return sign * (numeric ? number(x) - number(y) : x.localeCompare(y, undefined, { numeric: true }));
  };

  const sort = (table, head, column) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].sort(compare(column, head.classList.contains("n"), down ? -1 : 1));
    body.replaceChildren(...rows);
  };

  const filter = (table) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    label.className = "filter";
    label.textContent = "Filter ";
    input.type = "search";
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    label.append(input);
    table.parentElement.before(label);
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    if (table.tBodies[0].rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head, column));
      head.append(button);
    });
    if (table.tBodies[0].rows.length > 20) filter(table);
  }

  const unfold = (id) => {
    for (let e = document.getElementById(id); e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
  };
  addEventListener("hashchange", () => unfold(decodeURIComponent(location.hash.slice(1))));

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details.fold:not([open])")].filter((d) => !d.closest("figure, #cases"));
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href").slice(1), a]));
  const seen = new Set();
  const mark = () => {
    const current = [...links.keys()].find((id) => seen.has(id));
    for (const [id, link] of links) {
      if (id === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  if ("IntersectionObserver" in window) {
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target.id);
        else seen.delete(entry.target.id);
      }
      mark();
    }, { rootMargin: "-10% 0px -60% 0px" });
    for (const id of links.keys()) {
      const target = document.getElementById(id);
      if (target) watch.observe(target);
    }
  }
})();
