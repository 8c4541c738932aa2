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

"""The process of an agent: the only place where ``Agent`` meets the world."""

from __future__ import annotations

import argparse
import os
import pathlib
import signal
import socket
import threading
import time
import types
import typing as t
import uuid

from rally.common import clock, logging, settings, version
from rally.task.distributed import commands, notices, spool_clock
from rally.task.distributed import spool as spool_module
from rally.task.distributed.agent import machine as agent_module
from rally.task.distributed.load_process.parent import LoadProcess
from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels, codec, messages, transport
from rally.task.distributed.wire.channels import Channel
from rally.task.load import cpus

LOG = logging.getLogger(__name__)


def default_spool() -> pathlib.Path:
    return pathlib.Path.home() / ".rally" / "spool"


class AgentService:
    """Carries messages between controller, state machine, load process."""

    def __init__(
        self,
        addresses: t.Mapping[Channel, str],
        key: keys.AgentKey,
        spool_folder: pathlib.Path,
        instance: str = "",
    ) -> None:
        """:param instance: tells this process from others of this name"""
        self._name = key.name
        self._spool_folder = spool_folder
        self._spools: dict[str, spool_module.Spool] = {}
        self._unsettled: set[str] = set()  # runs that are still written
        spool_module.Spool(spool_folder, "check").discard()
        runs = spool_module.Spool.runs(spool_folder)
        with spool_module.explained(spool_folder):
            self._wall_base_ns = spool_clock.keep_base(
                spool_folder, clock.WALL_BASE_NS, bool(runs)
            )
        found = {run: self._recovered(run) for run in runs}
        self._transport = transport.AgentTransport(
            addresses, key, codec.encode, codec.decode
        )
        self._machine = agent_module.Agent(
            instance=instance or uuid.uuid4().hex,
            rally_version=version.__version__,
            host=socket.gethostname(),
            cpus=len(cpus.usable()),
            now=self._now_ns(),
            spooled={run: each.end for run, each in found.items()},
            torn={run: each.cut for run, each in found.items()},
        )
        self._load: LoadProcess | None = None
        self._is_shutdown_asked = False

    def _now_ns(self) -> int:
        """Nanoseconds since the epoch, on the clock of this agent."""
        return self._wall_base_ns + time.monotonic_ns()

    def _recovered(self, run: str) -> spool_module.Recovery:
        """What an earlier process left here of *run*."""
        spool = self._spool(run)
        if spool.is_written():  # by a load process that outlived its agent
            self._unsettled.add(run)
            return spool_module.Recovery((), 0, 0)
        recovery = spool.recover()
        LOG.info(
            "Agent %s: run %s: %d chunk(s) are kept here; %d damaged, %d not "
            "written to the end"
            % (self._name, run, len(recovery.sequences), recovery.torn,
               recovery.unfinished)
        )
        return recovery

    def _is_settled(self, message: t.Any) -> bool:
        """Whether it can be said what there is of the run of *message*.

        A load process that outlived its agent ends its iterations, and
        spools them. A stop is said again until it is answered.
        """
        if not isinstance(message, messages.Stop) or (
            message.run not in self._unsettled
        ):
            return True
        if self._spool(message.run).is_written():
            return False
        self._unsettled.remove(message.run)
        found = self._recovered(message.run)
        self._handle(
            notices.SpoolFound(message.run, found.end, found.cut)
        )
        return True

    def _spool(self, run: str) -> spool_module.Spool:
        if run not in self._spools:
            self._spools[run] = spool_module.Spool(self._spool_folder, run)
        return self._spools[run]

    def shut_down(self) -> None:
        """Ask for an end; from any thread or signal handler."""
        self._is_shutdown_asked = True
        self._transport.wake()

    def serve(self) -> None:
        """Work for controllers until somebody asks for an end."""
        machine = self._machine
        while not machine.finished:
            wait_ns = max(0, machine.next_deadline() - self._now_ns())
            fds = () if self._load is None else self._load.filenos()
            for incoming in self._transport.receive(wait_ns / 1e9, fds):
                self._dispatch(incoming)
            if self._is_shutdown_asked:
                self._is_shutdown_asked = False
                self._handle(notices.ShutdownAsked())
            self._execute(machine.expire(self._now_ns()))

    def close(self) -> None:
        if self._load is not None:
            self._load.end()
        self._transport.close()

    def _dispatch(self, incoming: channels.Incoming) -> None:
        if isinstance(incoming, channels.Received):
            self._handle(incoming.message)
        elif isinstance(incoming, channels.ConnectionEvent):
            self._on_connection(incoming)
        elif self._load is not None:
            self._read_load(self._load)

    def _read_load(self, load: LoadProcess) -> None:
        try:
            received, garbage = load.receive(), ""
        except codec.ProtocolError:
            received = None
            garbage = "something in its load process wrote into its pipe"
        if received is None:
            self._load = None
            reason = garbage or load.epitaph()
            load.end()
            self._handle(self._gone(reason))
        for message in received or ():
            self._handle(message)

    def _gone(self, reason: str) -> notices.LoadGone:
        """A load process is gone, with what it has kept of its load."""
        if not self._machine.run:
            return notices.LoadGone(reason)
        left = self._spool(self._machine.run)
        return notices.LoadGone(
            reason, left.end(), left.remove_unfinished()
        )

    def _on_connection(self, event: channels.ConnectionEvent) -> None:
        say = LOG.info
        if event.change in (
            channels.ConnectionChange.REFUSED,
            channels.ConnectionChange.MISMATCHED,
        ):
            say = LOG.error
        if event.channel is Channel.CONTROL:
            say(event.text)
        if event.change is not channels.ConnectionChange.CONNECTED:
            return
        if event.channel is Channel.CONTROL:
            self._execute(self._machine.connected(self._now_ns()))
        else:  # lets the controller learn the way back
            self._transport.send(event.channel, self._machine.hello())

    def _handle(self, message: t.Any) -> None:
        if self._is_settled(message):
            self._execute(self._machine.handle(message, self._now_ns()))

    def _execute(self, todo: t.Iterable[commands.Command]) -> None:
        for command in todo:
            match command:
                case commands.Send(channel=channel, message=message):
                    self._transport.send(channel, message)
                case commands.Say(text=text, is_problem=is_problem):
                    say = LOG.warning if is_problem else LOG.info
                    say("Agent %s: %s" % (self._name, text))
                case commands.WarmLoad(code=code):
                    self._load = self._new_load()
                    self._load.send(messages.LoadWarm(code))
                case commands.StartLoad(prepare=prepare):
                    self._start_load(prepare)
                case commands.TellLoad(message=message):
                    if self._load is not None:
                        self._load.send(message)
                case commands.EndLoad():
                    self._end_load()
                case commands.SendChunk(run=run, sequence=sequence):
                    self._send_chunk(run, sequence)
                case commands.RemoveChunk(run=run, sequence=sequence):
                    if run in self._spools:  # else: discarded already
                        self._spools[run].remove(sequence)
                case commands.DiscardSpool(run=run):
                    if run in self._spools:
                        self._spools.pop(run).discard()

    def _start_load(self, prepare: messages.Prepare) -> None:
        self._spool(prepare.run)
        if self._load is not None and not self._load.is_alive:
            self._end_load()
        if self._load is None:
            self._load = self._new_load()
        self._load.send(messages.Load(prepare, str(self._spool_folder)))

    def _new_load(self) -> LoadProcess:
        return LoadProcess(self._wall_base_ns, settings.places())

    def _end_load(self) -> None:
        if self._load is not None:
            self._load.end()
            self._load = None

    def _send_chunk(self, run: str, sequence: int) -> None:
        if run not in self._spools:
            return
        try:
            chunk = self._spools[run].read(sequence).chunk
        except spool_module.ChunkUnreadable as e:
            missing = messages.ChunkMissing(run, sequence, str(e))
            self._transport.send(Channel.CONTROL, missing)
            return
        self._transport.send(
            Channel.RESULTS, messages.ChunkData(run, sequence, chunk)
        )


