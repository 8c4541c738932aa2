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

"""The process that runs a task, and whether it still lives."""

from __future__ import annotations

import datetime as dt
import os
import socket
import typing as t

#: how much later than its task was recorded a process may seem to start,
#: because both clocks are read in steps
TOLERANCE_S = 2.0


def own_name() -> str:
    """What a task's ``owner`` says while this process runs it."""
    return "%s:%d" % (socket.gethostname(), os.getpid())


def is_of_this_host(task: t.Mapping[str, t.Any]) -> bool:
    """Whether a process of this host is known to have run *task*."""
    host, colon, _ = str(task.get("owner") or "").rpartition(":")
    return bool(colon) and host == socket.gethostname()


def is_gone(task: t.Mapping[str, t.Any]) -> bool:
    """Whether the process that ran *task* is known to have ended.

    Only a process of this host can be looked at. One that started after the
    task was recorded has merely got the number of the one that ran it.

    :param task: a task with ``owner`` ("host:pid") and ``created_at``
    """
    pid = str(task.get("owner") or "").rpartition(":")[2]
    if not is_of_this_host(task) or not pid.isdigit():
        return False
    if not _exists(int(pid)):
        return True
    started = _started_at(int(pid))
    recorded = _timestamp(task.get("created_at"))
    if started is None or recorded is None:
        return False
    return started > recorded + TOLERANCE_S


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's: it exists
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    fields = _stat(pid)
    return bool(fields) and fields[0] == "Z"


def _started_at(pid: int) -> float | None:
    """When a process started, seconds since the epoch; None: not known."""
    fields = _stat(pid)
    if not fields:
        return None
    ticks = int(fields[19])  # field 22 of proc(5), counted from field 3
    with open("/proc/stat") as f:
        booted = next(int(x.split()[1]) for x in f if x.startswith("btime"))
    return booted + ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """Fields of ``/proc/PID/stat`` after the name of the program."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()
    except OSError:  # no such process, or no such file system
        return []


def _timestamp(moment: t.Any) -> float | None:
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    if not isinstance(moment, dt.datetime):
        return None
    return moment.replace(tzinfo=dt.timezone.utc).timestamp()
