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


"""What a task keeps on the controller's host of agents that it started.

A folder for this user alone, with the keys of the fleet, a note of what was
ordered, a file for each run, and what the provider needs to end its agents.
It goes with the fleet. That of a controller that was killed stays until
somebody recovers the task, or until it is swept up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
import time
import typing as t

import msgspec

from rally import exceptions
from rally.common import logging, private_files
from rally.task import agent_provider
from rally.task.distributed import spool
from rally.task.distributed.security import tokens
from rally.task.distributed.wire import channels

LOG = logging.getLogger(__name__)

#: begins the name of a folder, before that of its provider
PREFIX = "rally-"
#: what the name of a spool begins with, before that of its agent
SPOOL = "spool-"
#: begins the name of a file for each run that the agents of a folder had
RUN = "run-"
NOTE_FILE = "fleet.json"
KEYS = "keys"
#: a process that takes the place of another one may make a key anew
USES_EACH = 4
#: is there once agents were ended, though something is left of some
ENDED_FILE = "ended"
#: a folder of a dead controller is left alone for this long: its agents end,
#: and one that was just made is not locked yet
SETTLED_S = 60.0
#: ... and for this long if there may be something that can be recovered
RECOVERABLE_S = 7 * 86400.0
#: ending the agents of others must not keep a task from its start for longer
SWEEP_S = 30.0
#: how long agents may take to end: those of a fleet, and each one more
END_S, END_EACH_S = 30.0, 0.5


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was ordered, for whoever has to end it."""

    task: str
    provider: str
    config: dict[str, t.Any]
    listen: str  # the address of the control channel
    controller: str  # where agents dial
    give_up_after_s: float

    def order(self, folder: pathlib.Path) -> agent_provider.Order:
        """Enough to end what was started, and to start it again."""
        return agent_provider.Order(
            task=self.task, folder=folder, controller=self.controller,
            join="", give_up_after_s=self.give_up_after_s,
        )


def parent(outlives_controller: bool) -> pathlib.Path:
    """Where folders of such a provider are.

    What is in one for temporary files may go with a reboot, and so do agents
    of this host, but no others.
    """
    if outlives_controller:
        return pathlib.Path.home() / ".rally" / "fleets"
    return pathlib.Path(tempfile.gettempdir())


def make(provider: type[agent_provider.AgentProvider]) -> pathlib.Path:
    """A new folder."""
    above = parent(provider.OUTLIVES_CONTROLLER)
    private_files.make_folder(above)
    prefix = "%s%s-" % (PREFIX, provider.get_name())
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=above))


def write_note(folder: pathlib.Path, note: Note) -> None:
    private_files.write(folder / NOTE_FILE, [msgspec.json.encode(note)])


def read_note(folder: pathlib.Path) -> Note | None:
    """The note of a folder; None: it is not one of a fleet."""
    try:
        return msgspec.json.decode(
            (folder / NOTE_FILE).read_bytes(), type=Note
        )
    except (OSError, msgspec.MsgspecError):
        return None


def found(
    parents: t.Iterable[pathlib.Path] | None = None,
) -> t.Iterator[tuple[pathlib.Path, Note]]:
    """All folders of fleets of this user."""
    for above in parents or (parent(False), parent(True)):
        for folder in sorted(above.glob(PREFIX + "*-*")):
            note = read_note(folder)
            with contextlib.suppress(OSError):  # somebody else removes it
                if note and folder.stat().st_uid == os.getuid():
                    yield folder, note


def token(folder: pathlib.Path, note: Note) -> str:
    """A token by which those of a fleet may join, and be started again.

    Empty where each has a key that is made for it.
    """
    cls = agent_provider.AgentProvider.get(note.provider)
    if not cls.OUTLIVES_CONTROLLER:
        return ""
    uses = min(tokens.MAX_USES, USES_EACH * cls.count(note.config))
    return tokens.invite(uses, RECOVERABLE_S, folder=folder / KEYS)


def provider_of(
    folder: pathlib.Path, note: Note, join: str = ""
) -> agent_provider.AgentProvider:
    """Of what was started from *folder*.

    :param join: needed to start them again
    :raises PluginNotFound: its plugin is not there
    """
    cls = agent_provider.AgentProvider.get(note.provider)
    order = dataclasses.replace(note.order(folder), join=join)
    return cls(note.config, order, LOG.debug)


def sweep(
    now: float, parents: t.Iterable[pathlib.Path] | None = None
) -> None:
    """End and remove what controllers left that were killed.

    :param now: seconds since the epoch
    """
    until_s = time.monotonic() + SWEEP_S
    for folder, note in found(parents):
        try:
            age_s = now - folder.stat().st_mtime
            if not _is_due(folder, note, age_s):
                continue
            with claimed(folder) as is_claimed:
                if is_claimed:
                    _sweep_one(folder, note, age_s, until_s)
        except OSError:  # somebody else removes it
            continue
        except exceptions.RallyException as e:
            LOG.warning(
                "What task %s left cannot be ended: %s"
                % (note.task, e.format_message())
            )


def _is_due(folder: pathlib.Path, note: Note, age_s: float) -> bool:
    """Whether nobody can want to recover something any more."""
    if age_s < SETTLED_S or age_s >= RECOVERABLE_S:
        return age_s >= RECOVERABLE_S
    if (folder / ENDED_FILE).exists():
        return True
    cls = agent_provider.AgentProvider.get(note.provider)
    if cls.OUTLIVES_CONTROLLER:  # they keep it elsewhere
        return not any(folder.glob(RUN + "*"))
    return not runs_with_chunks(folder)


