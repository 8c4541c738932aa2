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

"""The process that works on a record, and whether it still lives.

It says so itself, in the database, every few seconds: it may be on another
host, or in a container where its number means nothing to us. Only about those
that share our process numbers more is known, and at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
import typing as t

from rally import exceptions
from rally.common import cfg, clock, db, logging

LOG = logging.getLogger(__name__)

#: seconds between two signs of life
BEAT_S = 5.0
#: signs of life that may be missing beyond the time for which a running task
#: endures a database that cannot be used
MISSED = 3


def own_name() -> str:
    """What ``owner`` of a record says while this process works on it."""
    return name_of(os.getpid())


def claim() -> str:
    """``own_name``, for a record that others may look at from now on.

    They take this process for alive for as long as ``alive`` does not have to
    say it again.
    """
    name = own_name()
    db.owner_beat(name)
    return name


def name_of(pid: int) -> str:
    """``HOST:PID:PLACE-START``, which names a process of this host.

    PLACE is a boot of a host and a set of process numbers (a container has
    its own), START tells it from others that get the same number later.
    """
    return "%s:%d:%s-%s" % (socket.gethostname(), pid, _place(), _start(pid))


def shown(owner: str | None) -> str:
    """An owner as people know it: host and number of the process."""
    return ":".join((owner or "of an earlier release").split(":")[:2])


def is_of_this_host(task: t.Mapping[str, t.Any]) -> bool:
    """Whether a process of this host is known to have run *task*."""
    host, colon, _ = str(task.get("owner") or "").partition(":")
    return bool(colon) and host == socket.gethostname()


def is_gone(record: t.Mapping[str, t.Any]) -> bool:
    """Whether the process that worked on *record* has ended.

    A record without an owner is one of an earlier release, whose processes
    cannot use a database of this one.
    """
    owner = str(record.get("owner") or "")
    is_running = _is_running(owner)
    if is_running is not None:
        return not is_running
    silence_s = db.owner_silence_s(owner) if owner else None
    return silence_s is None or silence_s > _gone_after_s()


def _gone_after_s() -> float:
    return float(cfg.CONF.database_patience) + MISSED * BEAT_S


@contextlib.contextmanager
def alive() -> t.Iterator[None]:
    """Within the block, show that this process is alive."""
    ended = threading.Event()
    beats = threading.Thread(
        target=_beat_until, args=(ended,), name="heartbeat", daemon=True
    )
    claim()
    beats.start()
    try:
        yield
    finally:
        ended.set()
        beats.join(BEAT_S)  # a server that is gone may hold it up


def _beat_until(ended: threading.Event) -> None:
    # who ends the block does not wait for longer than that
    db.retrying.busy_s.set(db.retrying.BUSY_PER_ATTEMPT_S)
    while not ended.wait(BEAT_S):
        try:
            claim()
        except exceptions.DBException as e:  # whoever runs the task says so
            LOG.debug("No sign of life could be recorded: %s" % e)


def _is_running(owner: str) -> bool | None:
    """Whether a process runs, if it would be one of those we can see."""
    _, _, rest = owner.partition(":")
    pid, _, identity = rest.partition(":")
    place, _, start = identity.partition("-")
    if not pid.isdigit() or not place or place != _place():
        return None
    return bool(start) and _start(int(pid)) == start


def _place() -> str:
    """Names what the number of a process means; empty if nobody can say."""
    try:
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        return ""
    known = "%s %s" % (clock.boot_id(), numbers)
    return hashlib.blake2b(known.encode(), digest_size=6).hexdigest()


def _start(pid: int) -> str:
    """When a process started, in ticks; empty if there is none.

    One that has ended and that nobody has waited for is none.
    """
    try:
        with open("/proc/%d/stat" % pid) as f:
            # what follows the name of the program, see proc(5)
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
