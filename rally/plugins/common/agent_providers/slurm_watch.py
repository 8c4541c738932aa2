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

"""What becomes of the jobs of an array, for those who wait for agents."""

from __future__ import annotations

import collections
import threading
import time
import typing as t

from rally.common import logging
from rally.common.counting import counted
from rally.plugins.common.agent_providers import slurm_jobs

LOG = logging.getLogger(__name__)

#: Slurm tells nobody of changes, so it is asked: so soon after a change, and
#: half as often each time that there was none
SOON_S, SELDOM_S = 1.0, 16.0


class Watch:
    """What to tell of an array, from one look at it to the next.

    :param indices: of elements that were not over
    """

    def __init__(self, indices: t.Iterable[int]) -> None:
        self._living = set(indices)
        self._phrase = ""

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to look at."""
        return not self._living

    def take(
        self, elements: t.Mapping[int, slurm_jobs.Element]
    ) -> tuple[dict[int, str], str]:
        """What is new.

        :returns: how elements have ended, by index; a phrase about those
            that wait, empty if that has not changed
        """
        ended: dict[int, str] = {}
        waiting: collections.Counter[str] = collections.Counter()
        for index in sorted(self._living):
            element = elements.get(index)
            if element is None:
                ended[index] = "Slurm no longer knows its job"
            elif element.is_over:
                ended[index] = element.end()
            elif element.is_waiting:
                waiting[element.reason] += 1
        self._living -= set(ended)
        before, self._phrase = self._phrase, _phrase(waiting)
        return ended, "" if self._phrase == before else self._phrase


def _phrase(waiting: collections.Counter[str]) -> str:
    if not waiting:
        return ""
    return "%s pending: %s" % (
        counted(waiting.total(), "Slurm job is", "Slurm jobs are"),
        ", ".join(
            "%s (%d)" % (reason, count)
            for reason, count in waiting.most_common()
        ),
    )


class Watcher:
    """Looks at jobs in a thread of its own until they are over.

    :param look: the elements that there are now
    :param tell: called with what ``Watch.take`` returns if that is anything
    """

    def __init__(
        self, indices: t.Iterable[int],
        look: t.Callable[[], dict[int, slurm_jobs.Element]],
        tell: t.Callable[[dict[int, str], str], None],
    ) -> None:
        self._watch = Watch(indices)
        self._look = look
        self._tell = tell
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self, until_s: float) -> None:
        """Tell nothing more."""
        self._is_stopped.set()
        self._thread.join(max(0.0, until_s - time.monotonic()))

    def _serve(self) -> None:
        interval_s = SOON_S
        is_blind = False
        while not self._watch.is_over and (
            not self._is_stopped.wait(interval_s)
        ):
            interval_s = min(2 * interval_s, SELDOM_S)
            try:
                ended, phrase = self._watch.take(self._look())
            except slurm_jobs.SlurmFailed as e:
                if not is_blind:
                    LOG.warning("Nobody watches the agents now. %s" % e)
                is_blind = True
                continue
            is_blind = False
            if (ended or phrase) and not self._is_stopped.is_set():
                interval_s = SOON_S
                self._tell(ended, phrase)
