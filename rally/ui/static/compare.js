"use strict";
/* What changed from one task to another. */

const FOUND = DATA.comparison;
const WORKLOADS = FOUND.workloads;
const KINDS = { worse: "bad", better: "good", same: "", unclear: "warn" };
const OUTCOMES = {
  passed: ["good", "nothing is worse"], worse: ["bad", "worse than the baseline"],
  not_comparable: ["warn", "some parts not comparable"],
};

const verdictBadge = (verdict) => h("span.badge" + (KINDS[verdict] ? "." + KINDS[verdict] : ""), null, verdict);
const linkTo = (workload) => "#/" + WORKLOADS.indexOf(workload);
const titleOf = (workload) => workload.name + (workload.position ? " [" + workload.position + "]" : "");
const nameOf = (change) => (change.action === null ? "iteration" : change.action);
const isShare = (change) => change.measure === "failures";
const shown = (change, value) => (isShare(change) ? percent(value, 1) : seconds(value));

function signed(share) {
  if (!isNumber(share)) return "?";
  const size = 100 * share;
  return (size > 0 ? "+" : "") + (Math.abs(size) < 10 ? size.toFixed(1) : size.toFixed(0));
}

function changeText(change) {
  return signed(change.change) + (isShare(change) ? " points" : " %");
}

const rangeText = (change) => signed(change.low) + " to " + signed(change.high);

/* Worst first: what is worse, then what is unclear, each by its size. */
function byWeight(changes) {
  const rank = { worse: 0, better: 1, unclear: 2, same: 3 };
  return [...changes].sort((a, b) => rank[a.verdict] - rank[b.verdict] || b.change - a.change);
}

function changesTable(rows, withWorkload) {
  return sortableTable([
    ...(withWorkload ? [{ title: "Workload", value: (row) => titleOf(row.workload), show: (row) => h("a", { href: linkTo(row.workload) }, named(titleOf(row.workload))) }] : []),
    { title: "Action", value: nameOf, show: (row) => named(nameOf(row)) },
    { title: "Measure", value: (row) => row.measure },
    { title: "Baseline", number: true, value: (row) => row.baseline, show: (row) => shown(row, row.baseline) },
    { title: "Now", number: true, value: (row) => row.current, show: (row) => shown(row, row.current) },
    { title: "Change", number: true, value: (row) => row.change, show: changeText },
    { title: "Interval", number: true, value: (row) => row.low, show: rangeText },
    { title: "Verdict", value: (row) => Object.keys(KINDS).indexOf(row.verdict), show: (row) => verdictBadge(row.verdict) },
  ], rows);
}

function intervalsChart(changes) {
  const drawn = changes.filter((change) => !isShare(change) && isNumber(change.low) && isNumber(change.high)).slice(0, 60);
  if (!drawn.length) return empty("No change of durations has an interval.");
  const colors = { worse: theme("bad"), better: theme("good"), same: theme("muted"), unclear: theme("warn") };
  const at = (change) => 100 * change.change;
  const place = new Map(drawn.map((change, i) => [change, i]));
  const text = (change) => nameOf(change) + " " + change.measure;
  const traces = Object.keys(KINDS).map((verdict) => {
    const some = drawn.filter((change) => change.verdict === verdict);
    return {
      name: verdict, type: "scatter", mode: "markers", x: some.map(at), y: some.map((change) => place.get(change)), text: some.map((change) => label(text(change), 80)),
      marker: { size: 8, color: colors[verdict] },
      error_x: { type: "data", symmetric: false, color: colors[verdict], thickness: 1.6,
        array: some.map((change) => 100 * change.high - at(change)), arrayminus: some.map((change) => at(change) - 100 * change.low) },
      hovertemplate: "%{text}: %{x:+.3~g} %<extra></extra>",
    };
  }).filter((trace) => trace.x.length);
  const target = chart(traces, {
    hovermode: "closest", xaxis: { title: { text: "change in percent: to the right is slower" }, ticksuffix: " %" },
    yaxis: namesAxis(drawn.map(text)),
    shapes: [line(0, theme("muted"), "solid"), line(100 * FOUND.rules.threshold, theme("bad"), "dash")],
  });
  target.style.height = 110 + 24 * drawn.length + "px";
  return target;
}

