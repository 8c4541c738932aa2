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

"""The pool's side of one worker process."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
import typing as t

from rally.task.load import frames, outbox, shared, snapshot_pace
from rally.task.results import aggregate as aggregate_module
from rally.task.results import chunk as chunk_module
from rally.task.results.traffic import Traffic

EXIT_DEADLINE_S = 10.0
#: the files of a process that dies are closed at the very end
DYING_S = 1.0


@dataclasses.dataclass
class Peer:
    """The pool's side of a worker."""

    name: str
    index: int
    slots: int
    process: t.Any
    exit_fd: int  # readable once the process has ended
    results_fd: int
    control_fd: int
    sla_config: t.Mapping[str, t.Any]
    reader: frames.FrameReader = dataclasses.field(
        default_factory=frames.FrameReader
    )
    is_ready: bool = False
    bye: frames.Bye | None = None
    is_broken: bool = False  # sent garbage
    verdict: str = ""  # why the pool ended it
    number: int = 0  # of its last snapshot
    state: bytes | None = None  # of its last snapshot
    #: set if the worker cannot send what its criteria have learnt
    counted_here: aggregate_module.Aggregate | None = None
    #: of the snapshots that are made here in its place
    pace: snapshot_pace.SnapshotPace = dataclasses.field(
        default_factory=lambda: snapshot_pace.SnapshotPace(
            outbox.SNAPSHOT_DELAY_S
        )
    )
    #: blocks after its last snapshot: counted here if it dies
    uncounted: list[chunk_module.Chunk] = dataclasses.field(
        default_factory=list
    )
    #: see ``hangs``: its watchdog's word, and how it was seen last
    watch: memoryview = dataclasses.field(
        default_factory=lambda: shared.Words(1).view
    )
    looked_s: float = 0.0
    late_word: int = 0
    late_looks: int = 0

    @property
    def counts_at(self) -> float | None:
        """When its snapshot is to be made here, seconds of the monotonic
        clock; None: it makes them itself, or there is nothing new.
        """
        if self.counted_here is None or not self.uncounted:
            return None
        return self.pace.due_at

    def aggregate(self) -> aggregate_module.Aggregate:
        """All that was delivered; a new one each time."""
        made = aggregate_module.Aggregate(self.sla_config)
        if self.counted_here is not None:  # its worker sends no snapshots
            for chunk in self.uncounted:
                self.counted_here.add_chunk(chunk)
            self.uncounted.clear()
            made.merge(self.counted_here)
            if self.bye is not None:
                made.traffic = Traffic(*self.bye.traffic)
            return made
        if self.state is not None:
            made = aggregate_module.Aggregate.from_state(
                self.sla_config, frames.decode_state(self.state)
            )
        for chunk in self.uncounted:
            made.add_chunk(chunk)
        return made

    def end(self) -> str:
        """Wait for the process to end, and close what leads to it.

        :returns: how it ended
        """
        if not (self.bye or self.verdict or self._has_ended(DYING_S)):
            self.verdict = (
                "closed the pipe of its results (os.closerange, perhaps), "
                "so it was ended"
            )
        os.close(self.results_fd)
        # not process.join: a child that the scenario forked may hold open
        # what that waits for
        if self.bye is None or not self._has_ended(EXIT_DEADLINE_S):
            self.process.kill()  # dead already, or as good as dead
            self._has_ended(EXIT_DEADLINE_S)
        os.close(self.exit_fd)
        death = "%s (process %s) %s" % (
            self.name, self.process.pid,
            self.verdict or _cause_of_death(self.process.exitcode),
        )
        if self.process.exitcode is not None:
            self.process.close()
        return death

    def _has_ended(self, timeout_s: float) -> bool:
        """Wait for the end of the process."""
        poll = select.poll()
        poll.register(self.exit_fd, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))


def _cause_of_death(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return "ended with exit status %s" % exitcode
    try:
        name = signal.Signals(-exitcode).name
    except ValueError:
        name = "signal"
    return "was killed by %s (%d)" % (name, -exitcode)
