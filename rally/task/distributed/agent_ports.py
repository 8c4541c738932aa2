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

"""What the state machine of an agent knows of the world: its transport, its
load process and its spools."""

from __future__ import annotations

import pathlib
import typing as t

from rally.common import logging
from rally.task.distributed import (
    commands,
    endpoint_ports,
    notices,
    shipped_files,
)
from rally.task.distributed import spool as spool_module
from rally.task.distributed.wire import channels, codec, messages
from rally.task.distributed.wire.channels import Channel, ConnectionChange

LOG = logging.getLogger(__name__)

#: changes of the connection that the user has to do something about
WRONG = (
    ConnectionChange.REFUSED, ConnectionChange.MISMATCHED,
    ConnectionChange.SILENT,
)


class LoadHandle(t.Protocol):
    """A child process that makes loads; see ``load_process.parent``."""

    def filenos(self) -> tuple[int, ...]: ...

    def send(self, message: messages.LoadMessage) -> bool: ...

    def receive(self) -> list[messages.LoadMessage] | None: ...

    @property
    def is_alive(self) -> bool: ...

    def kill(self, reason: str) -> None: ...

    def exit_reason(self) -> str: ...

    def end(self) -> None: ...


class Spools(t.Protocol):
    """What is kept of each run; see ``spool_store``."""

    @property
    def folder(self) -> str: ...

    def begin(self, run: str) -> None: ...

    def is_written(self, run: str) -> bool: ...

    def settled(self, run: str) -> t.Any: ...

    def read(self, run: str, sequence: int) -> messages.ChunkData: ...

    def left(self, run: str) -> tuple[int, int]: ...

    def remove(self, run: str, sequence: int) -> None: ...

    def discard(self, run: str) -> None: ...


class AgentPorts:
    """Carries messages between controller, state machine, load process.

    :param name: of the agent, for the log
    :param new_load: starts a load process
    :param now_ns: the clock of this agent and of its load processes
    """

    def __init__(
        self,
        name: str,
        endpoint: endpoint_ports.AgentEndpoint,
        spools: Spools,
        new_load: t.Callable[[], LoadHandle],
    ) -> None:
        self._name = name
        self._endpoint = endpoint
        self._spools = spools
        self._new_load = new_load
        self._load: LoadHandle | None = None
        self._run = ""  # of the last load
        #: of the plugins that came with it
        self._shipped: pathlib.Path | None = None
        self._is_shutdown_asked = False
        self.now_ns = endpoint.now_ns

    def ask_to_shut_down(self) -> None:
        """Noticed by ``wait``; from any thread or signal handler."""
        self._is_shutdown_asked = True

    def close(self) -> None:
        self._end_load()

    # ---- events

    def wait(self, timeout_s: float | None) -> t.Iterator[t.Any]:
        fds = () if self._load is None else self._load.filenos()
        for incoming in self._endpoint.wait(timeout_s, fds):
            if isinstance(incoming, channels.Readable):
                yield from self._read_load()
            elif isinstance(incoming, channels.Received):
                yield from self._settled(incoming)
            else:
                self._log(incoming)
                yield incoming
        if self._is_shutdown_asked:
            self._is_shutdown_asked = False
            yield notices.ShutdownAsked()

    def _settled(
        self, received: channels.Received
    ) -> t.Iterator[channels.Received | notices.SpoolFound]:
        """*received*, once it is known what is left of its run.

        A load process that outlived its agent ends its iterations, and
        spools them. A stop is repeated until it is answered.
        """
        if isinstance(received.message, messages.Stop):
            run = received.message.run
            if self._spools.is_written(run):
                return
            found = self._spools.settled(run)
            if found is not None:
                yield notices.SpoolFound(run, found.end, found.cut)
        yield received

    def _read_load(
        self
    ) -> t.Iterator[messages.LoadMessage | notices.LoadGone]:
        load = self._load
        if load is None:
            return
        garbage = ""
        try:
            received = load.receive()
        except codec.ProtocolError:
            received = None
            garbage = "something in its load process wrote into its pipe"
        if received is None:
            self._load = None
            reason = garbage or load.exit_reason()
            load.end()
            self._remove_shipped()
            yield self._gone(reason)
        yield from received or ()

    def _gone(self, reason: str) -> notices.LoadGone:
        """A load process is gone, with what it has kept of its load."""
        if not self._run:
            return notices.LoadGone(reason)
        return notices.LoadGone(reason, *self._spools.left(self._run))

    def _log(self, event: t.Any) -> None:
        is_change = isinstance(event, channels.ConnectionEvent)
        if is_change and event.channel is Channel.CONTROL:
            say = LOG.error if event.change in WRONG else LOG.info
            say(event.text)

    # ---- commands

    def execute(self, command: commands.Command) -> notices.NotSent | None:
        match command:
            case commands.Send():
                return self._endpoint.execute(command)
            case commands.SendChunk(run=run, sequence=sequence):
                return self._send_chunk(run, sequence)
            case commands.Say(text=text, is_problem=is_problem):
                say = LOG.warning if is_problem else LOG.info
                say("Agent %s: %s" % (self._name, text))
            case commands.WarmLoad(code=code):
                self._load = self._new_load()
                self._tell_load(messages.LoadWarm(code))
            case commands.StartLoad():
                self._start_load(command)
            case commands.TellLoad(message=message):
                self._tell_load(message)
            case commands.EndLoad():
                self._end_load()
            case commands.KillLoad(reason=reason):
                if self._load is not None:
                    self._load.kill(reason)
            case commands.RemoveChunk(run=run, sequence=sequence):
                self._spools.remove(run, sequence)
            case commands.DiscardSpool(run=run):
                self._spools.discard(run)
                self._run = "" if run == self._run else self._run
        return None

    def _tell_load(self, message: messages.LoadMessage) -> None:
        """If it is gone, its file descriptors say so; see ``_read_load``."""
        if self._load is not None:
            self._load.send(message)

    def _start_load(self, command: commands.StartLoad) -> None:
        prepare = command.prepare
        self._run = prepare.run
        self._spools.begin(prepare.run)
        if self._load is not None and not self._load.is_alive:
            self._end_load()
        if self._load is None:
            self._load = self._new_load()
        self._shipped = None if prepare.shipment is None else (
            shipped_files.folder_of(self._spools.folder, prepare.run)
        )
        self._tell_load(messages.Load(
            prepare, command.content, self._spools.folder,
            dict(command.shipped),
        ))

    def _end_load(self) -> None:
        load, self._load = self._load, None
        if load is not None:
            load.end()
        self._remove_shipped()

    def _remove_shipped(self) -> None:
        """Its load process does so as well, unless it was killed."""
        folder, self._shipped = self._shipped, None
        if folder is not None:
            shipped_files.remove(folder)

    def _send_chunk(self, run: str, sequence: int) -> notices.NotSent | None:
        try:
            answer: messages.Message = self._spools.read(run, sequence)
            channel = Channel.RESULTS
        except spool_module.ChunkUnreadable as e:
            answer = messages.ChunkMissing(run, sequence, str(e))
            channel = Channel.CONTROL
        return self._endpoint.execute(commands.Send("", channel, answer))
