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

"""What `rally task detailed` prints."""

from __future__ import annotations

import json
import typing as t

from rally import consts
from rally.cli import cliutils, fleet_lines, terminal
from rally.common import logging
from rally.common.counting import counted, listed
from rally.task.processing import failures, records

Values: t.TypeAlias = t.Mapping[str, t.Any]

#: kinds of error shown of one workload; the reports have more
ERRORS_SHOWN = 100
#: characters shown of an error, or of what a criterion says
TEXT_SHOWN = 4000
STATUS = consts.TaskStatus
FINAL = (STATUS.FINISHED, STATUS.ABORTED)

COLUMNS = ["min", "median", "90%ile", "95%ile", "max", "avg"]
LABELS = ["Action", "Min (sec)", "Median (sec)", "90%ile (sec)"]
LABELS += ["95%ile (sec)", "Max (sec)", "Avg (sec)", "Success", "Count"]

HINTS = (
    ("To plot HTML graphics with this data",
     "rally task report %(uuid)s --out output.html"),
    ("To generate a JUnit report",
     "rally task export %(uuid)s --type junit-xml --to output.xml"),
    ("To get raw JSON output of task results",
     "rally task report %(uuid)s --json --out output.json"),
)


def shortened(text: t.Any, task_uuid: str) -> str:
    """*text*, without its middle if it is very long."""
    text = str(text)
    if len(text) <= TEXT_SHOWN:
        return text
    half = TEXT_SHOWN // 2
    return (
        "%s\n[... %d characters left out. All of it: rally task report %s "
        "--json --out FILE ...]\n%s" % (
            text[:half], len(text) - 2 * half, task_uuid, text[-half:],
        )
    )


def print_task(
    task: Values,
    iterations_data: bool = False,
    filters: t.Sequence[str] = (),
) -> bool:
    """Print a task with its results, whatever there is of them.

    :param task: detailed, its results may be lazy
    :param iterations_data: show each iteration
    :param filters: ``sla-failures`` and ``scenario=<name>[,<name>]``
    :returns: whether each workload passed its SLA, or none was judged
    """
    print()
    print(cliutils.make_header("Task %(uuid)s: %(status)s" % task), end="")
    if task["status"] in (STATUS.CRASHED, STATUS.VALIDATION_FAILED):
        _print_crash(task)
        return True
    if not _shows_results(task):
        return True
    for workload in _wanted(task, filters):
        _print_workload(task, workload, iterations_data)
    _print_hints(task)
    _print_vacuous_criteria(task)
    if not task["pass_sla"]:
        terminal.say("At least one workload did not pass SLA criteria.\n")
        _print_failed_criteria(task)
    return bool(task["pass_sla"])


def _print_hints(task: Values) -> None:
    print("\nHINTS:")
    for purpose, line in HINTS:
        terminal.say("* %s, run:" % purpose)
        print("%s\n" % terminal.command(line % task))


def _print_failed_criteria(task: Values) -> None:
    for workload in _wanted(task, ()):
        for result in records.criteria_of(workload):
            if not result["success"]:
                terminal.say("%s (position %s): %s: %s\n" % (
                    workload["name"], workload["position"],
                    result["criterion"],
                    shortened(result["detail"], task["uuid"]),
                ))


def _print_vacuous_criteria(task: Values) -> None:
    """What holds though nothing has been tried."""
    for workload in _wanted(task, ()):
        for result in filter(
            records.is_vacuous, records.criteria_of(workload)
        ):
            terminal.say(
                "%s (position %s): %s holds, but says nothing: %s\n" % (
                    workload["name"], workload["position"],
                    result["criterion"],
                    shortened(result["detail"], task["uuid"]),
                )
            )


def _print_crash(task: Values) -> None:
    result = task.get("validation_result") or {}
    terminal.say(result.get("etype", "The task crashed while it ran."))
    if result.get("msg"):
        terminal.say(shortened(result["msg"], task["uuid"]))
    if logging.is_debug() and result.get("trace"):
        trace = result["trace"]
        print(json.loads(trace) if trace.startswith('"') else trace)
    else:
        print("\nFor more details run:\n")
        print("rally --debug task detailed %s" % task["uuid"])


