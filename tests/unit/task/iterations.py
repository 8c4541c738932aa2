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

"""Strategies for iterations, shared by the tests of statistics."""

from __future__ import annotations

import json
import typing as t

import msgspec
from hypothesis import strategies as st

from rally.task.results import chunk

START_NS = 1_000 * 10 ** 9

SHAPES = (
    (),
    (chunk.Node("foo", 0, False),),
    (chunk.Node("foo", 0, False), chunk.Node("bar", 1, False)),
    (
        chunk.Node("foo", 0, False), chunk.Node("bar", 1, False),
        chunk.Node("bar", 1, True), chunk.Node("baz", 2, False),
        chunk.Node("deep", 3, False), chunk.Node("foo", 0, True),
        chunk.Node("last", 0, False),
    ),
    (chunk.Node("last", 0, True),),
)
ERROR = ("ValueError", "no", "Traceback")

#: none, equal, nearly equal far from zero, ordinary, long
durations = st.one_of(
    st.just(0),
    st.just(1_500_000_000),
    st.integers(10 ** 14, 10 ** 14 + 3),
    st.integers(1, 10 ** 10),
    st.integers(0, 10 ** 15),
)


usual_shapes = st.sampled_from(SHAPES)
#: actions of few iterations each, some inside of others
shapes_of_many_names = st.lists(
    st.builds(
        chunk.Node, st.integers(0, 30).map("a{}".format), st.just(0),
        st.booleans(),
    ),
    max_size=3,
).flatmap(
    lambda nodes: st.lists(
        st.integers(0, 5), min_size=len(nodes), max_size=len(nodes)
    ).map(
        lambda inner: tuple(
            each for node, i in zip(nodes, inner) for each in (
                node, chunk.Node("b%d" % i, 1, False),
                *([chunk.Node("c%d" % i, 2, False)] if i % 2 else []),
            )
        )
    )
)


@st.composite
def rows(
    draw: st.DrawFn, shapes: t.Any = usual_shapes
) -> chunk.Row:
    """One iteration; number and start are given by ``chunk_of``."""
    shape = draw(shapes)
    times: list[int] = []
    for _ in shape:
        start = draw(st.integers(0, 10 ** 9))
        times += [start, start + draw(durations)]
    return chunk.Row(
        number=0,
        started_ns=0,
        duration_ns=draw(durations),
        idle_ns=draw(st.sampled_from([0, 0, 0, 7, 10 ** 9])),
        lag_ns=draw(st.sampled_from([0, 0, 1000, 10 ** 6])),
        shape=shape,
        times=tuple(times),
        error=draw(st.sampled_from([None, None, ERROR])),
        output=None,
    )


def chunk_of(rows: t.Iterable[chunk.Row], first: int = 1) -> chunk.Chunk:
    """A chunk of *rows*, numbered from *first*."""
    return chunk.Chunk.of_rows(
        row._replace(number=number, started_ns=START_NS + number)
        for number, row in enumerate(rows, first)
    )


#: what several sides saw, each a list of chunks; a side may be empty
@st.composite
def shares(
    draw: st.DrawFn,
    max_repeats: int = 1,
    shapes: t.Any = usual_shapes,
) -> list[list[chunk.Chunk]]:
    sides, number = [], 1
    for lengths in draw(
        st.lists(st.lists(st.integers(1, 8), max_size=3), max_size=4)
    ):
        side = []
        for length in lengths:
            several = draw(
                st.lists(rows(shapes), min_size=length, max_size=length)
            ) * draw(st.integers(1, max_repeats))
            side.append(chunk_of(several, number))
            number += len(several)
        sides.append(side)
    return sides


def over_the_wire(state: t.Any) -> t.Any:
    """*state* as the other end sees it, by either encoding."""
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    written = msgspec.json.decode(msgspec.json.encode(state))
    if not packed == written == json.loads(json.dumps(state)) == state:
        raise AssertionError("encodings disagree about %r" % (state,))
    return written