const line = (x, color, dash) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color, width: 1, dash } });

function notice(texts, kind = "") {
  return texts.length ? h(".notice" + kind, null, h("ul", null, texts.map((text) => h("li", null, text)))) : null;
}

function countsLine(workload) {
  const side = (each) => counted(each.iterations, "iteration") + ", " + count(each.failed) + " failed" + (each.lost ? ", " + count(each.lost) + " lost" : "") + (isNumber(each.rate) ? ", " + rate(each.rate) : "");
  return h("p.muted", null, "Baseline: " + side(workload.baseline) + ". Now: " + side(workload.current) + ".");
}

function methodText() {
  const rules = FOUND.rules;
  return "Worse means that the whole interval lies beyond the limit: " + 100 * rules.threshold + " % for durations, " + 100 * rules.failure_threshold
    + " percentage points for failures. All intervals hold together with " + Number((100 * (1 - rules.error_rate)).toFixed(3))
    + " % confidence; they come from how parts of a run differ, so they do not know what differs from day to day.";
}

function overviewPage() {
  const [kind, text] = OUTCOMES[FOUND.outcome];
  const task = (name, each) => h("tr", null, h("th", { scope: "row" }, name), h("td", null, h("span.mono", null, each.uuid)), h("td", null, named(each.title)), h("td", null, each.created_at.replace("T", " ")), h("td", null, each.status));
  const all = WORKLOADS.flatMap((workload) => workload.changes.map((change) => ({ ...change, workload })));
  const changed = byWeight(all.filter((change) => change.verdict === "worse" || change.verdict === "better"));
  return [
    h(".head", null, h("h1", null, "Comparison"), h("span.badge." + kind, null, text)),
    notice(FOUND.not_comparable), notice(FOUND.notes),
    figures([["worse", count(FOUND.counts.worse), FOUND.counts.worse ? "bad" : "good"], ["better", count(FOUND.counts.better)],
      ["the same", count(FOUND.counts.same)], ["unclear", count(FOUND.counts.unclear)]]),
    panel("What changed", changed.length ? changesTable(changed, true) : empty("Nothing, as far as these runs can tell.")),
    panel("Workloads", sortableTable([
      { title: "Scenario", value: titleOf, show: (row) => h("a", { href: linkTo(row) }, named(titleOf(row))) },
      ...["worse", "better", "same", "unclear"].map((verdict) => ({ title: verdict, number: true, value: (row) => row.changes.filter((change) => change.verdict === verdict).length })),
      { title: "Verdict", value: (row) => row.verdict, show: (row) => verdictBadge(row.verdict) },
    ], WORKLOADS, (row) => { location.hash = linkTo(row); })),
    panel("Tasks", scrolling(h("table", null, h("tbody", null, task("Baseline", FOUND.baseline), task("Now", FOUND.current))))),
    h("p.muted", null, methodText()),
    h("p.muted", null, "Made by Rally " + DATA.generator.version + " at " + DATA.generator.generated_at + "."),
  ];
}

function workloadPage(workload) {
  return [
    h(".head", null, h("h1", null, h("bdi", null, titleOf(workload))), verdictBadge(workload.verdict)),
    countsLine(workload), notice(workload.notes),
    panel("Changes of durations, with their intervals", intervalsChart(workload.changes)),
    panel("All changes", changesTable(workload.changes, false)),
    h("p.muted", null, methodText()),
  ];
}

function show() {
  forgetCharts();
  const place = location.hash.split("/")[1] || "";
  const workload = WORKLOADS[place === "" ? -1 : Number(place)];
  frame("Rally comparison", LINE, [
    entry("#/", "Overview", !workload, OUTCOMES[FOUND.outcome]),
    WORKLOADS.map((each) => entry(linkTo(each), titleOf(each), each === workload, [KINDS[each.verdict], each.verdict])),
  ], workload ? workloadPage(workload) : overviewPage());
}

route(show);
