"use strict";
/* Charts. Each is drawn when it gets into view, so that a page opens at once. */

const COLORS = ["#5ea8ff", "#3fbf8a", "#e6b450", "#c586f0", "#41c7d9", "#f28f5c",
  "#9fb3c8", "#7bd15c", "#e87fb5", "#8f9bff", "#d8d35a", "#58b6a0"];
const NAMED = { failed_duration: "#f2616f", errors: "#f2616f", success: "#3fbf8a", idle_duration: "#56657a", duration: "#5ea8ff" };
const CONFIG = {
  displaylogo: false, responsive: true,
  displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,  // it covers legends
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
};

/* A colour of the page by the name of its variable. */
const theme = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

function layout(options) {
  const axis = { gridcolor: theme("line"), linecolor: theme("line"), zerolinecolor: theme("line"), automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: COLORS,
    font: { color: theme("muted"), size: 11, family: "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif" },
    margin: { l: 46, r: 12, t: 8, b: 34 }, hovermode: "x unified",
    hoverlabel: { bgcolor: theme("raised"), bordercolor: theme("line"), font: { color: theme("text") } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    bargap: 0.04, modebar: { bgcolor: "rgba(0,0,0,0)", color: theme("line"), activecolor: theme("muted") },
    ...options,
    xaxis: { ...axis, ...(options || {}).xaxis },
    yaxis: { ...axis, rangemode: "tozero", ...(options || {}).yaxis },
  };
}

/* An axis of durations has units at its ticks, not "80\u00b5" beside "0.001"; days are not kiloseconds. */
function durationAxis(values, axis) {
  const isLong = values.some((value) => value >= 1000);
  return {
    ...(isLong ? { ticksuffix: " s" } : { tickformat: "~s", ticksuffix: "s", hoverformat: ".4~s" }),
    ...axis, title: { text: "duration", ...(axis || {}).title },
  };
}

const waiting = new Map();
const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    observer.unobserve(entry.target);
    const draw = waiting.get(entry.target);
    waiting.delete(entry.target);
    draw();
  }
}, { rootMargin: "400px" });

function forgetCharts() {
  waiting.clear();
  observer.disconnect();
}

/* Paper is light and narrow: what is shown is drawn anew for it, all of it. */
function redraw(isPrinted) {
  document.documentElement.classList.toggle("print", isPrinted);
  show();
  if (!isPrinted) return;
  for (const draw of waiting.values()) draw();
  forgetCharts();
}

window.addEventListener("beforeprint", () => redraw(true));
window.addEventListener("afterprint", () => redraw(false));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(false));

/* Who cannot see a chart is told what it shows; figures are in the tables. Of ``durations`` are values of "x" or "y". */
function chart(traces, { durations, ...options } = {}) {
  if (durations) options[durations + "axis"] = durationAxis(traces.flatMap((trace) => trace[durations]), options[durations + "axis"]);
  const target = h(".chart");
  const config = traces[0].type === "pie" ? { ...CONFIG, displayModeBar: false } : CONFIG;
  waiting.set(target, () => {
    target.setAttribute("role", "img");
    target.setAttribute("aria-label", "Chart: " + titleAbove(target));
    Plotly.newPlot(target, traces, layout(options), config);
  });
  observer.observe(target);
  return target;
}

const isNarrow = () => innerWidth < 600;

