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
import threading
import typing as t

from rally.common import portable
from rally.task import sla
from rally.task.results import saturation
from rally.task.results.distribution import Distribution
from rally.task.results.durations import DurationsTable

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk


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
        self.strain = saturation.Strain()

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
            self.strain.merge(other.strain)
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
            "strain": self.strain.to_state(),
        }

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
            made.strain = saturation.Strain.from_state(state["strain"])
        return made


class SnapshotBoard:
    """The newest aggregate of each source, and all of them merged.

    Snapshots are cumulative: a lost, repeated or late one costs nothing. An
    aggregate that was put here belongs to the board. All methods may be
    called from any thread.
    """

    def __init__(self, sla_config: t.Mapping[str, t.Any]) -> None:
        """:param sla_config: criterion name -> its value"""
        self._blank = Aggregate(sla_config)
        self._changed = threading.Condition()
        self._snapshots: dict[str, tuple[int, Aggregate]] = {}
        self._version = 0
        self._merged: tuple[int, Aggregate] = 0, self._blank.blank()
        self._has_urgent = False
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def put(
        self,
        source: str,
        number: int,
        aggregate: Aggregate,
        urgent: bool = False,
    ) -> bool:
        """Keep *aggregate* unless a newer one of its source is here.

        :param number: grows from snapshot to snapshot of the source
        :param urgent: wake up who waits in ``wait_urgent``
        :returns: whether it was newer
        """
        with self._changed:
            known = self._snapshots.get(source)
            if known is not None and number <= known[0]:
                return False
            self._snapshots[source] = number, aggregate
            self._version += 1
            self._has_urgent = self._has_urgent or urgent
            self._changed.notify_all()
        return True

    def replace(self, source: str, aggregate: Aggregate) -> None:
        """Put *aggregate* in the place of whatever *source* said."""
        with self._changed:
            number, _ = self._snapshots.get(source, (0, None))
            self._snapshots[source] = number + 1, aggregate
            self._version += 1
            self._changed.notify_all()

    def drop(self, source: str) -> None:
        """Forget a source and what it has counted."""
        with self._changed:
            if self._snapshots.pop(source, None):
                self._version += 1
                self._changed.notify_all()

    def merged(self) -> Aggregate:
        """All sources as one; to be read, not changed."""
        with self._changed:
            version, aggregate = self._merged
            if version == self._version:
                return aggregate
            version = self._version
            parts = [part for _, part in self._snapshots.values()]
        aggregate = self._blank.blank()
        aggregate.merge_all(parts)  # unlocked: this calls into plugins
        with self._changed:
            if version > self._merged[0]:
                self._merged = version, aggregate
        return aggregate

    def sources(self) -> dict[str, Aggregate]:
        """The newest aggregate of each source; to be read, not changed."""
        with self._changed:
            return {name: part for name, (_, part) in self._snapshots.items()}

    def wait(self, version: int, timeout_s: float | None) -> int:
        """Block until there is a version other than *version*, or close.

        :returns: the version there is now; the first one is 0
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._version != version or self._is_closed, timeout_s
            )
            return self._version

    def wait_urgent(self, timeout_s: float | None) -> bool:
        """Block until an urgent snapshot comes, or close.

        :returns: whether one came since the last call
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._has_urgent or self._is_closed, timeout_s
            )
            has_urgent, self._has_urgent = self._has_urgent, False
            return has_urgent

    def close(self) -> None:
        """Nothing more will come: nobody waits here any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


def _of_both(
    choose: t.Callable[[int, int], int], mine: int | None, other: int | None
) -> int | None:
    if mine is None or other is None:
        return other if mine is None else mine
    return choose(mine, other)


def _less(value: int | None, offset_ns: int) -> int | None:
    return None if value is None else value - offset_ns