def run_agent(
    controller: str | t.Mapping[Channel, str],
    key: keys.AgentKey,
    spool_folder: pathlib.Path | None = None,
    lifeline: int | None = None,
    instance: str = "",
) -> None:
    """Offer this host's capacity to distributed runs until stopped.

    :param controller: address of the control channel; the other two are the
        next two ports. Or the addresses of all three.
    :param lifeline: a file descriptor whose end of file ends the agent
    :param instance: unique; empty: one is made
    :raises RallyException: an address, the key or the spool is unusable
    """
    addresses = (
        channels.addresses_from(controller)
        if isinstance(controller, str)
        else controller
    )
    service = AgentService(
        addresses, key, spool_folder or default_spool(), instance
    )

    def on_signal(number: int, frame: types.FrameType | None) -> None:
        service.shut_down()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    if lifeline is not None:
        threading.Thread(
            target=_watch, args=(lifeline, service), daemon=True
        ).start()
    try:
        service.serve()
    finally:
        service.close()


def _watch(lifeline: int, service: AgentService) -> None:
    while os.read(lifeline, 1):
        pass
    service.shut_down()


def main() -> None:
    """An agent for a run of this host, see ``local``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("addresses", nargs=3)
    parser.add_argument("--key", required=True)
    parser.add_argument("--spool", type=pathlib.Path, required=True)
    parser.add_argument("--lifeline", type=int, required=True)
    parser.add_argument("--instance", required=True)
    args = parser.parse_args()
    logging.setup("rally")
    run_agent(
        dict(zip(Channel, args.addresses)),
        keys.load_agent_key(args.key),
        args.spool,
        args.lifeline,
        args.instance,
    )


if __name__ == "__main__":
    main()
