"use strict";
/* The tabs of a workload's page. */

const TIME_AXIS = { title: { text: "seconds since the first iteration" } };

function verdict(workload) {
  if (!workload.is_final && workload.sla_success) return ["warn", "running"];
  if (!workload.sla_success) return ["bad", "failed"];
  if (!workload.iterations_count) return ["warn", "no results"];
  if (workload.sla.some((each) => each.is_vacuous)) return ["warn", "passed, in part unjudged"];
  return ["good", "passed"];
}

const achievedRate = (workload) => (isNumber(workload.load_info.achieved_rate)
  ? workload.load_info.achieved_rate
  : workload.load_duration > 0 ? workload.iterations_count / workload.load_duration : null);

const lostCount = (workload) => (workload.load_info.lost || []).reduce((sum, each) => sum + each.count, 0);

/* Why the statistics do not have a row for each action. */
function othersNotice(others) {
  if (!others) return null;
  return h("p.notice", null, (others.is_exact ? "" : "About ") + count(others.names) + " names of atomic actions, such as " + others.examples.join(", ") +
    ", have no rows of their own and are counted together as <other actions>. Put ids into the arguments or the output of a scenario, not into the name of an action.");
}

function overviewTab(workload) {
  const p = workload.percentiles;
  const lost = lostCount(workload);
  const line = workload.timeline;
  return [
    reasons([workload]), generatorNotice(workload.load_info),
    figures([
      ["iterations", count(workload.iterations_count)],
      ["failures", count(workload.failed_count), workload.failed_count ? "bad" : "good"],
      ...(lost ? [["lost", count(lost), "bad"]] : []),
      ["p50", seconds(p["50"])], ["p95", seconds(p["95"])], ["p99", seconds(p["99"])], ["max", seconds(p.max)],
      ["achieved rate", rate(achievedRate(workload))],
      ...(workload.load_info.traffic ? [["sent", bytes(workload.load_info.traffic.sent_bytes)], ["received", bytes(workload.load_info.traffic.received_bytes)]] : []),
      ["load", seconds(workload.load_duration)], ["with contexts", seconds(workload.full_duration)],
    ]),
    workload.sla.length ? panel("SLA", slaTable(workload.sla)) : null,
    othersNotice(workload.load_info.other_actions),
    panel("Durations in seconds", workload.table.rows.length ? plainTable(workload.table) : empty("No statistics yet.")),
    h(".columns", null,
      panel("Durations over time", line.at.length ? durationsOverTime(line) : empty()),
      panel("Iterations per second", line.at.length ? rateOverTime(workload) : empty()),
      workload.load_info.traffic ? panel("HTTP: bytes per second", trafficOverTime(workload)) : null,
      panel("Load profile: iterations running at once", loadProfile(workload)),
      panel("Distribution of durations", histogram(workload.iterations.histogram))),
    panel("Iterations in the order of their start", seriesChart(
      { data: workload.iterations.iter.filter(isNotIdle), axis_label: "iteration", durations: true }, true)),
  ];
}

/* A scenario that never sleeps has no idle time, which would be an edge on top of its durations. */
const isNotIdle = ([name, points]) => name !== "idle_duration" || points.some(([, value]) => value > 0);

/* Why the verdict is what it is: criteria that failed, or hold for nothing. */
function reasons(workloads) {
  const criteria = workloads.flatMap((workload) => workload.sla.map((each) => ({ ...each, workload })));
  const name = (each) => [workloads.length > 1 ? [named(title(each.workload)), ": "] : null, each.criterion];
  const told = (kind, head, some) => (some.length ? h(".notice" + kind, null, h("b", null, head),
    h("ul", null, firstOf(some, 20, (each) => h("li", null, h("a", { href: linkTo(each.workload) }, name(each)), h("pre", null, each.detail))))) : null);
  return [
    told(".bad", "Failed, because of:", criteria.filter((each) => !each.success)),
    told("", "Passed, but had nothing to judge:", criteria.filter((each) => each.is_vacuous)),
  ];
}

const STATUSES = { failed: ["bad", "failed"], passed: ["good", "passed"], vacuous: ["warn", "passed: nothing to judge"] };
const statusOf = (criterion) => STATUSES[!criterion.success ? "failed" : criterion.is_vacuous ? "vacuous" : "passed"];

