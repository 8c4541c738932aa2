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

"""One iteration as its worker has it, and as Rally's results show it.

Inside a run all times are integer nanoseconds and the atomic actions of an
iteration are split into their *shape* (names, nesting, failures: few
different ones in a run) and their times. Rally's result, a dict of floats,
is made only where somebody reads it.
"""

from __future__ import annotations

import json
import typing as t

import msgspec

from rally.common import clock, utf8

NS = 1_000_000_000
#: ns since the epoch, in 2116: times beyond it are none
LAST_NS = 1 << 62
#: characters of the name of an atomic action; longer ones are cut
MAX_NAME = 500


class Node(t.NamedTuple):
    """One atomic action of a shape, in preorder."""

    name: str
    depth: int  # 0: top level
    failed: bool


Shape: t.TypeAlias = tuple[Node, ...]
Error: t.TypeAlias = tuple[str, str, str]  # type, message, traceback


class Row(t.NamedTuple):
    """One iteration. Times with ``_ns`` are integers of nanoseconds."""

    number: int  # iteration number, from 1
    started_ns: int  # since the epoch
    duration_ns: int  # idle time taken off
    idle_ns: int
    lag_ns: int  # start minus due moment of an open model (>= 1), else 0
    shape: Shape
    #: start, finish of each node: integers after started_ns, or as plugins
    #: have them, seconds since the epoch as floats; see ``times_of``
    times: tuple[int, ...] | tuple[float, ...]
    error: Error | None
    output: dict[str, t.Any] | None  # None: nothing was added


def times_of(
    times: tuple[int, ...] | tuple[float, ...], started_ns: int
) -> tuple[int, ...]:
    """The times of a row, whichever they are, in ns after its start.

    Taking the whole seconds off a timestamp first leaves no rounding to
    speak of. A chunk does it for all its rows at once, see
    ``Chunk.of_rows``.
    """
    if not times or type(times[0]) is not float:
        return t.cast("tuple[int, ...]", times)
    whole_s, rest_ns = divmod(started_ns, NS)
    return tuple([int((x - whole_s) * 1e9 + 0.5) - rest_ns for x in times])


def name_of(value: t.Any) -> str:
    """Name of an atomic action, cut with a mark if it is too long."""
    name = utf8.text_of(value)
    if len(name) <= MAX_NAME:
        return name
    mark = "... (%d characters)" % len(name)
    return name[:MAX_NAME - len(mark)] + mark


def shape_of(
    actions: t.Sequence[t.Mapping[str, t.Any]], started_ns: int
) -> tuple[Shape, tuple[int, ...]]:
    """Split Rally's atomic actions into their shape and their times.

    :param actions: dicts with name, started_at, finished_at (float seconds
        since the epoch), children and possibly failed
    :param started_ns: start of the iteration; times are relative to it
    """
    nodes: list[Node] = []
    times: list[int] = []
    _walk(actions, 0, started_ns, nodes, times)
    return tuple(nodes), tuple(times)


def _walk(
    actions: t.Sequence[t.Mapping[str, t.Any]],
    depth: int,
    started_ns: int,
    nodes: list[Node],
    times: list[int],
) -> None:
    for action in actions:
        name = name_of(action["name"])
        nodes.append(Node(name, depth, bool(action.get("failed"))))
        start = clock.to_ns(action["started_at"]) - started_ns
        # an action still open when its iteration was cut off ends there
        finished_at = action.get("finished_at")
        times.append(start)
        times.append(
            start
            if finished_at is None
            else clock.to_ns(finished_at) - started_ns
        )
        children = action.get("children")
        if children:
            _walk(children, depth + 1, started_ns, nodes, times)


