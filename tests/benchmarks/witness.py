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

"""Tells when the machine itself stood still.

A virtual machine does not always run: its host gives the CPU to others, for
milliseconds at a time. What is late then is late whatever program it is. A
witness is a real-time thread on each CPU that sleeps for a fifth of a
millisecond and looks at the clock, again and again: no other process can
keep it from running, so where it wakes late, the CPU was not there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import typing as t

from rally.common import clock
from tests.benchmarks import pauses

STEP_NS = 200_000
#: what a wake-up costs on a machine that runs
SPARE_NS = 200_000
PRIORITY = 50


class Witness:
    """Use it as a context manager around what is measured, in a process that
    does nothing meanwhile: its threads take turns with the others.
    """

    def __init__(self, step_ns: int = STEP_NS) -> None:
        """:param step_ns: how long its threads sleep at a time"""
        self._step_ns = step_ns
        self._stop = threading.Event()
        self._ready = threading.Semaphore(0)
        self._problem = ""
        self._cpus = sorted(os.sched_getaffinity(0))
        self._late: list[list[pauses.Pause]] = [[] for _ in self._cpus]
        self._began = self._ended = 0

    def __enter__(self) -> Witness:
        self._threads = [
            threading.Thread(target=self._watch, args=pair, daemon=True)
            for pair in zip(self._cpus, self._late)
        ]
        for thread in self._threads:
            thread.start()
            self._ready.acquire()
        self._began = clock.now_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended = clock.now_ns()
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def seen(self) -> pauses.Pauses | None:
        """What was seen; None if this user may not run such threads."""
        if self._problem:
            return None
        return pauses.Pauses(self._late, self._ended - self._began)

    def _watch(self, cpu: int, seen: list[pauses.Pause]) -> None:
        try:
            os.sched_setaffinity(0, {cpu})
            os.sched_setscheduler(
                0, os.SCHED_FIFO, os.sched_param(PRIORITY)
            )
        except OSError as e:
            self._problem = str(e)
            return
        finally:
            self._ready.release()
        now, is_over = clock.now_ns, self._stop.is_set
        while not is_over():
            before = now()
            time.sleep(self._step_ns / 1e9)
            after = now()
            if after - before > self._step_ns + SPARE_NS:
                seen.append((before + self._step_ns, after))


class WitnessProcess:
    """A witness for whoever is busy; a context manager as well.

    :param cpu: the one that it watches
    """

    #: a second of the watched CPU has room for so many looks
    STEP_NS = 1_000_000

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu
        self.seen: pauses.Pauses | None = None

    def __enter__(self) -> WitnessProcess:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.witness",
             str(self._cpu), str(self.STEP_NS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ,
                 clock.WALL_BASE_VARIABLE: str(clock.WALL_BASE_NS)},
        )
        t.cast(t.IO[str], self._process.stdout).readline()
        return self

    def __exit__(self, *exc: object) -> None:
        told, _ = self._process.communicate()
        if told.strip():
            self.seen = pauses.Pauses(*json.loads(told))


def main(cpu: int, step_ns: int) -> None:
    """Watch until standard input ends; print what ``Pauses`` takes."""
    os.sched_setaffinity(0, {cpu})
    with Witness(step_ns) as watch:
        print(flush=True)
        sys.stdin.read()
    if watch.seen is not None:
        print(json.dumps(watch.seen.plain()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
