"use strict";
/* What is known of the load itself: agents, lost iterations, clocks, rates. */

function distributedTab(workload) {
  const info = workload.load_info;
  const agents = info.agents || [];
  const lost = lostCount(workload);
  const problems = info.problems || [];
  return [
    figures([
      ["asked for", isNumber(info.asked) ? count(info.asked) : "no limit"],
      ["stored", count(info.stored)], ["lost", count(lost), lost ? "bad" : "good"],
      ["offered", rate(info.offered_rate)], ["achieved", rate(info.achieved_rate), rateKind(info)],
      ...(info.response ? [["response time p99", seconds(info.response.p99)]] : []),
      ...(info.lag ? [["start lag p99", seconds(info.lag.p99)], ["start lag max", seconds(info.lag.max)]] : []),
      ...(isNumber(info.start_spread_s) ? [["agents began within", seconds(info.start_spread_s), (info.late_agents || []).length ? "warn" : "good"]] : []),
      ...(isNumber(info.stop_latency_s) ? [["stop to last start", seconds(info.stop_latency_s)]] : []),
    ]),
    (info.late_agents || []).length ? h("p.notice", null, "More than 20 ms later than the first agent began: " + namesText(info.late_agents) + ".") : null,
    standingOut(info),
    problems.length ? panel("Problems", h("ul", null, firstOf(problems, 20, (text) => h("li.warn", null, text)))) : null,
    info.generator_limited ? generatorPanel(info) : null,
    (info.by_label || []).length ? panel("Agents by label", groupsTable(info.by_label)) : null,
    agents.length ? panel("Agents", agentsTable(agents)) : null,
    lost ? panel("Lost iterations", lostTable(info.lost)) : null,
    h(".columns", null,
      panel("Offered and achieved rate", workload.timeline.at.length ? rateOverTime(workload) : empty()),
      agents.length ? panel("Durations by agent", durationsByAgent(agents)) : null,
      agents.length ? panel("Clock offset, with its error bound", clockOffsets(agents)) : null,
      panel("Counters", countersTable(info.counters || {})),
      info.lag ? panel("Start lag: how late iterations started", timesTable("Start lag", info.lag)) : null,
      info.response ? panel("Response time: from the due moment to the end", timesTable("Response time", info.response)) : null),
  ];
}

/* Agents that measure otherwise than the others, beyond chance. */
function standingOut(info) {
  const odd = info.odd_agents || [];
  if (!odd.length) return null;
  return h(".notice", null, h("b", null, "Some agents measure otherwise than the others, beyond chance."),
    h("ul", null, firstOf(odd, 20, (agent) => h("li", null, h("b", null, agent.name), ": one of its iterations is "
      + (agent.effect > 0 ? "slower" : "faster") + " than one of a typical agent with a probability of "
      + percent(0.5 + Math.abs(agent.effect), 1) + "."))));
}

function groupsTable(groups) {
  const total = {};
  for (const group of groups) total[group.label] = (total[group.label] || 0) + group.iterations;
  const number = (title, key, show) => ({ title, number: true, value: (row) => row[key], show: (row) => show(row[key]) });
  return sortableTable([
    { title: "Label", value: (row) => row.label + "=" + row.value, show: (row) => h("b.name", null, row.label + "=" + row.value) },
    number("Agents", "agents", count),
    { title: "Iterations", number: true, value: (row) => row.iterations, show: (row) => [count(row.iterations), bar(row.iterations, total[row.label])] },
    number("Failed", "failed", count), number("Lost", "lost", (value) => (value ? h("span.bad", null, count(value)) : count(value))),
    number("p50", "p50", seconds), number("p95", "p95", seconds), number("p99", "p99", seconds),
  ], groups);
}

function rateKind(info) {
  if (!isNumber(info.offered_rate) || !isNumber(info.achieved_rate)) return "";
  return info.achieved_rate >= 0.95 * info.offered_rate ? "good" : "warn";
}

/* [name, facts] of each host that made load. */
function generators(info) {
  if (info.generator) return [["local", info.generator]];
  return (info.agents || []).filter((agent) => agent.generator).map((agent) => [agent.name, agent.generator]);
}

function generatorNotice(info) {
  const limited = info.generator_limited || [];
  if (!limited.length) return null;
  return h(".notice", null, h("b", null, "The load was limited by its generator, so durations and rates are not those of the target alone."),
    h("ul", null, firstOf(generators(info).filter(([name]) => limited.includes(name)), 20, ([name, facts]) =>
      h("li", null, h("b", null, name), ": " + facts.limited_by.join("; ")))));
}

function generatorPanel(info) {
  const limited = info.generator_limited;
  const part = (value) => (isNumber(value) ? (100 * value).toFixed(value < 0.1 ? 1 : 0) + " %" : "n/a");
  const number = (title, key, show) => ({ title, number: true, value: ([, facts]) => facts[key], show: ([, facts]) => show(facts[key]) });
  return panel("Is it the generator?", sortableTable([
    { title: "Generator", value: ([name]) => name, show: ([name]) => h("b", null, name) },
    { title: "Limited the load", value: ([name]) => limited.includes(name), show: ([name]) => h("span.badge." + (limited.includes(name) ? "warn" : "good"), null, limited.includes(name) ? "yes" : "no") },
    number("Threads late p95", "scheduler_lag_p95_s", seconds), number("Start lag p95", "lag_p95_s", seconds),
    number("CPU used", "cpu_share", part), number("Waiting for CPU", "cpu_wait_share", part),
    number("Iterations held up", "back_pressure_s", seconds), number("Results waiting", "spool_wait_s", seconds),
    number("Starts without a free slot", "late_for_a_seat", count),
  ], generators(info)));
}

