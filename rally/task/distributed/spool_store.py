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

"""The spools of all runs that an agent keeps chunks of, in one folder."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import pathlib
import typing as t

from rally import exceptions
from rally.common import clock, private_files
from rally.common.counting import counted
from rally.task.distributed import spool as spool_module
from rally.task.distributed.wire import messages

LOG = logging.getLogger(__name__)

#: beside the spools: who has the folder
HOLDER_FILE = "holder"
#: and what its clock counts from
CLOCK_FILE = "clock"
#: a folder with one of these can perhaps still be read
READABLE = frozenset({
    errno.EROFS, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EACCES,
    errno.EPERM,
})


class SpoolInUse(exceptions.RallyException):
    error_code = 185
    msg_fmt = (
        "Spool %(path)s is in use by another agent (%(holder)s). What one "
        "of them has delivered is removed, and that may be what the other "
        "one keeps. End the other agent, or give this one a folder of its "
        "own with --spool."
    )


class SpoolStore:
    """What is kept on this host, run by run. One agent has it at a time.

    A folder that cannot be written any more is still read: what it keeps can
    be delivered. Then ``problem`` says why there can be no new load.

    :param folder: made if need be
    :param holder: names who has it, to whoever wants it, too
    :raises SpoolInUse: another agent has it
    :raises SpoolError: it can be neither written nor read
    """

    def __init__(self, folder: pathlib.Path, holder: str = "") -> None:
        self._folder = folder
        self._spools: dict[str, spool_module.Spool] = {}
        self._unsettled: set[str] = set()  # runs that are still written
        self._told: set[str] = set()
        self.problem = ""
        self.failed_removals = 0
        try:
            with spool_module.explained(folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._claim: int | None = self._claimed()
            self._note_holder(holder)
            spool_module.Spool(folder, "check").discard()
        except spool_module.SpoolError as e:
            self._go_on_reading(e)
        self.found = {
            run: self._recovered(run)
            for run in spool_module.Spool.runs(folder)
        }

    def _claimed(self) -> int:
        """Lock the folder until ``close``, or the death of this process."""
        with spool_module.explained(self._folder):
            claim = spool_module.lock(self._folder)
        if claim is None:
            raise SpoolInUse(path=self._folder, holder=self._noted_holder())
        return claim

    def _note_holder(self, holder: str) -> None:
        with contextlib.suppress(OSError):  # only for the text of an error
            (self._folder / HOLDER_FILE).write_text(holder)

    def _noted_holder(self) -> str:
        try:
            return (self._folder / HOLDER_FILE).read_text() or "unnamed"
        except OSError:
            return "unnamed"

    def _go_on_reading(self, error: spool_module.SpoolError) -> None:
        """:raises SpoolError: there is nothing to be read"""
        code = getattr(error.__cause__, "errno", None)
        if code not in READABLE or not spool_module.Spool.runs(self._folder):
            raise error
        self.problem = str(error)
        LOG.warning("%s What it keeps is delivered as far as it can be read.",
                    error)

    def _recovered(self, run: str) -> spool_module.Recovery:
        """What an earlier process left here of *run*."""
        spool = self.spool(run)
        if spool.is_written():  # by a load process that outlived its agent
            self._unsettled.add(run)
            return spool_module.Recovery((), 0, 0, 0)
        recovery = spool.recover()
        LOG.info(
            "Run %s: %s kept here; %d damaged, %d not written to the end"
            % (run, counted(
                len(recovery.sequences), "chunk is", "chunks are"
            ), recovery.torn, recovery.unfinished)
        )
        return recovery

    def wall_base_ns(
        self, fresh_ns: int, boot_id: str | None = None
    ) -> int:
        """The wall base of the clock that chunks here are written with.

        A clock of a run is a wall base, read once, plus monotonic time. An
        agent that is restarted would read another base if the wall clock was
        set meanwhile, and the times in the chunks it keeps would be off by
        that. So the base is kept beside the chunks, as long as there are any.

        :param fresh_ns: base read by this process
        :param boot_id: of this boot of the host, a base is of no use after
            another; empty: not known; None: asks the kernel
        :returns: base of what is kept, if it was written since the last boot;
            else the fresh one
        :raises SpoolError: it cannot be noted, though there can be new chunks
        """
        boot_id = clock.boot_id() if boot_id is None else boot_id
        noted_ns = self._noted_base(boot_id) if self.found else None
        if noted_ns is not None:
            return noted_ns
        note = "%s %d\n" % (boot_id or "-", fresh_ns)
        try:
            with spool_module.explained(self._folder):
                private_files.write(
                    self._folder / CLOCK_FILE, [note.encode()]
                )
        except spool_module.SpoolError:
            if not self.problem:
                raise
        return fresh_ns

    def _noted_base(self, boot_id: str) -> int | None:
        try:
            noted_id, base = (self._folder / CLOCK_FILE).read_text().split()
            return int(base) if noted_id == boot_id else None
        except (OSError, ValueError):
            return None

    def spool(self, run: str) -> spool_module.Spool:
        """The spool of *run*; made if need be."""
        if run not in self._spools:
            self._spools[run] = spool_module.Spool(self._folder, run)
        return self._spools[run]

    def begin(self, run: str) -> None:
        """A load process will keep chunks of *run* there."""
        self.spool(run)

    @property
    def folder(self) -> str:
        return str(self._folder)

    def is_written(self, run: str) -> bool:
        """Whether an earlier load process still writes there."""
        return run in self._unsettled and self.spool(run).is_written()

    def settled(self, run: str) -> spool_module.Recovery | None:
        """What an earlier load process left, once; None: nothing new."""
        if run not in self._unsettled:
            return None
        self._unsettled.remove(run)
        return self._recovered(run)

    def read(self, run: str, sequence: int) -> messages.ChunkData:
        """A chunk as it is sent.

        :raises ChunkUnreadable: it is lost, as far as can be seen
        """
        if run not in self._spools:
            raise spool_module.ChunkUnreadable("its run is over")
        try:
            chunk = self._spools[run].read(sequence).chunk
        except spool_module.SpoolError as e:
            raise spool_module.ChunkUnreadable(str(e)) from e
        return messages.ChunkData(run, sequence, chunk)

    def left(self, run: str) -> tuple[int, int]:
        """After a load process has died: one more than the highest chunk,
        and how many it had not written to the end."""
        spool = self.spool(run)
        torn = 0
        with self._forgiving():
            torn = len(spool.put_aside_unfinished())
        return spool.end(), torn

    def remove(self, run: str, sequence: int) -> None:
        """The controller has stored a chunk."""
        if run in self._spools:  # else: discarded already
            with self._forgiving():
                self._spools[run].remove(sequence)

    def discard(self, run: str) -> None:
        """Nothing of *run* is needed any more."""
        if run in self._spools:
            with self._forgiving():
                self._spools.pop(run).discard()

    @contextlib.contextmanager
    def _forgiving(self) -> t.Iterator[None]:
        """What cannot be removed stays, and does no harm: controllers store
        no chunk twice."""
        try:
            yield
        except spool_module.SpoolError as e:
            self.failed_removals += 1
            if str(e) not in self._told:
                self._told.add(str(e))
                LOG.warning("What is delivered cannot be removed: %s", e)

    def close(self) -> None:
        """Release the folder."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None