def _shows_results(task: Values) -> bool:
    """Tell how finished the task is; whether there is anything to show."""
    if task["status"] in FINAL:
        return True
    message = "\nThe task %s marked as '%s'." % (task["uuid"], task["status"])
    if any(subtask["workloads"] for subtask in task["subtasks"]):
        terminal.say("%s What follows is partial: stored so far." % message)
        return True
    terminal.say("%s Results available when it is 'finished'." % message)
    return False


def _wanted(task: Values, filters: t.Sequence[str]) -> t.Iterator[Values]:
    names: set[str] = set()
    for item in filters:
        key, _, value = item.partition("=")
        if key == "scenario":
            names.update(value.split(","))
    for _, _, workload in records.workloads_of([task]):
        if names and workload["name"] not in names:
            continue
        if "sla-failures" in filters and workload["pass_sla"]:
            continue
        yield workload


def _print_workload(
    task: Values, workload: Values, iterations_data: bool
) -> None:
    terminal.say("\ntest scenario %s" % workload["name"])
    print("args position %s" % workload["position"])
    print("args values:")
    shown = {
        key: workload[key] for key in ("args", "runner", "contexts", "sla")
    }
    shown["hooks"] = [hook.get("config", hook) for hook in workload["hooks"]]
    print(json.dumps(shown, indent=2))
    print()
    _print_errors(task, workload)
    _print_statistics(workload)
    if iterations_data:
        from rally.cli import task_iterations

        task_iterations.print_table(workload["data"])
    _print_output(workload)
    _print_load_info(workload.get("load_info") or {})
    print("Load duration: %s" % _seconds(workload["load_duration"]))
    print("Full duration: %s" % _seconds(workload["full_duration"]))


def _print_output(workload: Values) -> None:
    from rally.cli import task_output

    task_output.print_output(workload)


def _seconds(value: t.Any) -> str:
    return str(round(value or 0.0, 6))


def _print_errors(task: Values, workload: Values) -> None:
    count = workload["failed_iteration_count"]
    title = "Task %s has %d error(s)" % (task["uuid"], count)
    print(cliutils.make_header(title), end="")
    if count:
        _print_kinds_of_error(task, workload)
    print()


def _print_kinds_of_error(task: Values, workload: Values) -> None:
    """The first error of each kind, and how many are alike."""
    found = failures.Failures(
        lambda text: shortened(text, task["uuid"])
    )
    for number, row in enumerate(_failures(workload["data"]), 1):
        found.add(number, row["timestamp"], row["error"])
    kinds = found.kinds()
    for kind in kinds[:ERRORS_SHOWN]:
        terminal.say("\n%(type)s: %(message)s\n" % kind)
        print(kind["traceback"])
        if kind["count"] > 1:
            terminal.say("%d iterations failed like this." % kind["count"])
        print("-" * min(80, terminal.width()))
    shown = sum(kind["count"] for kind in kinds[:ERRORS_SHOWN])
    if found.count > shown:
        print("%d more of other kinds: see the report." % (
            found.count - shown
        ))


def _failures(results: t.Any) -> t.Iterator[Values]:
    """Those with an error; stored ones know where they are."""
    if hasattr(results, "failures"):
        return t.cast("t.Iterator[Values]", results.failures())
    return (row for row in results if row["error"])


def _print_statistics(workload: Values) -> None:
    durations = workload["statistics"].get("durations")
    if not durations:
        print("No iteration has been stored.\n")
        return
    rows: list[list[t.Any]] = []
    for row in (*durations["atomics"], durations["total"]):
        _add_rows(rows, row, depth=0)
    cliutils.print_table(LABELS, rows, "Response Times (sec)")
    print()


def _add_rows(
    rows: list[list[t.Any]], row: dict[str, t.Any], depth: int
) -> None:
    data = row["data"]
    name = row["display_name"]
    prefix = " %s> " % ("-" * depth) if depth else ""
    rows.append(
        [
            prefix + name,
            *(data[key] for key in COLUMNS),
            data["success"],
            data["iteration_count"],
        ]
    )
    for child in row["children"]:
        _add_rows(rows, child, depth + 1)