/* A name in a chart, where markup would be drawn and length takes the room: as plain text, cut in the middle. */
function label(text, limit = isNarrow() ? 18 : 40) {
  const letters = Array.from(text.replace(/[\u202a-\u202e\u2066-\u2069]/g, ""));
  const cut = letters.length <= limit ? letters : [...letters.slice(0, Math.ceil(limit / 2) - 1), "\u2026", ...letters.slice(letters.length - Math.floor(limit / 2))];
  return cut.join("").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/* An axis with a line for each name, the first above; equal names stay apart. */
const namesAxis = (names) => ({
  tickvals: names.map((_, i) => i), ticktext: names.map((name) => label(name)), range: [names.length - 0.5, -0.5], rangemode: "normal", zeroline: false,
});

/* More series than a legend beside or above the chart can name. */
const MANY = 12;

const colorOf = (name, i) => NAMED[name] || COLORS[i % COLORS.length];
const hasPoints = (series) => series.some(([, points]) => points && points.length);
const empty = (text) => h(".empty", null, text || "Nothing to show.");

/* Series are [name, [[x, y], ...]]. */
function lineTraces(series, stacked) {
  return series.map(([name, points], i) => ({
    name: label(name), type: "scatter", mode: points.length === 1 ? "markers" : "lines",
    x: points.map((point) => point[0]), y: points.map((point) => point[1]),
    line: { width: 1.4, color: colorOf(name, i) }, marker: { color: colorOf(name, i) },
    ...(stacked ? { stackgroup: "one", fillcolor: colorOf(name, i) + "66" } : {}),
  }));
}

const WIDGETS = {
  StackedArea: (item) => seriesChart(item, true),
  Lines: (item) => seriesChart(item, false),
  Pie: (item) => {
    const shown = slices(item.data.filter(([, value]) => value > 0));  // equal labels would be one slice
    if (!shown.length) return empty();
    return chart([{
      type: "pie", hole: 0.58, sort: false, labels: shown.map(([name], i) => label(name, 24) + "\u200b".repeat(i)), values: shown.map(([, value]) => value),
      marker: { colors: shown.map(([name], i) => colorOf(name, i)), line: { color: theme("panel"), width: 2 } },
      textinfo: "percent", hovertemplate: "%{label}: %{value:.4~g}<extra></extra>",
    }], {
      hovermode: "closest", margin: { l: 12, r: 12, t: 26, b: 22 },
      legend: isNarrow() ? { orientation: "h", y: -0.05, yanchor: "top" } : { orientation: "v", x: 1.02, y: 0.5 },
    });
  },
  Table: (item) => plainTable(item.data),
  TextArea: (item) => h("pre", null, item.data.join("\n")),
  Histogram: (item) => histogram(item.data),
  EmbedChart: (item) => h("iframe", {
    sandbox: "allow-scripts", referrerpolicy: "no-referrer", title: item.title,
    srcdoc: item.data.embedded, src: item.data.embedded === null ? item.data.source : null,
  }),
};

/* The largest one by one, the others together. */
function slices(data) {
  if (data.length <= MANY) return data;
  const ranked = [...data].sort((a, b) => b[1] - a[1]);
  const others = ranked.slice(MANY - 1);
  return [...ranked.slice(0, MANY - 1), [count(others.length) + " more", others.reduce((sum, [, value]) => sum + value, 0)]];
}

function seriesChart(item, stacked) {
  if (!hasPoints(item.data)) return empty();
  const isMany = item.data.length > MANY;
  return chart(lineTraces(item.data, stacked), {
    xaxis: { title: { text: label(item.axis_label || ""), standoff: 6 } },
    ...(item.durations ? { durations: "y" } : { yaxis: { title: { text: label(item.label || "") } } }),
    ...(isMany ? { hovermode: "closest", showlegend: !isNarrow(), legend: { orientation: "v", x: 1.02, y: 1 } } : {}),
  });
}

/* A panel around the widget that an output chart names. */
function widget(item) {
  const draw = WIDGETS[item.widget];
  let body;
  try {
    body = draw ? draw(item) : empty("This report cannot draw a " + item.widget + ".");
  } catch (error) {
    body = empty("This chart cannot be drawn: " + error.message);
  }
  return h("section.panel", null, h("h2", null, h("bdi", null, item.title)),
    item.description ? h("p.muted", null, item.description) : null, body);
}

/* Histogram in one of its bin counts, of one of its names. */
function histogram(data) {
  if (!data.data.length || !data.data[0].length) return empty();
  const names = data.data[0].map((each) => each.key);
  const target = h();
  let [view, number] = [0, 0];
  function draw() {
    const bins = data.data[view][number].values;
    const width = bins.length > 1 ? bins[1].x - bins[0].x : 0;
    target.replaceChildren(chart([{
      type: "bar", x: bins.map((bin) => bin.x - width / 2), y: bins.map((bin) => bin.y),
      width: width > 0 ? width * 0.94 : bins[0].x / 10 || 1, marker: { color: COLORS[number % COLORS.length] },
      customdata: bins.map((bin) => [seconds(bin.x - width), seconds(bin.x)]),
      hovertemplate: "%{customdata[0]} to %{customdata[1]}: %{y}<extra></extra>",
    }], { hovermode: "closest", durations: "x", yaxis: { title: { text: "iterations" } } }));
  }
  const choice = (what, labels, set) => (labels.length < 2 ? null : h("select", {
    "aria-label": what, onchange: (event) => { set(Number(event.target.value)); draw(); },
  }, labels.map((text, i) => h("option", { value: i }, text))));
  draw();
  return h("", null, h(".controls", null,
    choice("What is shown", names, (i) => { number = i; }), choice("Number of bars", data.views.map((each) => each.name), (i) => { view = i; })), target);
}

function spark(values) {
  const found = values.filter(isNumber);
  if (found.length < 2) return "";
  const top = Math.max(...found) || 1;
  const path = values.map((value, i) =>
    (i ? "L" : "M") + ((120 * i) / (values.length - 1)).toFixed(1) + " " + (21 - (20 * (value || 0)) / top).toFixed(1)).join("");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 120 22");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "from " + seconds(found[0]) + " to " + seconds(found[found.length - 1]) + ", highest " + seconds(top));
  svg.innerHTML = '<path d="' + path + '"/>';
  return svg;
}
