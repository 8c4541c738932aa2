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

"""Runs a command and adds up what its whole tree of processes used.

Who waits for a child learns what the child used, together with what the
child's own waited-for children used (``wait4``). A process whose parent has
ended goes to the nearest ancestor that asked to be given orphans
(``PR_SET_CHILD_SUBREAPER``), which is this one. So waiting until there is no
child left counts every descendant exactly once, without root or a control
group. Only a process that ignores SIGCHLD would hide its children; neither
Rally does.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import pathlib
import subprocess
import threading
import time
import typing as t

from tests.benchmarks import errors, family

PR_SET_CHILD_SUBREAPER = 36
#: what a command leaves behind must end by itself within this time
GRACE_S = 20.0
LOG_TAIL = 1500

Watch: t.TypeAlias = t.Callable[[int], t.ContextManager[None]]


@dataclasses.dataclass(frozen=True)
class Usage:
    """What a command and all its descendants used."""

    status: int
    wall_s: float  # until the command itself ended
    cpu_s: float  # of all processes, user and system
    peak_bytes: int  # of the process that took most memory
    output: str


def adopt_orphans() -> None:
    """Become the parent of each descendant whose own parent has ended.

    :raises BenchmarkError: the kernel cannot do that
    """
    _be_subreaper(True)


@contextlib.contextmanager
def orphans_go() -> t.Iterator[None]:
    """Let processes whose parent ends meanwhile be nobody's of this one.

    :raises BenchmarkError: the kernel cannot do that
    """
    _be_subreaper(False)
    try:
        yield
    finally:
        _be_subreaper(True)


def _be_subreaper(is_one: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, int(is_one), 0, 0, 0):
        raise errors.BenchmarkError(
            "CPU time of orphaned processes cannot be counted: %s. Run the "
            "benchmarks on Linux." % os.strerror(ctypes.get_errno())
        )


class _Reaper:
    """Waits for every child of this process, and kills what overstays."""

    def __init__(self, pid: int, deadline_s: float) -> None:
        self.status = -1
        self.ended = 0.0
        self.cpu_s = 0.0
        self.peak_bytes = 0
        self.overstayed: list[int] = []
        self._pid = pid
        self._timer = self._kill_after(deadline_s)

    def reap(self) -> None:
        try:
            with contextlib.suppress(ChildProcessError):
                while True:
                    self._reap_one()
        finally:
            self._timer.cancel()

    def _reap_one(self) -> None:
        pid, status, usage = os.wait4(-1, 0)
        self.cpu_s += usage.ru_utime + usage.ru_stime
        self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024)
        if pid == self._pid:
            self.ended = time.perf_counter()
            self.status = os.waitstatus_to_exitcode(status)
            self._timer.cancel()
            self._timer = self._kill_after(GRACE_S)

    def _kill_after(self, delay_s: float) -> threading.Timer:
        timer = threading.Timer(
            delay_s,
            lambda: self.overstayed.extend(family.kill_descendants()),
        )
        timer.daemon = True
        timer.start()
        return timer


def run(
    argv: t.Sequence[str],
    *,
    env: t.Mapping[str, str],
    cwd: pathlib.Path,
    deadline_s: float,
    watch: Watch | None = None,
) -> Usage:
    """Run *argv* to its end and the end of all its descendants.

    :param deadline_s: after so many seconds it is killed
    :param watch: is entered with the id of the process, left when it is over
    :raises BenchmarkError: it took too long, or left processes behind
    """
    log = cwd / "output.log"
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, env=dict(env), cwd=cwd,
        )
    reaper = _Reaper(process.pid, deadline_s)
    try:
        with watch(process.pid) if watch else contextlib.nullcontext():
            reaper.reap()
    except BaseException:
        family.kill_descendants()
        raise
    finally:
        process.returncode = reaper.status  # it was waited for here
    text = log.read_text("utf-8", "replace")
    if reaper.overstayed:
        raise errors.BenchmarkError(
            "`%s` or a process that it started did not end in time (deadline "
            "%.0f s, then %.0f s) and was killed. Its last words: %s"
            % (" ".join(argv), deadline_s, GRACE_S, text[-LOG_TAIL:])
        )
    return Usage(
        reaper.status, reaper.ended - started, reaper.cpu_s,
        reaper.peak_bytes, text,
    )