def _print_accounts(info: Values) -> None:
    """What became of every iteration; zero is shown as zero."""
    asked, stored = info.get("asked"), info.get("stored") or 0
    lost = sum(x["count"] for x in info.get("lost") or ())
    line = "Iterations: %d stored, %d lost" % (stored, lost)
    if asked:
        line = "Iterations: %d asked, %d stored, %d lost, %d not started" % (
            asked, stored, lost, max(0, asked - stored - lost)
        )
    terminal.say(line)
    for x in info.get("lost") or ():
        terminal.say("\tlost%s: %d: %s" % (
            " by agent %s" % x["agent"] if x["agent"] else "", x["count"],
            x["reason"],
        ))
    counters = info.get("counters") or {}
    terminal.say("Counters: " + ", ".join(
        "%s %d" % (name.replace("_", " "), count)
        for name, count in sorted(counters.items())
    ))
    if info.get("stop_latency_s") is not None:
        print("Last start after the stop: %.3f s" % info["stop_latency_s"])


def _print_start(info: Values) -> None:
    """How well the agents started together."""
    if info.get("start_spread_s") is None:
        return
    late = info.get("late_agents") or ()
    terminal.say("Agents began within %.1f ms of each other; late: %s" % (
        info["start_spread_s"] * 1000, listed(late) or "none"
    ))


def _print_generators(info: Values) -> None:
    """Whether the load was limited by whoever made it."""
    if "generator_limited" not in info:  # recorded by an earlier version
        return
    limited = info["generator_limited"]
    terminal.say("Limited by the generator: %s" % (listed(limited) or "no"))
    generators = {
        x["name"]: x["generator"]
        for x in info["agents"] if "generator" in x
    }
    if info["generator"]:
        generators = {"local": info["generator"]}
    for name, facts in generators.items():
        for sentence in facts["limited_by"]:
            terminal.say("\t%s: %s" % (name, sentence))
    if not limited and len(generators) < 2:
        return
    labels = ["scheduler_lag_p95_s", "lag_p95_s", "cpu_share"]
    labels += ["cpu_wait_share", "back_pressure_s", "spool_wait_s"]
    rows = [
        [name, *(_shown(facts[key]) for key in labels)]
        for name, facts in generators.items()
    ]
    cliutils.print_table(["name", *labels], rows, "Generators")
    print()


def _print_traffic(traffic: Values | None) -> None:
    """What HTTP requests sent and received, if there were any."""
    if not traffic:
        return
    terminal.say("HTTP: %s (%.1f/s), %s sent (%s/s), %s received (%s/s)" % (
        counted(traffic["requests"], "request"),
        traffic["requests_per_s"] or 0.0,
        _size(traffic["sent_bytes"]), _size(traffic["sent_bytes_per_s"]),
        _size(traffic["received_bytes"]),
        _size(traffic["received_bytes_per_s"]),
    ))


def _print_load_info(info: Values) -> None:
    """What the load generators had to say, where it is worth a line."""
    if not info:  # of a task that was imported, or run by Rally 5
        return
    _print_accounts(info)
    offered, achieved = info.get("offered_rate"), info.get("achieved_rate")
    if offered and achieved:
        terminal.say(
            "Offered rate: %.3f/s, achieved: %.3f/s" % (offered, achieved)
        )
    if info.get("response"):
        terminal.say(
            "Response time from the due moment: p50 %(p50).3f s, p95 "
            "%(p95).3f s, p99 %(p99).3f s, max %(max).3f s"
            % info["response"]
        )
    _print_traffic(info.get("traffic"))
    for problem in info.get("problems") or ():
        terminal.say("Problem: %s" % problem)
    _print_start(info)
    _print_generators(info)
    agents = info.get("agents") or ()
    if agents:
        labels = ["name", "state", "iterations", "failed", "lost"]
        labels += ["clock_offset_s", "clock_error_s", "p50", "p95", "p99"]
        counts = labels[2:5]  # an agent without a share has made none
        rows = [
            [
                x.get(key) or 0 if key in counts else _shown(x.get(key))
                for key in labels
            ]
            for x in agents
        ]
        cliutils.print_table(
            labels, rows, "Agents", ("clock_error_s", "clock_offset_s")
        )
        print()
    if info.get("by_label"):
        cliutils.print_table(
            [*fleet_lines.GROUP_FIELDS],
            [
                [_shown(group[key]) for key in fleet_lines.GROUP_FIELDS]
                for group in info["by_label"]
            ],
            "Agents by label",
        )
        print()
    for line in fleet_lines.standing_out(info):
        terminal.say(line)


def _size(value: float | None) -> str:
    """Bytes as people read them."""
    if value is None:
        return "n/a"
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return "%.4g %s" % (value, units[0])


def _shown(value: t.Any) -> t.Any:
    if value is None:
        return "n/a"
    return round(value, 6) if isinstance(value, float) else value
