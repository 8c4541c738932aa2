"use strict";
/* How equal workloads did from task to task. */

const GROUPS = DATA.trends;

function trendsOverview() {
  const number = (title, value, show) => ({ title, number: true, value, show: (row) => show(value(row)) });
  return [
    h(".head", null, h("h1", null, "Trends"), h("span.muted", null, counted(DATA.tasks.length, "task"))),
    GROUPS.length ? panel("Workloads of equal configuration", sortableTable([
      { title: "Scenario", value: (row) => row.name, show: (row) => h("a", { href: linkTo(row) }, named(row.name)) },
      number("Runs", (row) => row.length, count),
      { title: "SLA failures", number: true, value: (row) => row.sla_failures, show: (row) => h(row.sla_failures ? "span.bad" : "span", null, count(row.sla_failures)) },
      number("Min", (row) => row.stat.min, seconds), number("Mean", (row) => row.stat.avg, seconds), number("Max", (row) => row.stat.max, seconds),
      { title: "Mean over time", show: (row) => spark(valuesOf(row.durations, "avg")) },
    ], GROUPS, (row) => { location.hash = linkTo(row); })) : panel("", empty("No workload has run.")),
    panel("Tasks", sortableTable([
      { title: "Task", value: (row) => row.uuid, show: (row) => h("span.mono", null, row.uuid) },
      { title: "Title", value: (row) => row.title, show: (row) => named(row.title) }, { title: "Started", value: (row) => row.created_at }, { title: "Status", value: (row) => row.status },
    ], DATA.tasks)),
    h("p.muted", null, "Made by Rally " + DATA.generator.version + " at " + DATA.generator.generated_at + "."),
  ];
}

const linkTo = (group) => "#/" + GROUPS.indexOf(group);
const valuesOf = (series, name) => (series.find(([key]) => key === name) || [name, []])[1].map((point) => point[1]);

function over(series, options) {
  if (!hasPoints(series)) return empty();
  const traces = lineTraces(series, false).map((trace) => ({
    ...trace, mode: "lines+markers", x: trace.x.map((time) => new Date(time)), marker: { ...trace.marker, size: 5 },
  }));
  return chart(traces, { xaxis: { type: "date" }, ...options });
}

function groupPage(group) {
  const both = (name, each) => h(".columns", null,
    panel(name + ": durations", over(each.durations, { durations: "y" })),
    panel(name + ": success", over(each.success, { yaxis: { title: { text: "percent" }, range: [0, 105] } })));
  return [
    h(".head", null, h("h1", null, h("bdi", null, group.name)), h("span.muted", null, group.length + " runs")),
    group.length < 2 ? h("p.notice", null, "There is one run of this workload only; a trend takes two or more.") : null,
    both("Iterations", group), group.actions.map((action) => both(action.name, action)),
    group.actions_left_out ? h("p.notice", null, "Left out: " + counted(group.actions_left_out, "more name") + " of actions that fewer runs have.") : null,
    panel("Task file that runs this workload", h("pre", null, group.config)),
  ];
}

function show() {
  forgetCharts();
  const place = location.hash.split("/")[1] || "";
  const group = GROUPS[place === "" ? -1 : Number(place)];
  frame("Rally trends", LINE, [
    entry("#/", "All workloads", !group),
    GROUPS.map((each) => entry(linkTo(each), each.name, each === group, each.sla_failures ? ["bad", "SLA failures"] : ["good", "no SLA failures"])),
  ], group ? groupPage(group) : trendsOverview());
}

route(show);
