#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""What changed between two runs, and whether it is worse.

All changes that are looked at share one error rate: if nothing has changed
beyond the threshold, the probability that any of them counts as worse or
better is at most that (Bonferroni). So more actions mean wider intervals, not
more false alarms.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from rally.common.counting import counted
from rally.task.comparing import intervals, matching, measured
from rally.task.processing import records
from rally.task.results.row import NS

PERCENTILES = (50.0, 95.0, 99.0)
#: what the kind of a change is called that is no percentile
FAILURES = "failures"


class Verdict(str, enum.Enum):
    """What an interval says of a change."""

    WORSE = "worse"  # all of it is beyond the threshold
    BETTER = "better"  # likewise, to the good side
    SAME = "same"  # none of it is
    UNCLEAR = "unclear"  # it is on both sides of the threshold


class Outcome(str, enum.Enum):
    """What a comparison comes to as a whole."""

    PASSED = "nothing is worse"
    WORSE = "worse"
    NOT_COMPARABLE = "not comparable"


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """What counts as a change.

    :ivar threshold: of durations, 0.05 is 5 %
    :ivar failure_threshold: of the share of failures, 0.01 is one percentage
        point
    :ivar error_rate: of all changes together
    :ivar percentiles: of durations that are compared
    :ivar ignored: those of ``matching.PARTS`` that may differ
    """

    threshold: float = 0.05
    failure_threshold: float = 0.0
    error_rate: float = 0.05
    percentiles: tuple[float, ...] = PERCENTILES
    ignored: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """How one measure of one action changed.

    :ivar action: None for the iterations as a whole
    :ivar measure: ``p95``, or ``failures``
    :ivar before: seconds, or the share of failures
    :ivar change: 0.1 is 10 % longer, or 10 percentage points more failures;
        ``low`` and ``high`` are None where the data give no limit
    """

    action: str | None
    measure: str
    before: float
    after: float
    change: intervals.Interval
    verdict: Verdict


@dataclasses.dataclass(frozen=True, slots=True)
class Compared:
    """One workload in both tasks."""

    name: str
    position: int
    before: Counted
    after: Counted
    differences: tuple[str, ...]
    changes: list[Change]
    #: what has to be known to read them, in sentences
    notes: list[str]

    @property
    def verdict(self) -> Verdict:
        found = {change.verdict for change in self.changes}
        order = Verdict.WORSE, Verdict.BETTER, Verdict.UNCLEAR
        return next((x for x in order if x in found), Verdict.SAME)


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """How much there is of a workload."""

    uuid: str
    iterations: int
    failed: int
    lost: int
    rate: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """All workloads of two tasks."""

    before: records.Record
    after: records.Record
    rules: Rules
    workloads: list[Compared]
    #: why some cannot be compared, in sentences
    not_comparable: list[str]
    #: what does not keep anything from being compared
    notes: list[str]

    @property
    def outcome(self) -> Outcome:
        if any(x.verdict is Verdict.WORSE for x in self.workloads):
            return Outcome.WORSE
        if self.not_comparable or not self.workloads:
            return Outcome.NOT_COMPARABLE
        return Outcome.PASSED

    def count(self, verdict: Verdict) -> int:
        return sum(
            change.verdict is verdict
            for each in self.workloads for change in each.changes
        )


def compare(
    before: records.Record, after: records.Record, rules: Rules
) -> Comparison:
    """Compare two tasks, with all their results, by their workloads."""
    found = matching.matched(before, after, rules.ignored)
    measured_pairs = [
        (
            pair, measured.measure(pair.before["data"], rules.percentiles),
            measured.measure(pair.after["data"], rules.percentiles),
        )
        for pair in found.pairs
    ]
    questions = sum(
        len(_questions(a, b, rules)) for _, a, b in measured_pairs
    )
    error_rate = rules.error_rate / max(questions, 1)
    workloads, refused = [], _refused(found)
    for pair, a, b in measured_pairs:
        if a is None or b is None:
            refused.append(_too_few(pair))
            continue
        if not (a.whole.has_durations and b.whole.has_durations):
            refused.append(_too_few(pair))
        workloads.append(_compared(pair, a, b, rules, error_rate))
    return Comparison(
        before, after, rules, workloads, refused, _notes(before, after, found)
    )


def _questions(
    before: measured.Measured | None,
    after: measured.Measured | None,
    rules: Rules,
) -> list[tuple[str | None, float | None]]:
    """(Action, percentile) of all changes to look at; None for failures.

    Where nothing failed, or hardly anything ran, there is nothing to ask:
    each question widens the intervals of all others.
    """
    if before is None or after is None:
        return []
    found: list[tuple[str | None, float | None]] = []
    for name, old in before.series.items():
        new = after.series.get(name)
        if new is not None:
            if old.has_durations and new.has_durations:
                found += [(name, each) for each in rules.percentiles]
            if old.failed.any() or new.failed.any():
                found.append((name, None))
    return found


def _compared(
    pair: matching.Pair,
    before: measured.Measured,
    after: measured.Measured,
    rules: Rules,
    error_rate: float,
) -> Compared:
    changes = []
    for name, percentile in _questions(before, after, rules):
        series = before.series[name], after.series[name]
        if percentile is None:
            changes.append(_failures(name, *series, rules, error_rate))
        else:
            changes.append(
                _duration(name, percentile, *series, rules, error_rate)
            )
    return Compared(
        name=str(pair.after["name"]),
        position=int(pair.after["position"]),
        before=_counted(pair.before),
        after=_counted(pair.after),
        differences=pair.differences,
        changes=changes,
        notes=_workload_notes(pair, before, after),
    )


