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

"""JSON files of results, read piece by piece.

All of a file is small but for the iterations. Each list of them goes to a
temporary file, packed, while it is read: memory holds one block of rows.
"""

from __future__ import annotations

import decimal
import typing as t

import ijson

from rally.task.processing import result_check
from rally.task.results import ordered, spooled
from rally.task.results.chunk import Chunk

Row: t.TypeAlias = dict[str, t.Any]
Events: t.TypeAlias = t.Iterator[tuple[str, str, t.Any]]

#: where lists of iterations are, in JSON reports and in old results
NEW_ROWS = "tasks.item.subtasks.item.workloads.item.data"
OLD_ROWS = "item.result"


class Malformed(Exception):
    """The file is not what it should be; says why, in a sentence."""


def read(path: str, of_old: t.Callable[[Row], Row]) -> t.Any:
    """What is in a file, with ``SpooledResults`` in place of iterations.

    :param of_old: makes an iteration of one in the form of old results
    :raises Malformed: it is not JSON, or an iteration is none
    """
    try:
        return _read(path, of_old, has_64_bits=True)
    except (ijson.JSONError, UnicodeDecodeError):
        pass  # it may hold a larger number, of which slower code is needed
    try:
        return _read(path, of_old, has_64_bits=False)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise Malformed("It is not JSON: %s." % reason.rstrip(".")) from None


def _read(
    path: str, of_old: t.Callable[[Row], Row], has_64_bits: bool
) -> t.Any:
    """``read`` with the numbers of C, or with those of Python."""
    document = ijson.ObjectBuilder()
    with open(path, "rb") as stream:
        events = ijson.parse(stream, use_float=has_64_bits)
        if not has_64_bits:
            events = _without_decimals(events)
        for prefix, event, value in events:
            if event == "start_array" and prefix in (NEW_ROWS, OLD_ROWS):
                convert = of_old if prefix == OLD_ROWS else None
                value = _spooled(_rows(events, prefix), convert)
                event = "number"  # of which any object may be the value
            document.event(event, value)
    return document.value


def _without_decimals(events: Events) -> Events:
    for prefix, event, value in events:
        if type(value) is decimal.Decimal:
            value = float(value)
        yield prefix, event, value


def _rows(events: Events, prefix: str) -> t.Iterator[t.Any]:
    """Items of the list that has begun at *prefix*.

    There are some forty events in an iteration: a loop without calls takes
    half of the time of ijson's own builder.
    """
    end = prefix, "end_array"
    outer: list[tuple[t.Any, t.Any]] = []  # containers around, and their keys
    inner: t.Any = None
    key: t.Any = None
    for place, event, value in events:
        if event == "map_key":
            key = value
            continue
        if event in ("end_map", "end_array"):
            if (place, event) == end:
                return
            value = inner
            inner, key = outer.pop()
        elif event in ("start_map", "start_array"):
            outer.append((inner, key))
            inner = {} if event == "start_map" else []
            continue
        if inner is None:
            yield value
        elif type(inner) is list:
            inner.append(value)
        else:
            inner[key] = value


def _spooled(
    rows: t.Iterator[t.Any], convert: t.Callable[[Row], Row] | None
) -> spooled.SpooledResults:
    spool = spooled.SpooledResults()
    for block in ordered.blocks(_checked(rows, convert)):
        first = len(spool) + 1
        try:
            chunk = Chunk.of_results(block, first)
        except (OverflowError, TypeError, ValueError) as error:
            raise Malformed(
                "One of the iterations %d to %d of a workload is not a "
                "result: %s." % (first, first + len(block) - 1, error)
            ) from None
        spool.add(chunk)
    return spool


def _checked(
    rows: t.Iterator[t.Any], convert: t.Callable[[Row], Row] | None
) -> t.Iterator[Row]:
    """:raises Malformed: a row is not the result of an iteration"""
    for number, row in enumerate(rows, 1):
        try:
            row = _with_floats(convert(row) if convert else row)
            problem = result_check.problem_of(row)
        except (
            AttributeError, LookupError, OverflowError, RecursionError,
            TypeError, ValueError,
        ) as error:
            problem = "%s: %s" % (type(error).__name__, error)
        if problem:
            raise Malformed(
                "Iteration %d of a workload is not a result: %s."
                % (number, problem[:300])
            )
        yield row


def _with_floats(row: Row) -> Row:
    """*row* with whole numbers of seconds as the floats that they are."""
    times = ("timestamp", "duration", "idle_duration")
    return {
        **row, **{key: _float(row[key]) for key in times},
        "atomic_actions": _actions_with_floats(row["atomic_actions"]),
    }


def _actions_with_floats(actions: t.Any) -> list[Row]:
    return [
        {
            **action,
            "started_at": _float(action["started_at"]),
            "finished_at": _float(action["finished_at"]),
            "children": _actions_with_floats(action.get("children") or ()),
        }
        for action in actions
    ]


def _float(value: t.Any) -> t.Any:
    return float(value) if type(value) is int else value