def _sweep_one(
    folder: pathlib.Path, note: Note, age_s: float, until_s: float
) -> None:
    is_old = age_s >= RECOVERABLE_S
    provider = provider_of(folder, note)
    end = provider.discard if is_old else provider.end
    problems = end(until_s)
    for problem in problems:
        LOG.warning("Of task %s: %s" % (note.task, problem))
    if is_old or not problems:  # what could not be ended by then has ended
        remove(folder)


def elsewhere(run: str) -> tuple[pathlib.Path, Note] | None:
    """The folder of agents that may still keep results of a run."""
    for folder, note in found([parent(True)]):
        if (folder / (RUN + run)).exists():
            return folder, note
    return None


class FleetInUse(t.NamedTuple):
    """Agents of a task that runs on this host now."""

    task: str
    address: str  # where to ask its controller
    keys: pathlib.Path


class SeveralControllers(exceptions.RallyException):
    error_code = 137
    msg_fmt = (
        "Several controllers on this host have agents that their tasks have "
        "started, so it is not clear which of them to ask: %(them)s. Name one "
        "with --controller."
    )


def in_use() -> list[FleetInUse]:
    """Fleets of this user whose controllers listen on this host now."""
    fleets = []
    for folder, note in found():
        with contextlib.suppress(OSError), claimed(folder) as is_left:
            # a port that is still to be found: it does not listen yet
            if not is_left and channels.split_address(note.listen)[1]:
                fleets.append(FleetInUse(
                    note.task, channels.on_this_host(note.listen),
                    folder / KEYS,
                ))
    return fleets


def keys_in_use(address: str) -> pathlib.Path | None:
    """Keys of the fleet whose controller listens here now, if there is one.

    :param address: of a control channel, on this host
    :raises AddressUnusable: it is not of the form tcp://HOST:PORT
    """
    _, port = channels.split_address(address)
    for fleet in in_use():
        if channels.split_address(fleet.address)[1] == port:
            return fleet.keys
    return None


def meant(default: str) -> str:
    """The controller that somebody means who does not name one.

    :param default: its address, unless a task here has agents of its own
    :raises SeveralControllers: several do, and none of them listens there
    """
    fleets = in_use()
    port = channels.split_address(default)[1]
    ports = [channels.split_address(fleet.address)[1] for fleet in fleets]
    if not fleets or port in ports:
        return default
    if len(fleets) > 1:
        raise SeveralControllers(them=", ".join(
            "%s (task %s)" % (fleet.address, fleet.task) for fleet in fleets
        ))
    return fleets[0].address


def end_all_of(task: str) -> list[str]:
    """End the agents of a task whose controller is gone.

    :returns: sentences about what is left of them
    """
    problems: list[str] = []
    for folder, note in found([parent(True)]):
        if note.task != task:
            continue
        with claimed(folder) as is_claimed:
            if not is_claimed:
                continue
            provider = provider_of(folder, note)
            left = provider.end(
                time.monotonic() + end_s(provider.count(note.config))
            )
            if left:
                (folder / ENDED_FILE).touch()
            else:
                remove(folder)
            problems += left
    return problems


def end_s(count: int) -> float:
    """How long so many agents may take to end, seconds."""
    return END_S + END_EACH_S * count


def remove(folder: pathlib.Path) -> None:
    """Remove a folder; as long as anything is left in it, so is the note.

    A load process may outlive its agent and still write.
    """
    with contextlib.suppress(OSError):  # somebody else removes it
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != NOTE_FILE:
                path.unlink()
        if [path.name for path in folder.iterdir()] == [NOTE_FILE]:
            shutil.rmtree(folder)


@contextlib.contextmanager
def claimed(folder: pathlib.Path) -> t.Iterator[bool]:
    """Whether *folder* is this process's within the block: not, if its
    controller lives, or somebody else cleans up.

    :raises OSError: it is gone
    """
    claim = spool.lock(folder)
    try:
        yield claim is not None
    finally:
        if claim is not None:
            os.close(claim)


def runs_with_chunks(folder: pathlib.Path) -> set[str]:
    """Runs of which something is kept in the folder itself."""
    return {
        path.parent.name
        for path in folder.glob(SPOOL + "*/*/*" + spool.CHUNK_SUFFIX)
    }


class Collected(t.NamedTuple):
    """What became of the spools of a run."""

    still_writing: list[str]  # names of agents that have not ended yet
    torn: int  # chunks that cannot be read


def collect(
    run: str,
    store: t.Callable[[str, spool.SpooledChunk], None],
    parents: t.Iterable[pathlib.Path] | None = None,
) -> Collected:
    """Store what agents of this host keep of a run without its controller.

    Then their folder is removed, unless one of them still writes, or there
    is something of another run of the task. Nothing is taken from a folder
    that is still claimed: its agents count as writing.

    :param store: called with the name of an agent and a chunk
    """
    writing: list[str] = []
    torn = 0
    for folder, _ in found(parents or [parent(False)]):
        spools = list(folder.glob("%s*/%s" % (SPOOL, run)))
        if not spools and not (folder / (RUN + run)).exists():
            continue
        with claimed(folder) as is_claimed:
            if not is_claimed:
                # something that its controller began: whoever recovers knows
                # that the controller itself is gone
                writing += sorted(map(_agent_of, spools))
                continue
            for path in spools:
                name = _agent_of(path)
                kept = spool.Spool(path.parent, run)
                if kept.is_written():
                    writing.append(name)
                    continue
                found_there = kept.recover()
                # not what an earlier recovery of the task had counted
                torn += found_there.torn + found_there.unfinished
                for sequence in kept.sequences():
                    store(name, kept.read(sequence))
            if not writing and runs_with_chunks(folder) <= {run}:
                shutil.rmtree(folder)
    return Collected(writing, torn)


def _agent_of(path: pathlib.Path) -> str:
    """The agent that has a spool of a run."""
    return path.parent.name.removeprefix(SPOOL)