def row_of(result: t.Mapping[str, t.Any], number: int) -> Row:
    """The row of a result in Rally's form (seconds as floats)."""
    started_ns = clock.to_ns(result["timestamp"])
    shape, times = shape_of(result["atomic_actions"], started_ns)
    error = result.get("error") or None
    output = result.get("output")
    return Row(
        number=number,
        started_ns=started_ns,
        duration_ns=clock.to_ns(result["duration"]),
        idle_ns=clock.to_ns(result["idle_duration"]),
        lag_ns=0,
        shape=shape,
        times=times,
        error=error_of(error) if error else None,
        output=(
            plain_output(output)
            if output and (output.get("additive") or output.get("complete"))
            else None
        ),
    )


def plain_output(output: t.Any) -> dict[str, t.Any]:
    """*output* as both JSON and the packed form of a chunk can hold it.

    Lone surrogates are escaped. Numbers are those of charts: an integer
    beyond 64 bits, which msgpack lacks, is the nearest float.

    :raises Exception: of several kinds: one of them cannot
    """
    text = utf8.json_of(json.dumps(output))
    plain = t.cast("dict[str, t.Any]", json.loads(text))
    try:
        msgspec.msgpack.encode(plain)
    except OverflowError:
        plain = json.loads(text, parse_int=_number_of)
        msgspec.msgpack.encode(plain)
    return plain


def _number_of(text: str) -> int | float:
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 64 else float(number)


class ResultRefused(ValueError):
    """What a plugin sent is not the result of an iteration; says why."""


def checked_row(result: t.Any, number: int) -> Row:
    """``row_of`` something that may be anything.

    :raises ResultRefused: it has no row, or one that makes no sense
    """
    try:
        row = row_of(result, number)
    except (
        AttributeError, LookupError, OverflowError, RecursionError,
        TypeError, ValueError,
    ) as e:
        raise ResultRefused("%s: %s" % (type(e).__name__, e)) from None
    times = times_of(row.times, row.started_ns)
    spans = zip(times[::2], times[1::2], strict=True)
    if row.started_ns < 0 or row.duration_ns < 0 or row.idle_ns < 0:
        raise ResultRefused("one of its times is negative")
    if any(stop < start for start, stop in spans):
        raise ResultRefused("an action ends before it starts")
    moments = (
        row.started_ns + row.duration_ns + row.idle_ns,
        *(row.started_ns + each for each in times),
    )
    if not 0 <= min(moments) <= max(moments) <= LAST_NS:
        raise ResultRefused("one of its times is out of range")
    return row


def error_of(error: t.Sequence[t.Any]) -> Error:
    """Type, message and traceback, whatever number of them was given."""
    texts = [utf8.text_of(part) for part in error][:3]
    texts += [""] * (3 - len(texts))
    return texts[0], texts[1], texts[2]


def actions_of(
    shape: Shape, times: t.Sequence[int], started_ns: int
) -> list[dict[str, t.Any]]:
    """Inverse of ``shape_of``: Rally's atomic actions."""
    top: list[dict[str, t.Any]] = []
    levels = [top]
    for i, (name, depth, failed) in enumerate(shape):
        action: dict[str, t.Any] = {
            "name": name,
            "children": [],
            "started_at": (started_ns + times[2 * i]) / NS,
            "finished_at": (started_ns + times[2 * i + 1]) / NS,
        }
        if failed:
            action["failed"] = True
        levels[depth].append(action)
        del levels[depth + 1:]
        levels.append(action["children"])
    return top


def result_of(
    started_ns: int,
    duration_ns: int,
    idle_ns: int,
    shape: Shape,
    times: t.Sequence[int],
    error: Error | None,
    output: t.Mapping[str, t.Any] | None,
) -> dict[str, t.Any]:
    """Rally's result of one iteration."""
    return {
        "timestamp": started_ns / NS,
        "duration": duration_ns / NS,
        "idle_duration": idle_ns / NS,
        "error": list(error) if error else [],
        "output": (
            {
                "additive": output.get("additive", []),
                "complete": output.get("complete", []),
            }
            if output
            else {"additive": [], "complete": []}
        ),
        "atomic_actions": actions_of(shape, times, started_ns),
    }
