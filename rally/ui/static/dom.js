"use strict";
/* Elements, numbers as text, tables. All text goes in as text, never as HTML. */

const DATA = JSON.parse(document.getElementById("data").textContent);

/* h("td.number", {title: "x"}, child, ...): an element; null children are left out */
function h(kind = "", attributes, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

function seconds(value) {
  if (!isNumber(value)) return "n/a";
  const size = Math.abs(value);  // limits are where rounding ends
  if (size === 0) return "0 s";
  if (size < 0.0009995) return (value * 1e6).toFixed(0) + " µs";
  if (size < 0.9995) return (value * 1000).toPrecision(3) + " ms";
  if (size < 119.95) return value.toFixed(size < 9.995 ? 2 : 1) + " s";
  const whole = Math.round(value);
  if (whole < 7200) return Math.floor(whole / 60) + " min " + (whole % 60) + " s";
  const minutes = Math.round(value / 60);
  return Math.floor(minutes / 60) + " h " + (minutes % 60) + " min";
}

function count(value) {
  return isNumber(value) ? value.toLocaleString("en-US") : "n/a";
}

/* How many there are of something: "1 agent", "2 agents". */
const counted = (value, noun, plural = noun + "s") => count(value) + " " + (value === 1 ? noun : plural);

function rate(value) {
  if (!isNumber(value)) return "n/a";
  return (value >= 100 ? count(Math.round(value)) : value.toPrecision(3)) + " /s";
}

function bytes(value) {
  if (!isNumber(value)) return "n/a";
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return Number((value / 1024 ** power).toPrecision(4)) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][power];
}

function percent(part, whole) {
  if (!isNumber(part) || !whole) return "n/a";
  const share = (100 * part) / whole;
  if (share > 0 && share < 0.1) return "<0.1 %";
  if (share > 99 && share < 100) return share < 99.95 ? share.toFixed(1) + " %" : ">99.9 %";
  return share.toFixed(share < 10 ? 1 : 0) + " %";
}

/* A value of any form in one line: {a: 1, b: {c: 2}} is "a 1 · b.c 2". */
function brief(value, path = "") {
  if (value === null || typeof value !== "object") return (path ? path + " " : "") + value;
  if (Array.isArray(value)) return (path ? path + " " : "") + JSON.stringify(value);
  return Object.entries(value)
    .map(([key, inner]) => brief(inner, path ? path + "." + key : key)).join(" · ");
}

/* A name that others have chosen: long ones break anywhere, and its direction stays its own. */
const named = (text) => h("bdi.name", null, text);

/* The first of many, and how many more there are. */
function firstOf(items, limit, draw) {
  return [items.slice(0, limit).map(draw), items.length > limit ? h("li", null, count(items.length - limit) + " more.") : null];
}

const namesText = (names, limit = 20) => names.slice(0, limit).join(", ") + (names.length > limit ? " and " + count(names.length - limit) + " more" : "");

function cell(value) {
  if (value instanceof Node) return h("td", null, value);
  if (isNumber(value)) return h("td.number", null, String(value));
  return h("td", null, value === null || value === undefined ? "n/a" : String(value));
}

/* More rows than these scroll in themselves, below their heads. */
const TALL = 40;

/* More columns than these have to break words where they have to fit. */
const WIDE = 12;

/* A table that scrolls where it is too wide, by keys, too. */
function scrolling(table, rowCount) {
  const isWide = table.querySelector("tr").children.length > WIDE;
  const box = h(".scroll" + (rowCount > TALL ? ".tall" : "") + (isWide ? ".wide" : ""), null, table);
  overflowing.observe(box);
  overflowing.observe(table);
  return box;
}

const overflowing = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const box = target.closest(".scroll");
    if (!box) continue;
    if (box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight) {
      ["tabindex", "role", "aria-label"].forEach((name) => box.removeAttribute(name));
      continue;
    }
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Table: " + titleAbove(box));
  }
});

function titleAbove(element) {
  const section = element.closest(".panel");
  return section && section.querySelector("h2") ? section.querySelector("h2").textContent : document.title;
}

