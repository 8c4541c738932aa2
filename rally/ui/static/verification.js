"use strict";
/* Verifications side by side: what they were, and what became of each test. */

const UUIDS = DATA.uuids;
const TESTS = Object.entries(DATA.tests).map(([id, test]) => ({ id, ...test }));

/* status of a test -> what it is called, its colour, the count of it */
const STATUSES = {
  success: ["success", "good", "success"],
  skip: ["skipped", "", "skipped"],
  xfail: ["expected failure", "warn", "expected_failures"],
  uxsuccess: ["unexpected success", "bad", "unexpected_success"],
  fail: ["failed", "bad", "failures"],
  init: ["never ran", "bad", null],
};
const hidden = new Set();
const view = { text: "", tags: false };

const statusOf = (name) => STATUSES[name] || [name, "", null];
const verdictOf = (uuid) => (DATA.verifications[uuid].status === "finished" ? "good" : "bad");
const badge = (kind, text) => h("span.badge" + (kind ? "." + kind : ""), null, text);
const numberOf = (status) => TESTS.filter((test) => UUIDS.some((uuid) => (test.by_verification[uuid] || {}).status === status)).length;

function verificationsTable() {
  const each = (uuid) => DATA.verifications[uuid];
  const number = (title, key) => ({ title, number: true, value: (uuid) => each(uuid)[key], show: (uuid) => count(each(uuid)[key]) });
  return sortableTable([
    { title: "Verification", value: (uuid) => UUIDS.indexOf(uuid), show: (uuid) => h("span.mono", null, (UUIDS.indexOf(uuid) + 1) + " · " + uuid) },
    { title: "Verdict", value: (uuid) => each(uuid).status, show: (uuid) => badge(verdictOf(uuid), each(uuid).status) },
    { title: "Started (UTC)", value: (uuid) => each(uuid).started_at, show: (uuid) => each(uuid).started_at.replace("T", " ") },
    { title: "Finished (UTC)", value: (uuid) => each(uuid).finished_at, show: (uuid) => each(uuid).finished_at.replace("T", " ") },
    { title: "Duration", number: true, value: (uuid) => each(uuid).tests_duration, show: (uuid) => seconds(each(uuid).tests_duration) },
    number("Tests", "tests_count"), number("Success", "success"), number("Skipped", "skipped"),
    number("Expected failures", "expected_failures"), number("Unexpected success", "unexpected_success"), number("Failures", "failures"),
  ], UUIDS);
}

function isShown(test) {
  const outcomes = Object.values(test.by_verification);
  return outcomes.some((outcome) => !hidden.has(outcome.status))
    && (!view.text || test.id.toLowerCase().includes(view.text.toLowerCase()));
}

function outcomeCell(outcome) {
  if (!outcome) return h("td.muted", null, "not run");
  const [name, kind] = statusOf(outcome.status);
  return h("td", null, badge(kind, name), outcome.duration ? h("span.muted", null, " " + outcome.duration + " s") : null);
}

function testRows(test) {
  const button = test.has_details ? h("button.fold", { type: "button", "aria-expanded": "false" }, named(test.name)) : null;
  const row = h(button ? "tr.link" : "tr", null,
    h("td", null, button || named(test.name),
      view.tags && test.tags.length ? h(".muted.mono", null, test.tags.join(", ")) : null),
    UUIDS.map((uuid) => outcomeCell(test.by_verification[uuid])));
  if (!button) return [row];
  const details = h("tr", { hidden: "" }, h("td", { colspan: UUIDS.length + 1 },
    UUIDS.filter((uuid) => (test.by_verification[uuid] || {}).details).map((uuid) => [
      UUIDS.length > 1 ? h("p.muted.mono", null, (UUIDS.indexOf(uuid) + 1) + " · " + uuid) : null,
      h("pre", null, test.by_verification[uuid].details)])));
  row.addEventListener("click", () => { button.setAttribute("aria-expanded", String(details.hidden)); details.hidden = !details.hidden; });
  return [row, details];
}

function testsPanel() {
  const body = h("tbody");
  const shown = h("span.muted", { role: "status" });
  function fill() {
    const tests = TESTS.filter(isShown);
    body.replaceChildren(...tests.flatMap(testRows));
    shown.textContent = count(tests.length) + " of " + counted(TESTS.length, "test");
  }
  const box = (label, checked, change) => {
    const input = h("input", { type: "checkbox", onchange: (event) => { change(event.target.checked); fill(); } });
    input.checked = checked;
    return h("label", null, input, " ", label);
  };
  const filters = Object.entries(STATUSES).filter(([status]) => numberOf(status) || status !== "init").map(([status, [name]]) =>
    box(name + " (" + count(numberOf(status)) + ")", true, (on) => (on ? hidden.delete(status) : hidden.add(status))));
  const search = h("input", { type: "search", placeholder: "part of a name", "aria-label": "part of a name",
    oninput: (event) => { view.text = event.target.value; fill(); } });
  fill();
  return panel("Tests",
    h(".controls", null, search, filters, box("tags", view.tags, (on) => { view.tags = on; }), shown),
    DATA.show_comparison_note ? h("p.muted", null, "Durations of later verifications are shown with the difference to the first one.") : null,
    scrolling(h("table", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Test"), UUIDS.map((uuid, i) => h("th", { scope: "col", title: uuid }, UUIDS.length > 1 ? "Verification " + (i + 1) : "Result")))),
      body), 0));
}

/* An entry that leads to a part of this page. */
function part(id, text) {
  const link = entry("#" + id, text);
  link.addEventListener("click", (event) => { event.preventDefault(); document.getElementById(id).focus(); });
  return link;
}

function section(id, element) {
  element.id = id;
  element.tabIndex = -1;
  return element;
}

frame("Rally verification", CHECK, [
  part("verifications", "Verifications"), part("tests", "Tests"),
], [
  h(".head", null, h("h1", null, "Verification report"), h("span.muted", null, counted(UUIDS.length, "verification") + " · " + counted(TESTS.length, "test"))),
  section("verifications", panel("Verifications", UUIDS.length ? verificationsTable() : h(".empty", null, "There is none."))),
  section("tests", TESTS.length ? testsPanel() : panel("Tests", h(".empty", null, "No test has run."))),
  h("p.muted", null, "Made by Rally " + DATA.generator.version + " at " + DATA.generator.generated_at + ". A name with ▸ opens the reason or the traceback."),
]);
