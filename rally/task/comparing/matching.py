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

"""Which workload of one task is which of another."""

from __future__ import annotations

import json
import typing as t

from rally.task.processing import forms, records

#: parts of a configuration that make another test of a workload
PARTS = ("args", "contexts", "runner", "hooks")


class Pair(t.NamedTuple):
    """One workload in two tasks."""

    before: records.Record
    after: records.Record
    #: settings that differ, ``path: before -> after``
    differences: tuple[str, ...] = ()


class Matched(t.NamedTuple):
    """Workloads of two tasks. What has no counterpart is not compared."""

    pairs: list[Pair]
    not_comparable: list[Pair]  # of one scenario, but set up differently
    only_before: list[records.Record]
    only_after: list[records.Record]


def matched(
    before: records.Record, after: records.Record, ignored: t.Collection[str]
) -> Matched:
    """Match workloads of equal configuration, in the order of their tasks.

    What is left over is matched by the name of its scenario, to say how the
    configurations differ.

    :param ignored: those of ``PARTS`` that may differ
    """
    first, second = _workloads(before), _workloads(after)
    equal = _taken(first, second, lambda each: _key(each, ignored))
    alike = _taken(first, second, lambda each: str(each["name"]))
    return Matched(
        [Pair(a, b, _differences(a, b)) for a, b in equal],
        [Pair(a, b, _differences(a, b)) for a, b in alike],
        first, second,
    )


def _workloads(task: records.Record) -> list[records.Record]:
    return [workload for _, _, workload in records.workloads_of([task])]


def _taken(
    first: list[records.Record],
    second: list[records.Record],
    key: t.Callable[[records.Record], str],
) -> list[tuple[records.Record, records.Record]]:
    """Pairs of equal keys; they are taken out of both lists."""
    waiting: dict[str, list[records.Record]] = {}
    for workload in second:
        waiting.setdefault(key(workload), []).append(workload)
    pairs = []
    for workload in first:
        if candidates := waiting.get(key(workload)):
            pairs.append((workload, candidates.pop(0)))
    first[:] = [x for x in first if all(x is not a for a, _ in pairs)]
    second[:] = [x for x in second if all(x is not b for _, b in pairs)]
    return pairs


def _settings(
    workload: records.Record, ignored: t.Collection[str] = ()
) -> dict[str, t.Any]:
    config = forms.workload_config(workload)
    found = {
        "args": workload["args"], "contexts": config["contexts"],
        "runner": config["runner"], "hooks": config["hooks"],
    }
    return {part: found[part] for part in PARTS if part not in ignored}


def _key(workload: records.Record, ignored: t.Collection[str]) -> str:
    settings = [workload["name"], _settings(workload, ignored)]
    return json.dumps(settings, sort_keys=True, default=str)


def _differences(
    before: records.Record, after: records.Record
) -> tuple[str, ...]:
    old, new = _flat(_settings(before)), _flat(_settings(after))
    return tuple(
        "%s: %s -> %s" % (path, old.get(path, "none"), new.get(path, "none"))
        for path in dict.fromkeys([*old, *new])
        if old.get(path) != new.get(path)
    )


def _flat(value: t.Any, path: str = "") -> dict[str, str]:
    """Each leaf of a configuration as text, by its path."""
    if isinstance(value, dict) and value:
        items = [(str(key), each) for key, each in sorted(value.items())]
    elif isinstance(value, (list, tuple)) and value:
        items = [(str(i), each) for i, each in enumerate(value)]
    else:
        return {path: json.dumps(value, default=str)}
    found: dict[str, str] = {}
    for key, each in items:
        found.update(_flat(each, "%s.%s" % (path, key) if path else key))
    return found
