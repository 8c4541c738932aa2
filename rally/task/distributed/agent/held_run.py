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

"""What an agent knows of the run it works for, and of its spools."""

from __future__ import annotations

import collections
import typing as t

from rally.task.distributed.wire import messages


class HeldRun:
    """The run an agent works for: its leases, progress and end.

    :param spooled: runs of which chunks are on disk -> one more than the
        highest sequence number
    :param torn: how many chunks of them are damaged
    """

    def __init__(
        self, spooled: t.Mapping[str, int], torn: t.Mapping[str, int]
    ) -> None:
        self._spools = dict(spooled)
        self._torn = collections.Counter(torn)
        self.run = ""
        self.task = ""  # whose run it is
        self.lease = 0
        self.drawn = 0
        self.drawn_ns = 0  # when the load process said so
        self.remaining = 0
        self.is_closed = False  # there will be no more leases
        self.ended: messages.Ended | None = None
        self._kept: set[int] = set()  # chunks the controller did not store

    def begin(self, run: str, task: str = "", first_chunk: int = 0) -> None:
        """Work for *run* from now on, which is one of *task*.

        :param first_chunk: number of the first chunk that may be made
        """
        self.run, self.task = run, task
        self.lease = self.drawn = self.drawn_ns = self.remaining = 0
        self.is_closed = False
        self.ended = None
        self._spools[run] = first_chunk
        self._kept.clear()

    def forget(self, run: str) -> None:
        """Nothing is kept of *run* any more."""
        self._spools.pop(run, None)
        self._torn.pop(run, None)
        if run == self.run:
            self.run, self.ended = "", None

    @property
    def spooled_runs(self) -> tuple[str, ...]:
        return tuple(sorted(self._spools))

    def takes(self, grant: messages.Grant) -> bool:
        """Count a lease; False if it is not the next one of this run."""
        if grant.run != self.run or grant.lease != self.lease + 1:
            return False
        self.lease = grant.lease
        self.remaining += grant.numbers[2]
        return True

    def progressed(
        self, status: messages.LoadLow | messages.LoadStatus, now: int
    ) -> None:
        """The load process reported its progress."""
        self.drawn_ns = now
        self.drawn, self.remaining = status.drawn, status.remaining

    def spooled(self, count: int) -> None:
        """The spool holds *count* chunks of the run by now."""
        self._kept.update(range(self._spools.get(self.run, 0), count))
        self.found(self.run, count, 0)

    def found(self, run: str, count: int, torn: int) -> None:
        """*count* chunks of *run* are on disk; *torn* more are damaged."""
        self._spools[run] = max(self._spools.get(run, 0), count)
        self._torn[run] += torn

    def stored(self, message: messages.Ack) -> None:
        """A chunk is in the database."""
        if message.run == self.run:
            self._kept.discard(message.sequence)

    @property
    def is_delivered(self) -> bool:
        """The load is over, and the controller has stored all of it."""
        return self.ended is not None and not self._kept

    # ---- what the controller is told

    def heartbeat(
        self, state: str, beat: messages.Beat, now: int
    ) -> messages.Heartbeat:
        return messages.Heartbeat(
            run=beat.run,
            state=state,
            lease=self.lease,
            echo_ns=beat.sent_ns,
            received_ns=now,
            sent_ns=now,
            drawn=self.drawn,
            drawn_ns=self.drawn_ns,
            remaining=self.remaining,
            spooled=self._spools.get(beat.run, 0),
        )

    def work_request(self) -> messages.WorkRequest:
        return messages.WorkRequest(
            self.run, self.lease, self.drawn, self.drawn_ns, self.remaining
        )

    def ended_by(self, end: messages.LoadEnded) -> messages.Ended:
        """The load process reported the end of its load."""
        self.spooled(end.spooled)
        return messages.Ended(
            run=self.run,
            spooled=self._spools[self.run],
            returned=end.returned,
            abandoned=False,
            lease=self.lease if end.lease is None else end.lease,
            number=end.number,
            aggregate=end.aggregate,
            reason=end.reason,
            loss=end.loss,
            is_fatal=end.is_fatal,
            torn=self._torn[self.run],
        )

    def abandoned(self, run: str, reason: str = "") -> messages.Ended:
        """*run* does not run here (any more): the spool is all there is."""
        return messages.Ended(
            run=run,
            spooled=self._spools.get(run, 0),
            returned=(),
            abandoned=True,
            lease=self.lease,
            number=0,
            reason=reason,
            torn=self._torn[run],
        )
