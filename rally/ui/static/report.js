"use strict";
/* The frame of the report: overview, navigation, notices. */

const WORKLOADS = DATA.workloads;

function overviewPage() {
  const finals = DATA.tasks.map((task) => h(".head", null,
    h("h1", null, h("bdi", null, task.title || "Task report")), badge(...taskVerdict(task)),
    h("span.muted", null, ["task " + task.uuid, task.env_name && ["environment ", named(task.env_name)], task.created_at && "started " + task.created_at + " UTC",
      task.tags.length && ["tags ", task.tags.map((tag, i) => [i ? ", " : "", named(tag)])]].filter(Boolean).map((part, i) => [i ? " · " : "", part]))));
  return [
    finals, reasons(WORKLOADS),
    DATA.tasks.length === 1 && DATA.tasks[0].description ? h("p.muted", null, DATA.tasks[0].description) : null,
    WORKLOADS.length ? panel("Workloads", overviewTable()) : panel("", empty("No workload has run.")),
    WORKLOADS.length > 1 ? panel("Durations: p50, p95 and p99 of each workload", workloadsChart()) : null,
    h("p.muted", null, "Made by Rally " + DATA.generator.version + " at " + DATA.generator.generated_at + ". Click the head of a column to sort by it."),
  ];
}

function overviewTable() {
  const number = (title, value, show) => ({ title, number: true, value, show: (row) => show(value(row)) });
  const passed = (row) => row.sla.filter((each) => each.success).length;
  return sortableTable([
    { title: "Scenario", value: title, show: (row) => h("a", { href: linkTo(row) }, named(title(row))) },
    { title: "Verdict", value: (row) => verdict(row)[1], show: (row) => [badge(...verdict(row)), generatorBadge(row)] },
    number("Iterations", (row) => row.iterations_count, count),
    { title: "Failures", number: true, value: (row) => row.failed_count, show: failuresCell },
    number("p50", (row) => row.percentiles["50"], seconds),
    number("p95", (row) => row.percentiles["95"], seconds),
    number("p99", (row) => row.percentiles["99"], seconds),
    { title: "p50 over time", show: (row) => spark(row.timeline.p50) },
    number("Rate", achievedRate, rate),
    number("Load", (row) => row.load_duration, seconds),
    { title: "SLA", number: true, value: (row) => passed(row) - row.sla.length, show: (row) => (row.sla.length ? passed(row) + "/" + row.sla.length : "none") },
    { title: "Runner", value: runnerText, show: (row) => h("span.muted.config", { title: runnerText(row) }, runnerText(row)) },
  ], WORKLOADS, (row) => { location.hash = linkTo(row); });
}

const MOST_DRAWN = 60;

/* A line from p50 to p99 for each workload; of too many those with the longest. */
function workloadsChart() {
  const all = WORKLOADS.filter((workload) => isNumber(workload.percentiles["99"]));
  const longest = new Set([...all].sort((a, b) => b.percentiles["99"] - a.percentiles["99"]).slice(0, MOST_DRAWN));
  const drawn = all.filter((workload) => longest.has(workload));
  if (!drawn.length) return empty("No iteration has a duration.");
  return [all.length > drawn.length ? h("p.muted", null, "The " + drawn.length + " of " + count(all.length) + " with the longest p99.") : null, percentilesChart(drawn)];
}