function slaTable(criteria) {
  return scrolling(h("table", null,
    h("thead", null, h("tr", null, ["Criterion", "Detail", "Status"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", null, criteria.map((each) => h("tr", null, h("td", null, each.criterion), h("td", null, h("pre", null, each.detail)),
      h("td", null, h("span.badge." + statusOf(each)[0], null, statusOf(each)[1])))))));
}

function durationsOverTime(line) {
  const trace = (name, color, extra) => ({ name, x: line.at, y: line[name], type: "scatter", mode: "lines", line: { width: 1.4, color, shape: "hv" }, ...extra });
  return chart([
    trace("max", "#7b8898", { line: { width: 1, color: "#7b8898", dash: "dot", shape: "hv" }, visible: "legendonly" }),
    trace("p99", "#f28f5c"), trace("p95", "#e6b450"), trace("p50", "#5ea8ff", { fill: "tozeroy", fillcolor: "#5ea8ff22" }),
  ], { xaxis: TIME_AXIS, durations: "y" });
}

function rateOverTime(workload) {
  const line = workload.timeline;
  const bars = (name, y, color) => ({ name, type: "bar", x: line.at, y, offset: 0, width: line.step_s, marker: { color } });
  const traces = [
    bars("succeeded", line.count.map((n, i) => (n - line.failed[i]) / line.step_s), "#3fbf8a"),
    bars("failed", line.failed.map((n) => n / line.step_s), "#f2616f"),
  ];
  const offered = workload.load_info.offered_rate;
  if (isNumber(offered)) {
    const end = line.at[line.at.length - 1] + line.step_s;
    traces.push({ name: "offered", x: [0, end], y: [offered, offered], mode: "lines", line: { color: "#e6b450", dash: "dash", width: 1.4 } });
  }
  return chart(traces, {
    barmode: "stack", bargap: 0, xaxis: TIME_AXIS, yaxis: { title: { text: "started per second" } },
  });
}

/* Points are sums so far: what came between two of them is the rate there. */
function trafficOverTime(workload) {
  const points = workload.load_info.traffic.history;
  const slope = (before, point, column) => (point[column] - before[column]) / (point[0] - before[0]);
  const trace = (name, column, color) => ({
    name, type: "scatter", mode: "lines", line: { width: 1.4, color, shape: "vh" }, x: points.map(([at]) => at - points[0][0]),
    y: [0, ...points.slice(1).map((point, i) => slope(points[i], point, column))],
  });
  return chart([trace("received", 2, "#5ea8ff"), trace("sent", 1, "#e6b450")],
    { xaxis: TIME_AXIS, yaxis: { title: { text: "bytes per second" } } });
}

function loadProfile(workload) {
  return seriesChart({ data: workload.load_profile, axis_label: "seconds since the first iteration", label: "iterations" }, true);
}

function detailsTab(workload) {
  const atomic = workload.atomic;
  return [
    panel("Actions, iteration by iteration", seriesChart({ data: atomic.iter, axis_label: "iteration", durations: true }, true)),
    h(".columns", null,
      panel("Mean seconds of each action", WIDGETS.Pie({ data: atomic.pie })),
      panel("Distribution of durations of an action", histogram(atomic.histogram)),
      panel("Iterations", WIDGETS.Pie({ data: workload.iterations.pie }))),
    workload.contexts_results.length ? panel("Contexts", contextsTable(workload.contexts_results)) : null,
  ];
}

function contextsTable(results) {
  const spent = (phase) => (phase && isNumber(phase.finished_at) ? phase.finished_at - phase.started_at : null);
  const state = (phase) => (!phase ? "n/a" : phase.error ? h("span.bad", null, brief(phase.error)) : seconds(spent(phase)));
  return sortableTable([
    { title: "Context", value: (row) => row.plugin_name },
    { title: "Config", value: (row) => brief(row.plugin_cfg), show: (row) => h("span.mono", null, brief(row.plugin_cfg)) },
    { title: "Setup", value: (row) => spent(row.setup), show: (row) => state(row.setup) },
    { title: "Cleanup", value: (row) => spent(row.cleanup), show: (row) => state(row.cleanup) },
  ], results);
}

