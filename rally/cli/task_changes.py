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

"""What `rally task compare` prints, 80 columns wide."""

from __future__ import annotations

import typing as t

from rally.cli import terminal

Values: t.TypeAlias = t.Mapping[str, t.Any]

WIDTH = 80
#: changes named before all of them are listed
WORSE_SHOWN = 10
ITERATION = "(iteration)"
OUTCOMES = {
    "passed": "Nothing is worse.",
    "worse": "WORSE than the baseline.",
    "not_comparable": "NOT COMPARABLE: some parts cannot be compared.",
}


def print_comparison(found: Values) -> None:
    """Print the verdict, its reasons, and each change."""
    rules = found["rules"]
    print("-" * min(WIDTH, terminal.width()))
    terminal.say(OUTCOMES[found["outcome"]])
    print("-" * min(WIDTH, terminal.width()))
    terminal.say("Baseline: %s" % _task(found["baseline"]))
    terminal.say("Task:     %s" % _task(found["current"]))
    terminal.say(
        "Judged: %(worse)d worse, %(better)d better, %(same)d the same, "
        "%(unclear)d unclear." % found["counts"]
    )
    print("\n".join(terminal.broken(
        "Limits: %g %% for durations, %g percentage points for failures; all "
        "intervals hold together with %g %% confidence." % (
            100 * rules["threshold"], 100 * rules["failure_threshold"],
            100 * (1 - rules["error_rate"]),
        ), min(WIDTH, terminal.width()),
    )))
    _print_worse(found["workloads"])
    for text in found["not_comparable"]:
        terminal.say("Not comparable: %s" % text)
    for text in found["notes"]:
        terminal.say("Note: %s" % text)
    for workload in found["workloads"]:
        _print_workload(workload)


def _print_worse(workloads: t.Sequence[Values]) -> None:
    worse = [
        "%s %s %s: %s" % (
            workload["name"], change["action"] or ITERATION,
            change["measure"], _change(change),
        )
        for workload in workloads for change in workload["changes"]
        if change["verdict"] == "worse"
    ]
    for text in worse[:WORSE_SHOWN]:
        terminal.say("Worse: %s" % text)
    if len(worse) > WORSE_SHOWN:
        terminal.say("Worse: %d more, see below." % (len(worse) - WORSE_SHOWN))


def _task(task: Values) -> str:
    return " ".join(
        str(part) for part in (task["uuid"], task["created_at"], task["title"])
        if part
    )


def _print_workload(workload: Values) -> None:
    print()
    terminal.say(
        "%(name)s (position %(position)s): %(verdict)s" % workload
    )
    terminal.say("  iterations  %s" % " -> ".join(
        _counted(workload[side]) for side in ("baseline", "current")
    ))
    for text in workload["notes"]:
        terminal.say("  Note: %s" % text)
    action: t.Any = ()
    for change in workload["changes"]:
        if change["action"] != action:
            action = change["action"]
            terminal.say("  %s" % (action or ITERATION))
        print(_line(change))


def _counted(side: Values) -> str:
    parts = ["%d" % side["iterations"], "%d failed" % side["failed"]]
    if side["lost"]:
        parts.append("%d lost" % side["lost"])
    rate = side["rate"]
    if rate:
        parts.append(("%.0f/s" if rate >= 100 else "%.3g/s") % rate)
    return ", ".join(parts)


def _line(change: Values) -> str:
    shown = _percent if change["measure"] == "failures" else _seconds
    text = "    %-8s %9s -> %9s" % (
        change["measure"], shown(change["baseline"]),
        shown(change["current"]),
    )
    line = "%-71s %8s" % (
        "%s  %s" % (text, _change(change)), change["verdict"]
    )
    if terminal.cells(line) <= terminal.width():
        return line
    return "%s\n      %s\n      %s" % (
        text, _change(change), change["verdict"]
    )


def _change(change: Values) -> str:
    unit = "points" if change["measure"] == "failures" else "%"
    return "%s %s (%s to %s)" % (
        _signed(change["change"]), unit, _signed(change["low"]),
        _signed(change["high"]),
    )


def _seconds(value: float) -> str:
    return "%.4g s" % value if value >= 1 else "%.4g ms" % (1000 * value)


def _percent(share: float) -> str:
    return "%.3g %%" % (100 * share)


def _signed(share: float | None) -> str:
    """A change in percent; a limit that the data do not give is ?."""
    return "?" if share is None else "%+.1f" % (100 * share)