function percentilesChart(drawn) {
  const at = drawn.map((_, i) => i);
  const all = drawn.flatMap((workload) => ["50", "95", "99"].map((key) => workload.percentiles[key]));
  const isWide = Math.min(...all) > 0 && Math.max(...all) > 20 * Math.min(...all);
  const dots = (key, color) => ({
    name: "p" + key, type: "scatter", mode: "markers", x: drawn.map((workload) => workload.percentiles[key]), y: at,
    marker: { size: 9, color }, text: drawn.map((workload) => label(title(workload), 80) + " p" + key + ": " + seconds(workload.percentiles[key])), hoverinfo: "text",
  });
  const lines = {
    type: "scatter", mode: "lines", showlegend: false, hoverinfo: "skip", line: { color: theme("line"), width: 4 },
    x: drawn.flatMap((workload) => [workload.percentiles["50"], workload.percentiles["99"], null]), y: at.flatMap((i) => [i, i, null]),
  };
  const target = chart([lines, dots("50", "#5ea8ff"), dots("95", "#e6b450"), dots("99", "#f28f5c")], {
    hovermode: "closest", durations: "x",
    xaxis: { type: isWide ? "log" : "linear", rangemode: "tozero", ...(isWide ? { dtick: 1, title: { text: "duration, " + (isNarrow() ? "logarithmic" : "each line is ten times as long") } } : {}) },
    yaxis: namesAxis(drawn.map(title)),
  });
  target.style.height = 120 + 30 * drawn.length + "px";
  return target;
}

function failuresCell(workload) {
  const lost = lostCount(workload);
  return [
    workload.failed_count ? h("span.bad", null, count(workload.failed_count)) : "0",
    lost ? h("span.bad", null, " + " + count(lost) + " lost") : null,
  ];
}

function generatorBadge(workload) {
  const limited = workload.load_info.generator_limited || [];
  return limited.length ? h("span.badge.warn", { title: "The load was limited by " + limited.join(", ") }, "generator") : null;
}

const badge = (kind, text) => h("span.badge." + kind, null, text);
const title = (workload) => workload.cls + (workload.name ? "." + workload.name : "");
const runnerText = (workload) => [workload.runner, brief(workload.runner_config).replaceAll("runner.", "")].filter(Boolean).join(" · ");
const linkTo = (workload, tab = "overview") => "#/" + WORKLOADS.indexOf(workload) + "/" + tab;

function taskVerdict(task) {
  if (!task.is_final) return ["warn", task.status];
  return [task.status === "finished" && task.pass_sla !== false ? "good" : "bad",
    task.status + (task.pass_sla === false ? ", SLA failed" : "")];
}

function workloadPage(workload, tabName) {
  const tabs = tabsOf(workload);
  const [name, , draw] = tabs.find((tab) => tab[0] === tabName) || tabs[0];
  return [
    h(".head", null, h("h1", null, h("bdi", null, title(workload))), badge(...verdict(workload)), h("span.muted", null, runnerText(workload))),
    workload.description ? h("p.muted", null, workload.description) : null,
    h("nav.tabs", { "aria-label": "Parts of this workload" }, tabs.map(([key, label, , number, kind]) => h("a" + (key === name ? ".active" : ""), { href: linkTo(workload, key), "aria-current": key === name ? "page" : null },
      label, number ? h("i" + (kind ? "." + kind : ""), null, String(number)) : null))),
    draw(workload),
  ];
}

function partialNotice() {
  const open = DATA.tasks.filter((task) => !task.is_final);
  if (!open.length) return null;
  return h("p.notice", { role: "status" }, "Partial: the task is still running (status " + open.map((task) => task.status).join(", ")
    + "). This is what was stored until " + DATA.generator.generated_at + "; make the report again for more.");
}

function contentsOf(current) {
  const groups = [...new Set(WORKLOADS.map((workload) => workload.cls))];
  return [
    entry("#/", "All workloads", current === null), entry("#/source", "Input task", current === "source"),
    groups.map((group) => [h(".group", null, h("bdi", null, group)), WORKLOADS.filter((workload) => workload.cls === group).map(
      (workload) => entry(linkTo(workload), workload.name || workload.cls, current === workload, verdict(workload)))]),
  ];
}

function show() {
  forgetCharts();
  const [, place = "", tab = "overview"] = location.hash.split("/");
  const workload = WORKLOADS[place === "" ? -1 : Number(place)];
  const isSource = place === "source";
  let content;
  if (workload) content = workloadPage(workload, tab);
  else if (isSource) content = [h(".head", null, h("h1", null, "Input task")), panel("Task file that runs everything again", h("pre", null, DATA.source))];
  else content = overviewPage();
  frame("Rally report", LINE, contentsOf(workload || (isSource ? "source" : null)), [partialNotice(), content]);
}

route(show);