function outputTab(workload) {
  const numbers = workload.complete_numbers;
  return [
    workload.output_errors.length ? panel("Output that cannot be shown", h("ul", null, workload.output_errors.map(
      ([number, message]) => h("li", null, (number ? "iteration " + number + ": " : "") + message)))) : null,
    workload.additive_output.length ? h("h2", null, "Over all iterations") : null,
    h(".columns", null, workload.additive_output.map(widget)),
    numbers.length ? [
      h("h2", null, "Per iteration"),
      workload.complete_count > numbers.length ? h("p.muted", null, "The first " + count(numbers.length) + " of "
        + count(workload.complete_count) + " iterations with such output; all are in the JSON report.") : null,
      chooser("Iteration", workload.complete_output, (_, i) => "iteration " + numbers[i],
        (target, items) => target.append(h(".columns", null, items.map(widget)))),
    ] : null,
  ];
}

function hooksTab(workload) {
  const clock = (time) => (isNumber(time) ? new Date(time * 1000).toISOString().replace("T", " ").slice(0, 23) : "n/a");
  return workload.hooks.map((hook) => [
    panel(hook.name + (hook.desc ? ": " + hook.desc : ""),
      hook.complete.length ? null : empty("This hook was not triggered."),
      hook.complete.map((result) => h("details", { open: result.status !== "success" ? "" : null },
        h("summary", null, h("span.badge." + (result.status === "success" ? "good" : "bad"), null, result.status), " ",
          result.triggered_by, h("span.muted", null, "  " + clock(result.started_at) + " to " + clock(result.finished_at))),
        result.error.length ? h("pre.bad", null, result.error.join("\n")) : null,
        result.charts.map(widget)))),
    h(".columns", null, hook.additive.map(widget)),
  ]);
}

function failuresTab(workload) {
  const { kinds, other_kinds: others, count: total } = workload.failures;
  const shown = workload.errors.length;
  return [
    panel("Kinds of failure", sortableTable([
      { title: "Count", number: true, value: (row) => row.count, show: (row) => count(row.count) },
      { title: "Share", number: true, value: (row) => row.count, show: (row) => percent(row.count, total) },
      { title: "First in iteration", number: true, value: (row) => row.iteration, show: (row) => count(row.iteration) },
      { title: "Type", value: (row) => row.type },
      { title: "Message", value: (row) => row.pattern, show: kindText },
    ], kinds), others ? h("p.muted", null, counted(others, "failure is", "failures are") + " of further kinds.") : null),
    panel("Failed iterations" + (shown < total ? ": the first " + count(shown) + " of " + count(total) : ""), sortableTable([
      { title: "Iteration", number: true, value: (row) => row.iteration, show: (row) => count(row.iteration) },
      { title: "Started (UTC)", value: (row) => row.timestamp, show: (row) => h("span.mono", null, row.timestamp) },
      { title: "Type", value: (row) => row.type },
      { title: "Message", value: (row) => row.message, show: (row) => failureText(row) },
    ], workload.errors)),
  ];
}

/* What the messages of a kind have in common; below, some of them. */
function kindText(row) {
  const differ = row.examples.some((example) => example !== row.pattern);
  return h("details", null, h("summary", null, row.pattern || "(no message)"),
    differ ? h("ul", null, row.examples.map((example) => h("li", null, h("pre", null, example)))) : null,
    row.traceback ? h("pre", null, row.traceback) : null);
}

function failureText(row) {
  if (!row.traceback) return h("pre", null, row.message);
  return h("details", null, h("summary", null, row.message || "(no message)"), h("pre", null, row.traceback));
}

function inputTab(workload) {
  return [panel("Task file that runs this workload alone", h("pre", null, workload.config))];
}

function tabsOf(workload) {
  const info = workload.load_info;
  return [
    ["overview", "Overview", overviewTab],
    Object.keys(info).length ? ["distributed", (info.agents || []).length ? "Distributed" : "Load", distributedTab, (info.agents || []).length] : null,
    ["details", "Details", detailsTab],
    workload.has_output || workload.output_errors.length ? ["output", "Scenario data", outputTab] : null,
    workload.hooks.length ? ["hooks", "Hooks", hooksTab, workload.hooks.length] : null,
    workload.failed_count ? ["failures", "Failures", failuresTab, count(workload.failed_count), "bad"] : null,
    ["input", "Input task", inputTab],
  ].filter(Boolean);
}
