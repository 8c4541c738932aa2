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

"""The newest snapshot of each source of results, and all of them merged."""

from __future__ import annotations

import dataclasses
import threading
import typing as t

from rally.common import portable
from rally.task.results.aggregate import Aggregate


@dataclasses.dataclass(frozen=True, slots=True)
class Packed:
    """An aggregate as it came, which nobody has needed yet."""

    state: bytes  # ``Aggregate.to_bytes``
    shift_ns: int  # how far the clock of its source is ahead


class SnapshotBoard:
    """The newest aggregate of each source, and all of them merged.

    Snapshots are cumulative: a lost, repeated or late one costs nothing. An
    aggregate that was put here belongs to the board. Those that come as
    bytes are restored when somebody wants to judge, so whoever puts them is
    not held up. All methods may be called from any thread.
    """

    def __init__(self, sla_config: t.Mapping[str, t.Any]) -> None:
        """:param sla_config: criterion name -> its value"""
        self._blank = Aggregate(sla_config)
        self._changed = threading.Condition()
        self._snapshots: dict[str, tuple[int, Aggregate | Packed]] = {}
        self._foreign: set[str] = set()  # sources whose snapshots are bytes
        #: sources whose snapshots made no sense, and why
        self.malformed: dict[str, str] = {}
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
        aggregate: Aggregate | Packed,
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
            if isinstance(aggregate, Packed):
                self._foreign.add(source)
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
        while True:
            version, parts = self._restored()
            with self._changed:
                if self._merged[0] == version:
                    return self._merged[1]
            aggregate = self._blank.blank()
            try:  # unlocked: this calls into plugins
                aggregate.merge_all(list(parts.values()))
            except Exception:  # of a criterion: perhaps of one source's
                if not self._drop_culprits(parts):
                    raise
                continue
            with self._changed:
                if version > self._merged[0]:
                    self._merged = version, aggregate
            return aggregate

    def sources(self) -> dict[str, Aggregate]:
        """The newest aggregate of each source; to be read, not changed."""
        return self._restored()[1]

    def _restored(self) -> tuple[int, dict[str, Aggregate]]:
        """The version there is, and the aggregate of each source."""
        with self._changed:
            version, found = self._version, dict(self._snapshots)
        aggregates: dict[str, Aggregate] = {}
        for source, (number, known) in found.items():
            if isinstance(known, Packed):
                restored = self._restore(source, number, known)
                if restored is None:
                    continue
                known = restored
            aggregates[source] = known
        return version, aggregates

    def _restore(
        self, source: str, number: int, packed: Packed
    ) -> Aggregate | None:
        """The aggregate, kept from now on; None: it makes no sense."""
        try:
            aggregate = self._blank.restored_from(packed.state)
        except portable.MalformedState as e:
            self._reject(source, str(e))
            return None
        aggregate.shift(packed.shift_ns)
        with self._changed:
            if self._snapshots.get(source) == (number, packed):
                self._snapshots[source] = number, aggregate
        return aggregate

    def _drop_culprits(self, parts: t.Mapping[str, Aggregate]) -> bool:
        """Reject what came from others and cannot be merged; was there any?
        """
        found = False
        for source, aggregate in parts.items():
            if source not in self._foreign:
                continue
            try:
                aggregate.checker.try_out()
            except portable.MalformedState as e:
                self._reject(source, str(e))
                found = True
        return found

    def _reject(self, source: str, problem: str) -> None:
        with self._changed:
            self.malformed[source] = problem
            self._version += self._snapshots.pop(source, None) is not None

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