/* Columns are {title, value(row), show(row), number}; the button in a head sorts by value. */
function sortableTable(columns, rows, onRow) {
  const body = h("tbody");
  const heads = columns.map((column) => h("th" + (column.number ? ".number" : ""), { scope: "col" },
    column.value ? h("button.sort", { type: "button", title: "Sort by this", onclick: () => sortBy(column) }, column.title) : column.title));
  let order = null;
  function fill(list) {
    body.replaceChildren(...list.map((row) => h(
      onRow ? "tr.link" : "tr", onRow ? { onclick: () => onRow(row) } : null,
      columns.map((column) => h(
        "td" + (column.number ? ".number" : ""), null,
        column.show ? column.show(row) : String(column.value(row)))))));
  }
  function sortBy(column) {
    const down = order && order.column === column ? !order.down : Boolean(column.number);
    order = { column, down };
    const rank = (row) => {
      const value = column.value(row);
      return value === null || value === undefined ? -Infinity : value;
    };
    const sorted = [...rows].sort((a, b) => {
      const [x, y] = [rank(a), rank(b)];
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[columns.indexOf(column)].setAttribute("aria-sort", down ? "descending" : "ascending");
    fill(sorted);
  }
  fill(rows);
  return scrolling(h("table", null, h("thead", null, h("tr", null, heads)), body), rows.length);
}

/* A table of {cols, rows, styles}, as Rally's table charts give it. */
function plainTable(table) {
  const styles = table.styles || {};
  const isNumeric = (i) => table.rows.length > 0 && table.rows.every((row) => isNumber(row[i]) || /^(n\/a|[\d.]+%)$/.test(row[i]));
  const numeric = table.cols.map((_, i) => isNumeric(i));
  return scrolling(h("table", null,
    h("thead", null, h("tr", null, table.cols.map((title, i) => h(numeric[i] ? "th.number" : "th", { scope: "col" }, title)))),
    h("tbody", null, table.rows.map((row, number) => h(
      "tr" + (styles[number] ? "." + styles[number] : ""), null,
      row.map((value, i) => {
        const td = cell(i === 0 && !numeric[i] ? named(String(value ?? "n/a")) : value);
        if (numeric[i]) td.classList.add("number");
        return td;
      }))))), table.rows.length);
}

function panel(title, ...children) {
  return h("section.panel", null, title ? h("h2", null, title) : null, children);
}

function figures(pairs) {
  return h(".figures", null, pairs.map(([name, text, kind]) =>
    h(".figure", null, h("b" + (kind ? "." + kind : ""), null, text), h("span", null, name))));
}

/* A choice by name; calls draw(target, item) for the chosen one. */
function chooser(what, items, label, draw, selected = 0) {
  const target = h();
  const select = h("select", { "aria-label": what, onchange: () => show(Number(select.value)) },
    items.map((item, i) => h("option", { value: i }, label(item, i))));
  function show(i) {
    target.replaceChildren();
    draw(target, items[i], i);
  }
  select.value = String(selected);
  if (items.length) show(selected);
  return [items.length > 1 ? h(".controls", null, select) : null, target];
}

const LINE = "M2 15l4-7 4 4 4-9 4 12";
const CHECK = "M3 11l4 5 10-12";

function logo(path) {
  const svg = h();
  svg.innerHTML = '<svg viewBox="0 0 20 20" aria-hidden="true" fill="none" stroke="#5ea8ff" stroke-width="2" stroke-linecap="round"><path d="' + path + '"/></svg>';
  return svg.firstChild;
}

/* An entry of the navigation; *state* is what the dot means: [kind, text]. */
function entry(href, text, isCurrent = false, state = null) {
  const [kind, meaning] = state || [];
  return h("a" + (isCurrent ? ".active" : ""), { href, title: text, "aria-current": isCurrent ? "page" : null },
    h("span.dot" + (kind ? "." + kind : ""), meaning ? { role: "img", "aria-label": meaning } : { "aria-hidden": "true" }), h("bdi", null, text));
}

/* The frame of every page: what skips the navigation, the navigation, the content. */
function frame(brand, path, entries, content) {
  const main = h("main", { id: "main", tabindex: -1 }, content);
  const menu = h("button.menu", { type: "button", "aria-expanded": "false", "aria-controls": "places", onclick: () => {
    menu.setAttribute("aria-expanded", String(places.classList.toggle("open")));
  } }, "Contents");
  const places = h(".places", { id: "places" }, entries);
  const skip = h("a.skip", { href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, "Skip to the content");
  document.getElementById("app").replaceChildren(skip, h(".frame", null,
    h("nav.side", { "aria-label": "Contents" }, h(".brand", null, logo(path), brand, menu), places), main));
}

/* Show each place that links lead to, and begin to read there. */
function route(show) {
  const name = document.title;
  function title() {
    const head = document.querySelector("main h1");
    const isFirst = location.hash.length < 3 || !head;
    document.title = isFirst ? name : head.textContent + " - " + name;
  }
  window.addEventListener("hashchange", () => {
    show();
    title();
    document.getElementById("main").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  });
  show();
  title();
}