def _duration(
    name: str | None,
    percentile: float,
    before: measured.Series,
    after: measured.Series,
    rules: Rules,
    error_rate: float,
) -> Change:
    old = before.quantile(percentile, error_rate)
    new = after.quantile(percentile, error_rate)
    change = intervals.ratio(old, new)
    threshold = rules.threshold
    # as much faster as the threshold is slower: 1.25 times and 0.8 times
    verdict = _judged(change, threshold, threshold / (1 + threshold))
    return Change(
        name, "p%g" % percentile, old.value / NS, new.value / NS, change,
        verdict,
    )


def _failures(
    name: str | None,
    before: measured.Series,
    after: measured.Series,
    rules: Rules,
    error_rate: float,
) -> Change:
    old, new = before.failures(error_rate), after.failures(error_rate)
    change = intervals.difference(old, new)
    threshold = rules.failure_threshold
    verdict = _judged(change, threshold, threshold)
    return Change(name, FAILURES, old.value, new.value, change, verdict)


def _judged(
    change: intervals.Interval, worse: float, better: float
) -> Verdict:
    if change.low is not None and change.low > worse:
        return Verdict.WORSE
    if change.high is not None and change.high < -better:
        return Verdict.BETTER
    if change.low is None or change.high is None:
        return Verdict.UNCLEAR
    if -better <= change.low and change.high <= worse:
        return Verdict.SAME
    return Verdict.UNCLEAR


def _counted(workload: records.Record) -> Counted:
    info = workload.get("load_info") or {}
    count = len(workload["data"])
    rate, took = info.get("achieved_rate"), workload.get("load_duration")
    if rate is None and took:
        rate = count / took
    return Counted(
        uuid=str(workload["uuid"]),
        iterations=count,
        failed=workload.get("failed_iteration_count") or 0,
        lost=sum(each["count"] for each in info.get("lost") or ()),
        rate=rate,
    )


# ---- what has to be known


def _refused(found: matching.Matched) -> list[str]:
    refused = [
        "%s is set up differently, so its durations say nothing about the "
        "target: %s. Run it as before, or leave out of the comparison what "
        "may differ (--ignore)." % (
            pair.after["name"], "; ".join(pair.differences[:5]) or "?",
        )
        for pair in found.not_comparable
    ]
    refused += [
        "%s (position %s) is in the baseline only."
        % (workload["name"], workload["position"])
        for workload in found.only_before
    ]
    return refused


def _too_few(pair: matching.Pair) -> str:
    before, after = (
        len(each["data"]) - (each.get("failed_iteration_count") or 0)
        for each in (pair.before, pair.after)
    )
    return (
        "%s (position %s) has %s without error in the baseline and %d now: "
        "below %d nothing can be said about how their durations vary." % (
            pair.after["name"], pair.after["position"],
            counted(before, "iteration"), after, intervals.MIN_ITERATIONS,
        )
    )


def _notes(
    before: records.Record, after: records.Record, found: matching.Matched
) -> list[str]:
    notes = [
        "%s (position %s) is new: there is nothing to compare it with."
        % (workload["name"], workload["position"])
        for workload in found.only_after
    ]
    for side, task in (("The baseline", before), ("The task", after)):
        status = task.get("status", "finished")
        if status != "finished":
            notes.append(
                "%s is %s: it may lack a part of its results."
                % (side, status)
            )
    return notes


def _workload_notes(
    pair: matching.Pair, before: measured.Measured, after: measured.Measured
) -> list[str]:
    notes = ["Differs, as is allowed: %s." % x for x in pair.differences]
    for side, workload in (
        ("the baseline", pair.before), ("the task", pair.after)
    ):
        info = workload.get("load_info") or {}
        lost = sum(each["count"] for each in info.get("lost") or ())
        if lost:
            notes.append("%s of %s %s lost." % (
                counted(lost, "iteration"), side,
                "is" if lost == 1 else "are",
            ))
        if info.get("generator_limited"):
            notes.append(
                "The load of %s was limited by its generator, so durations "
                "are not those of the target alone." % side
            )
    notes += _action_notes(before, after)
    return notes


def _action_notes(
    before: measured.Measured, after: measured.Measured
) -> list[str]:
    sides = ("the baseline", before, after), ("the task", after, before)
    notes = []
    for side, one, other in sides:
        lone = [name for name in one.series if name not in other.series]
        if lone:
            notes.append("Actions of %s only: %s." % (side, _listed(lone)))
    for side, one, _ in sides:
        few = [
            name for name, series in one.series.items()
            if not series.has_durations
        ]
        if few:
            notes.append(
                "Too few without error in %s to compare durations: %s."
                % (side, _listed(few))
            )
        if one.has_more_names:
            notes.append(
                "Actions of %s have more than %d names; further ones are not "
                "compared." % (side, measured.MAX_NAMES)
            )
    return notes


def _listed(names: t.Sequence[str | None]) -> str:
    shown = [name or "iterations" for name in names[:5]]
    return ", ".join(shown) + (", ..." if len(names) > 5 else "")
