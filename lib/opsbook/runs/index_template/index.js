
"use strict";
(() => {
  const main = document.getElementById("main"), form = document.getElementById("filters");
  if (!form) return;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const FIELDS = ["company", "notebook", "period", "campaign", "status", "language"];
  const controls = all("input, select", form), things = all("[data-words]"), reports = all("#reports tbody tr");
  const heads = all(".memory thead th"), body = document.querySelector(".memory tbody");
  let sorted = "";

  // The age of the data on the day of reading, which may be long after the page was built.
  const now = new Date(), days = (y, m, d) => Date.UTC(y, m, d) / 864e5;
  const today = days(now.getFullYear(), now.getMonth(), now.getDate());
  const age = text => { const [y, m, d] = text.split("-"); return Math.max(0, today - days(y, m - 1, d)); };
  all("[data-age]").forEach(one => {
    const n = age(one.dataset.age), words = main.getAttribute(`data-age-${n < 2 ? n : "more"}`);
    one.textContent = words.replace("{days}", n.toLocaleString(document.documentElement.lang));
  });
  const stale = all("[data-limit]").filter(one => age(one.dataset.asOf) > Number(one.dataset.limit));
  stale.forEach(one => {
    if (!one.dataset.status.split(" ").includes("stale")) one.dataset.status += " stale";
    all(".late", one).forEach(mark => { mark.hidden = false; });
  });
  const isDue = one => !one.matches("#attention [data-limit]") || stale.includes(one);
  const madeToday = one => { const at = new Date(one.dataset.made);
    return days(at.getFullYear(), at.getMonth(), at.getDate()) === today; };
  document.getElementById("n-stale").textContent = stale.filter(one => one.matches("#attention li")).length;
  document.getElementById("n-today").textContent = reports.filter(one => one.dataset.made && madeToday(one)).length;

  // Filters: a thing is narrowed by what it has an answer to.
  const value = name => form.elements[name] ? form.elements[name].value : "";
  const fits = (one, name) => !value(name) || !(name in one.dataset) ||
    (name === "status" ? one.dataset.status.split(" ") : [one.dataset[name]]).includes(value(name));
  const apply = () => {
    const words = value("q").toLowerCase().split(/\s+/).filter(Boolean);
    things.forEach(one => {
      one.hidden = !(isDue(one) && FIELDS.every(name => fits(one, name)) &&
        words.every(word => one.dataset.words.includes(word)));
    });
    all("[data-group]").forEach(group => { group.hidden = !group.querySelector("[data-words]:not([hidden])"); });
    const shown = reports.filter(one => !one.hidden).length, count = document.getElementById("count");
    count.textContent = count.dataset.text.replace("{shown}", shown);
    document.getElementById("none").hidden = shown > 0;
  };

  // Sorting: unknown values last, whichever way.
  const sort = () => {
    const key = sorted.replace("-", ""), down = sorted.startsWith("-");
    const column = heads.findIndex(head => head.dataset.key === key);
    if (column < 0) return;
    heads.forEach(head => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const number = text => text !== undefined && text !== "" && isFinite(text);
    const compare = (a, b) => {
      const [x, y] = [a, b].map(row => row.cells[column].dataset.value);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      const order = number(x) && number(y) ? x - y : x.localeCompare(y, document.documentElement.lang);
      return down ? -order : order;
    };
    body.append(...[...body.rows].sort(compare));
  };

  // The view is kept in the address, so that it can be sent to somebody.
  const write = () => {
    const kept = new URLSearchParams(controls.map(one => [one.name, one.value]).filter(pair => pair[1]));
    if (sorted) kept.set("sort", sorted);
    history.replaceState(null, "", `#${kept}`);
  };
  const read = () => {
    const told = location.hash.slice(1);
    if (told && !told.includes("=")) return;
    const kept = new URLSearchParams(told);
    controls.forEach(one => { one.value = kept.get(one.name) || ""; });
    sorted = kept.get("sort") || sorted;
    apply();
    sort();
  };

  heads.forEach(head => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      sorted = head.getAttribute("aria-sort") === "ascending" ? `-${head.dataset.key}` : head.dataset.key;
      sort();
      write();
    });
  });
  form.hidden = false;
  form.addEventListener("input", () => { apply(); write(); });
  form.addEventListener("submit", event => event.preventDefault());
  document.getElementById("clear").addEventListener("click", () => {
    controls.forEach(one => { one.value = ""; });
    apply();
    write();
  });
  addEventListener("hashchange", read);
  apply();
  read();
})();