function agentsTable(agents) {
  const total = agents.reduce((sum, agent) => sum + (agent.iterations || 0), 0);
  const number = (title, key, show) => ({ title, number: true, value: (row) => row[key], show: (row) => show(row[key]) });
  return sortableTable([
    { title: "Agent", value: (row) => row.name, show: (row) => h("b.name", null, row.name) },
    { title: "State", value: (row) => row.state, show: (row) => h("span.badge." + stateKind(row.state), null, row.state) },
    ...(agents.some((agent) => labelsText(agent)) ? [{ title: "Labels", value: labelsText }] : []),
    { title: "Host", value: (row) => row.host || "" },
    { title: "Version", value: (row) => row.version || "" },
    number("CPUs", "cpus", count),
    { title: "Share of the load", number: true, value: shareOf, show: (row) => shareText(shareOf(row)) },
    { title: "Iterations", number: true, value: (row) => row.iterations || 0, show: (row) => [count(row.iterations || 0), bar(row.iterations, total)] },
    number("Failed", "failed", (value) => count(value || 0)), number("Lost", "lost", (value) => (value ? h("span.bad", null, count(value)) : count(value))),
    number("p50", "p50", seconds), number("p95", "p95", seconds), number("p99", "p99", seconds),
    { title: "Clock offset", number: true, value: (row) => row.clock_offset_s, show: (row) => seconds(row.clock_offset_s) + " ± " + seconds(row.clock_error_s) },
    number("Round trip", "round_trip_s", seconds), number("Start spread", "start_spread_s", seconds),
    ...(agents.some((agent) => isNumber(agent.stop_latency_s)) ? [number("Stop to last start", "stop_latency_s", seconds)] : []),
    number("Chunks left in spool", "spooled_chunks", count),
  ], agents);
}

const labelsText = (agent) => Object.entries(agent.labels || {}).map(([key, value]) => key + "=" + value).join(", ");

const stateKind = (state) => ({ lost: "bad", failed: "bad", done: "good", joined: "" }[state] ?? "warn");

/* An agent that was asked for and not needed has none. */
const shareOf = (agent) => agent.share ?? (agent.iterations ? null : 0);

function shareText(share) {
  if (share === null || share === undefined) return "n/a";
  if (isNumber(share)) return count(share);
  return h("span.mono", null, brief(share));
}

function bar(part, whole) {
  const filled = h("b");
  filled.style.width = whole ? (100 * (part || 0)) / whole + "%" : "0";
  return h("span.bar", { title: percent(part, whole) }, filled);
}

function lostTable(lost) {
  const ranges = (numbers) => namesText((numbers || []).map(([first, last, step]) =>
    (first === last ? count(first) : first + "–" + last + (step > 1 ? " every " + step : ""))), 50);
  return sortableTable([
    { title: "Agent", value: (row) => row.agent },
    { title: "Count", number: true, value: (row) => row.count, show: (row) => count(row.count) },
    { title: "Why", value: (row) => row.reason },
    { title: "Iteration numbers", value: (row) => ranges(row.numbers), show: (row) => h("span.mono", null, ranges(row.numbers)) },
  ], lost);
}

function durationsByAgent(agents) {
  const names = agents.map((agent) => agent.name);
  const bars = (key, color) => ({ name: key, type: "bar", x: names, y: agents.map((agent) => agent[key]), marker: { color } });
  return chart([bars("p50", "#5ea8ff"), bars("p95", "#e6b450"), bars("p99", "#f28f5c")],
    { barmode: "group", bargap: 0.3, xaxis: { type: "category" }, durations: "y" });
}

function clockOffsets(agents) {
  const ms = (value) => (isNumber(value) ? value * 1000 : null);
  return chart([{
    type: "scatter", mode: "markers", x: agents.map((agent) => agent.name), y: agents.map((agent) => ms(agent.clock_offset_s)),
    marker: { size: 8, color: "#41c7d9" }, error_y: { type: "data", array: agents.map((agent) => ms(agent.clock_error_s)), color: "#41c7d9" },
    hovertemplate: "%{x}: %{y:.4~g} ms ± %{error_y.array:.4~g} ms<extra></extra>",
  }], { hovermode: "closest", xaxis: { type: "category" }, yaxis: { title: { text: "ms ahead of the controller" }, rangemode: "normal" } });
}

function countersTable(counters) {
  return sortableTable([
    { title: "Counter", value: (row) => row[0], show: (row) => row[0].replaceAll("_", " ") },
    { title: "Count", number: true, value: (row) => row[1], show: (row) => count(row[1]) },
  ], Object.entries(counters));
}

function timesTable(title, times) {
  return sortableTable([
    { title, value: (row) => row[0] },
    { title: "Time", number: true, value: (row) => row[1], show: (row) => seconds(row[1]) },
  ], Object.entries(times));
}
