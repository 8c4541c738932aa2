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
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 0.001) return (value * 1e6).toFixed(0) + " µs";
  if (size < 1) return (value * 1000).toPrecision(3) + " ms";
  if (size < 120) return value.toFixed(size < 10 ? 2 : 1) + " s";
  const minutes = Math.floor(value / 60);
  if (minutes < 120) return minutes + " min " + (value % 60).toFixed(0) + " s";
  return Math.floor(minutes / 60) + " h " + (minutes % 60) + " min";
}

function count(value) {
  return isNumber(value) ? value.toLocaleString("en-US") : "n/a";
}

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
  return (share > 0 && share < 0.1 ? "<0.1" : share.toFixed(share < 10 ? 1 : 0)) + " %";
}

/* A value of any form in one line: {a: 1, b: {c: 2}} is "a 1 · b.c 2". */
function brief(value, path = "") {
  if (value === null || typeof value !== "object") return (path ? path + " " : "") + value;
  if (Array.isArray(value)) return (path ? path + " " : "") + JSON.stringify(value);
  return Object.entries(value)
    .map(([key, inner]) => brief(inner, path ? path + "." + key : key)).join(" · ");
}

function cell(value) {
  if (value instanceof Node) return h("td", null, value);
  if (isNumber(value)) return h("td.number", null, String(value));
  return h("td", null, value === null || value === undefined ? "n/a" : String(value));
}

/* Columns are {title, value(row), show(row), number}; each click sorts by value. */
function sortableTable(columns, rows, onRow) {
  const body = h("tbody");
  const heads = columns.map((column) => h(
    "th.sortable" + (column.number ? ".number" : ""),
    { onclick: () => sortBy(column), tabindex: 0, onkeydown: (e) => e.key === "Enter" && sortBy(column) },
    column.title));
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
  return h(".scroll", null, h("table", null, h("thead", null, h("tr", null, heads)), body));
}

/* A table of {cols, rows, styles}, as Rally's table charts give it. */
function plainTable(table) {
  const styles = table.styles || {};
  const isNumeric = (i) => table.rows.length > 0 && table.rows.every((row) => isNumber(row[i]) || /^(n\/a|[\d.]+%)$/.test(row[i]));
  const numeric = table.cols.map((_, i) => isNumeric(i));
  return h(".scroll", null, h("table", null,
    h("thead", null, h("tr", null, table.cols.map((title, i) => h(numeric[i] ? "th.number" : "th", null, title)))),
    h("tbody", null, table.rows.map((row, number) => h(
      "tr" + (styles[number] ? "." + styles[number] : ""), null,
      row.map((value, i) => {
        const td = cell(value);
        if (i === 0) td.classList.add("name");
        if (numeric[i]) td.classList.add("number");
        return td;
      }))))));
}

function panel(title, ...children) {
  return h("section.panel", null, title ? h("h2", null, title) : null, children);
}

function figures(pairs) {
  return h(".figures", null, pairs.map(([name, text, kind]) =>
    h(".figure", null, h("b" + (kind ? "." + kind : ""), null, text), h("span", null, name))));
}

/* Buttons of a choice; calls draw(target, item) for the chosen one. */
function chooser(items, label, draw, selected = 0) {
  const target = h();
  const select = h("select", { "aria-label": "choose", onchange: () => show(Number(select.value)) },
    items.map((item, i) => h("option", { value: i }, label(item, i))));
  function show(i) {
    target.replaceChildren();
    draw(target, items[i], i);
  }
  select.value = String(selected);
  if (items.length) show(selected);
  return [items.length > 1 ? h(".controls", null, select) : null, target];
}
