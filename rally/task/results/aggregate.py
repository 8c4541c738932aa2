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

"""Aggregates: what a run has learnt so far, small and mergeable."""

from __future__ import annotations

import collections
import typing as t

import msgspec

from rally.common import portable
from rally.task import sla
from rally.task.results import saturation
from rally.task.results.distribution import Distribution
from rally.task.results.durations import DurationsTable
from rally.task.results.traffic import Traffic

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder()


class Aggregate:
    """Counters, durations and SLA verdict of a set of iterations, and what
    they asked of whoever made them.

    Merge law: merged aggregates of shares equal the aggregate of the whole,
    in any order and grouping and through ``to_state`` and ``from_state``;
    a new one is the identity.
    """

    def __init__(
        self,
        sla_config: t.Mapping[str, t.Any],
        checker: sla.SLAChecker | None = None,
    ) -> None:
        """:param sla_config: criterion name -> its value
        :param checker: what is known of these criteria; None: nothing yet
        """
        self.sla_config = sla_config
        self.first_started_ns: int | None = None
        self.last_started_ns: int | None = None
        self.last_finished_ns: int | None = None
        self.lag = Distribution()
        self.response = Distribution()  # see ``_add_response``
        self.table = DurationsTable()
        self.checker = checker or sla.SLAChecker({"sla": sla_config})
        self.counters: collections.Counter[str] = collections.Counter()
        self.saturation = saturation.Saturation()
        self.traffic = Traffic()

    @property
    def iterations(self) -> int:
        return self.table.iterations

    @property
    def failed(self) -> int:
        return self.table.failed

    @property
    def durations(self) -> Distribution:
        """Durations of all iterations, without idle time."""
        return self.table.durations

    @property
    def is_passing(self) -> bool:
        """Do all criteria hold for what is known so far?"""
        return self.checker.is_passing

    def add_chunk(self, chunk: Chunk) -> bool:
        """Learn the iterations of a chunk; tell whether all criteria hold."""
        if len(chunk):
            self._extend(chunk.first_ns, chunk.last_ns, chunk.finished_ns)
            self.table.add_chunk(chunk)
            self.lag.add_array(chunk.lag_ns)
            self._add_response(chunk)
            self.checker.add_chunk(chunk)
        return self.is_passing

    def _add_response(self, chunk: Chunk) -> None:
        """Response times: from the due moment of an iteration to its end.

        Only those of an open model, which are late by 1 ns at the least.
        """
        had_due = chunk.lag_ns > 0
        if had_due.any():
            self.response.add_array(
                (chunk.lag_ns + chunk.duration_ns)[had_due]
            )

    def merge(self, other: Aggregate) -> bool:
        """Learn what *other* knows, which stays as it is.

        :returns: whether all criteria hold for both together
        :raises TypeError: *other* judges by other criteria
        """
        return self.merge_all([other])

    def merge_all(self, others: t.Sequence[Aggregate]) -> bool:
        """``merge`` each of *others*; the verdict is made up only once.

        :returns: whether all criteria hold for all together
        :raises TypeError: one judges by other criteria
        """
        self.checker.merge_all([other.checker for other in others])
        for other in others:
            self.table.merge(other.table)
            self.lag.merge(other.lag)
            self.response.merge(other.response)
            self.counters.update(other.counters)
            self.saturation.merge(other.saturation)
            self.traffic = self.traffic.merge(other.traffic)
            self._extend(
                other.first_started_ns, other.last_started_ns,
                other.last_finished_ns,
            )
        return self.is_passing

    def _extend(
        self, first: int | None, last: int | None, finished: int | None
    ) -> None:
        self.first_started_ns = _of_both(min, self.first_started_ns, first)
        self.last_started_ns = _of_both(max, self.last_started_ns, last)
        self.last_finished_ns = _of_both(
            max, self.last_finished_ns, finished
        )

    def shifted(self, offset_ns: int) -> Aggregate:
        """A copy with *offset_ns* taken off all times.

        :param offset_ns: how far the clock of these iterations is ahead
        """
        twin = self.blank()
        twin.merge(self)
        twin.shift(offset_ns)
        return twin

    def blank(self) -> Aggregate:
        """A new one for the same criteria; cheap to make."""
        return Aggregate(self.sla_config, self.checker.blank())

    def shift(self, offset_ns: int) -> None:
        """Take *offset_ns* off all times.

        :param offset_ns: how far the clock of these iterations is ahead
        """
        self.first_started_ns = _less(self.first_started_ns, offset_ns)
        self.last_started_ns = _less(self.last_started_ns, offset_ns)
        self.last_finished_ns = _less(self.last_finished_ns, offset_ns)

    def to_state(self) -> dict[str, t.Any]:
        """Plain values; JSON and msgpack carry them unchanged."""
        return {
            "times": [
                self.first_started_ns, self.last_started_ns,
                self.last_finished_ns,
            ],
            "lag": self.lag.to_state(),
            "response": self.response.to_state(),
            "table": self.table.to_state(),
            "sla": self.checker.to_state(),
            "counters": dict(self.counters),
            "strain": self.saturation.to_state(),
            "traffic": self.traffic.to_state(),
        }

    def to_bytes(self) -> bytes:
        """``to_state`` as it travels."""
        return _ENCODER.encode(self.to_state())

    def restored_from(self, data: bytes) -> Aggregate:
        """Inverse of ``to_bytes``, for the criteria of this one.

        :raises MalformedState: *data* is not of such an aggregate
        """
        try:
            state = _DECODER.decode(data)
        except (msgspec.MsgspecError, RecursionError, ValueError) as e:
            raise portable.MalformedState(
                owner=type(self).__name__, problem=str(e)
            ) from None
        return self.restored(state)

    @classmethod
    def from_state(
        cls, sla_config: t.Mapping[str, t.Any], state: t.Any
    ) -> Aggregate:
        """Inverse of ``to_state``, given the same criteria.

        :raises MalformedState: *state* is not of such an aggregate
        """
        return cls(sla_config).restored(state)

    def restored(self, state: t.Any) -> Aggregate:
        """``from_state`` for the criteria of this one, which stays as it is.

        :raises MalformedState: *state* is not of such an aggregate
        """
        with portable.reading(type(self).__name__):
            made = Aggregate(
                self.sla_config, self.checker.restored(state["sla"])
            )
            made._extend(*map(portable.unpack_moment, state["times"]))
            made.lag = Distribution.from_state(state["lag"])
            made.response = Distribution.from_state(state["response"])
            made.table = DurationsTable.from_state(state["table"])
            made.counters.update(
                {
                    str(name): portable.unpack_count(count)
                    for name, count in state["counters"].items()
                }
            )
            made.saturation = saturation.Saturation.from_state(state["strain"])
            made.traffic = Traffic.from_state(state["traffic"])
        return made


def _of_both(
    choose: t.Callable[[int, int], int], mine: int | None, other: int | None
) -> int | None:
    if mine is None or other is None:
        return other if mine is None else mine
    return choose(mine, other)


def _less(value: int | None, offset_ns: int) -> int | None:
    return None if value is None else value - offset_ns
