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

"""The jobs of one order, in files: any process finds them again.

What is submitted has a name that was written down before, so that a job is
found even if whoever submitted it was killed before it knew the id.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import secrets
import time
import typing as t

from rally.common import private_files
from rally.plugins.common.agent_providers import slurm_jobs
from rally.plugins.common.agent_providers.slurm_jobs import (
    COMMAND_S,
    SlurmFailed,
)

#: the name of the jobs, and a file for each time that something is submitted,
#: which gets the id
RECORD, JOB = "slurm.json", "slurm-%d.job"
#: Slurm tells nobody that a job has ended, so it is asked: so soon, and then
#: half as often each time
SOON_S, SELDOM_S = 0.1, 2.0


class Named(t.NamedTuple):
    """What jobs are called, and where on the nodes they write."""

    name: str
    folder: pathlib.Path


class Submissions:
    """Job arrays that were submitted for one order.

    :param folder: of the order
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._record = folder / RECORD

    def named(self) -> Named | None:
        """None: nothing is left to be ended."""
        try:
            content = json.loads(self._record.read_bytes())
        except FileNotFoundError:
            return None
        return Named(content["name"], pathlib.Path(content["folder"]))

    def name(self, task: str, parent: pathlib.Path) -> Named:
        """Choose a name that nobody has, and write it down."""
        name = "rally-%s-%s" % (task[:8], secrets.token_hex(4))
        named = Named(name, parent / name)
        content = {"name": name, "folder": str(named.folder)}
        private_files.write(self._record, [json.dumps(content).encode()])
        return named

    def submit(self, options: t.Sequence[str], script: str) -> slurm_jobs.Job:
        """:raises SlurmFailed: Slurm does not take it"""
        path = self._folder / (JOB % len(self._job_files()))
        # sbatch itself writes the id, and holds the lock: whoever finds
        # neither knows that nothing was or will be submitted
        with open(path, "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            slurm_jobs.submit(options, script, file.fileno())
            os.fsync(file.fileno())
        return slurm_jobs.Job.parse(path.read_text())

    def _job_files(self) -> list[pathlib.Path]:
        paths = self._folder.glob(JOB.replace("%d", "*"))
        return sorted(paths, key=lambda path: (len(path.name), path.name))

    def elements(
        self, until_s: float | None = None
    ) -> dict[int, slurm_jobs.Element]:
        """By index; of several, that of the latest submission.

        :raises SlurmFailed: nobody answers
        """
        if until_s is None:
            until_s = time.monotonic() + COMMAND_S
        return _elements(self._jobs(until_s), until_s)

    def _jobs(self, until_s: float) -> list[slurm_jobs.Job]:
        """What Slurm has, or had, in the order of submission.

        :raises SlurmFailed: that cannot be known yet
        """
        texts = [_finished(path, until_s) for path in self._job_files()]
        jobs = [slurm_jobs.Job.parse(text) for text in texts if text]
        named = self.named()
        if named is not None and not all(texts):  # somebody was killed
            jobs += slurm_jobs.find(named.name, _left(until_s))
        return jobs

    def end(self, until_s: float) -> str:
        """Have all of them ended.

        :returns: why that is not certain, a sentence; empty if it is
        """
        problem = ""
        try:
            jobs = self._jobs(until_s)
            for how in ((), ("--signal=KILL", "--full")):
                problem = _cancel(jobs, how, until_s)
                half_s = (time.monotonic() + until_s) / 2
                if _are_over(jobs, until_s if how else half_s):
                    return ""
        except SlurmFailed as e:
            return str(e)
        return problem or "They did not end in time."

    def forget(self) -> None:
        """Nothing is left of them."""
        for path in (*self._job_files(), self._record):
            path.unlink(missing_ok=True)


def _elements(
    jobs: t.Iterable[slurm_jobs.Job], until_s: float
) -> dict[int, slurm_jobs.Element]:
    found: dict[int, slurm_jobs.Element] = {}
    for job in jobs:
        found.update(job.look(_left(until_s)))
    return found


def _finished(path: pathlib.Path, until_s: float) -> str:
    """What ``sbatch`` has written; waits for one that is at it.

    :raises SlurmFailed: it still is
    """
    with contextlib.suppress(FileNotFoundError), open(path) as file:
        for _ in _looks(until_s):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file.read().strip()
        raise SlurmFailed(command="sbatch", reason="it still runs")
    return ""  # another process has ended it just now


def _left(until_s: float) -> float:
    """Time that is left, but enough for one command."""
    return max(1.0, until_s - time.monotonic())


def _looks(until_s: float) -> t.Iterator[None]:
    """When to look, more and more seldom; once at least."""
    interval_s = SOON_S
    while True:
        yield
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            return
        time.sleep(min(interval_s, left_s))
        interval_s = min(2 * interval_s, SELDOM_S)


def _cancel(
    jobs: t.Iterable[slurm_jobs.Job], how: t.Sequence[str], until_s: float
) -> str:
    """:returns: what Slurm said if it did not do so: they may be over"""
    try:
        for job in jobs:
            job.cancel(how, _left(until_s))
    except SlurmFailed as e:
        return str(e)
    return ""


def _are_over(jobs: t.Sequence[slurm_jobs.Job], until_s: float) -> bool:
    """Wait until they are.

    :raises SlurmFailed: nobody knows
    """
    for _ in _looks(until_s):
        elements = _elements(jobs, until_s).values()
        if all(element.is_over for element in elements):
            return True
    return False
