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

"""Workers whose interpreter runs no thread any more, seen from the pool.

The watchdog of a worker ends what runs beyond its timeout, unless a call
into C keeps the interpreter for itself (a regular expression can): then no
watchdog runs either. It notes in a shared word when it will look again, so
the pool sees that it does not.
"""

from __future__ import annotations

import typing as t

from rally.task.load import peer

#: seconds between two looks at a watchdog that is late
LOOK_S = 1.0
#: this many looks find it late before its worker is given up. Looks, not
#: seconds: if the pool itself was not run for a while, nobody is to blame
LOOKS = 6


class HangWatch:
    """Looks at the watchdogs of the workers.

    :param timeout_s: of an iteration; None: there are no watchdogs
    """

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s

    def next_look(self, workers: t.Iterable[peer.Peer]) -> float | None:
        """When to look again, seconds of the monotonic clock."""
        moments = [
            max(worker.watch[0] / 1e9, worker.looked_s + LOOK_S)
            for worker in workers
            if self._timeout_s and worker.watch[0] and not worker.verdict
        ]
        return min(moments, default=None)

    def end_hung(self, workers: t.Iterable[peer.Peer], now: float) -> None:
        """Kill the workers that have been late for too long."""
        for worker in workers if self._timeout_s else ():
            if self._is_hung(worker, now):
                worker.verdict = (
                    "was ended because it hung: a call kept all other threads "
                    "or coroutines from running, for longer than the timeout "
                    "of %g s"
                    % (self._timeout_s or 0)
                )
                worker.process.kill()

    @staticmethod
    def _is_hung(worker: peer.Peer, now: float) -> bool:
        word = worker.watch[0]
        is_late = word and word / 1e9 <= now
        if not is_late or now < worker.looked_s + LOOK_S or worker.verdict:
            return False
        if word != worker.late_word:
            worker.late_word, worker.late_looks = word, 0
        worker.looked_s = now
        worker.late_looks += 1
        return worker.late_looks >= LOOKS
