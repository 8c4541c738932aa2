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

"""The process of an agent."""

from __future__ import annotations

import argparse
import os
import pathlib
import select
import socket
import stat
import threading
import time
import types
import typing as t
import uuid

from rally.common import (
    clock,
    logging,
    openmetrics,
    settings,
    stop_signals,
    systemd,
    version,
)
from rally.task.distributed import (
    agent_ports,
    endpoint_ports,
    serve,
    service_ports,
    shipped_files,
    spool_store,
)
from rally.task.distributed.agent import machine as agent_module
from rally.task.distributed.load_process.parent import LoadProcess
from rally.task.distributed.security import keys
from rally.task.distributed.wire import agent_transport, channels, codec
from rally.task.distributed.wire.channels import Channel
from rally.task.load import cpus


def default_spool() -> pathlib.Path:
    return pathlib.Path.home() / ".rally" / "spool"


class AgentProcess:
    """An agent of this process, from its start to its end.

    :param instance: tells this process from others of this name
    :param labels: that the agent gives itself
    :param give_up_after_s: it ends once no controller has answered for so
        long; None: never
    :param takes_plugins: whether a controller may send some with a run
    :raises RallyException: an address, the key or the spool is unusable
    """

    def __init__(
        self,
        addresses: t.Mapping[Channel, str],
        key: keys.AgentKey,
        spool_folder: pathlib.Path,
        instance: str = "",
        labels: t.Mapping[str, str] | None = None,
        give_up_after_s: float | None = None,
        takes_plugins: bool = True,
    ) -> None:
        self._name, self._spool_folder = key.name, spool_folder
        self._spools = spool_store.SpoolStore(
            spool_folder, "agent %s, process %d" % (key.name, os.getpid())
        )
        shipped_files.sweep(spool_folder, self._spools.is_written)
        self._wall_base_ns = self._spools.wall_base_ns(clock.WALL_BASE_NS)
        self._transport = agent_transport.AgentTransport(
            addresses, key, codec.encode, codec.decode
        )
        self._ports = agent_ports.AgentPorts(
            key.name,
            endpoint_ports.AgentEndpoint(self._transport, self._now_ns),
            self._spools,
            lambda: LoadProcess(self._wall_base_ns, settings.places()),
        )
        found = self._spools.found
        self._machine = agent_module.Agent(
            instance=instance or uuid.uuid4().hex,
            rally_version=version.__version__,
            host=socket.gethostname(),
            cpus=len(cpus.usable()),
            now=self._now_ns(),
            spooled={run: each.end for run, each in found.items()},
            torn={run: each.cut for run, each in found.items()},
            unfit=self._spools.problem,
            labels=labels,
            give_up_after_s=give_up_after_s,
            takes_plugins=takes_plugins,
        )

    def _now_ns(self) -> int:
        """Nanoseconds since the epoch, on the clock of this agent."""
        return self._wall_base_ns + time.monotonic_ns()

    def shut_down(self) -> None:
        """Ask for an end; from any thread or signal handler."""
        self._ports.ask_to_shut_down()
        self._transport.wake()

    def serve(
        self,
        manager: systemd.ServiceManager | None = None,
        endpoint: openmetrics.Endpoint | None = None,
    ) -> None:
        """Work for controllers until somebody asks for an end.

        :param manager: is told how this agent is
        :param endpoint: where metrics are to be seen; None: nowhere
        """
        ports: serve.Ports = self._ports
        if endpoint is not None:
            from rally.task.distributed import agent_metrics

            ports = agent_metrics.MeteredPorts(
                ports, self._name, self._machine, self._spool_folder, endpoint
            )
        serve.serve(self._machine, service_ports.reporting(
            ports, manager, self._status
        ))

    def _status(self) -> str:
        state, run = self._machine.state.value, self._machine.run
        return "run %s: %s" % (run, state) if run else state

    def close(self) -> None:
        self._ports.close()
        self._transport.close()
        self._spools.close()


def run_agent(
    controller: str | t.Mapping[Channel, str],
    key: keys.AgentKey,
    spool_folder: pathlib.Path | None = None,
    lifeline: int | None = None,
    terminal: int | None = None,
    instance: str = "",
    labels: t.Mapping[str, str] | None = None,
    give_up_after_s: float | None = None,
    manager: systemd.ServiceManager | None = None,
    endpoint: openmetrics.Endpoint | None = None,
    takes_plugins: bool = True,
) -> None:
    """Offer this host's capacity to distributed runs until stopped.

    :param controller: address of the control channel; the other two are the
        next two ports. Or the addresses of all three.
    :param lifeline: a file descriptor whose end of file ends the agent
    :param terminal: one to write to then instead of a pipe that nobody reads
    :param instance: unique; empty: one is made
    :param labels: and *give_up_after_s*: see ``AgentProcess``
    :param manager: of the service that this process is
    :param endpoint: where to serve metrics; None: nowhere
    :param takes_plugins: whether a controller may send some with a run
    :raises RallyException: an address, the key or the spool is unusable
    """
    addresses = (
        channels.addresses_from(controller)
        if isinstance(controller, str)
        else controller
    )
    agent = AgentProcess(
        addresses, key, spool_folder or default_spool(), instance, labels,
        give_up_after_s, takes_plugins,
    )
    _end_on_signals(agent)
    if lifeline is not None:
        threading.Thread(
            target=_watch, args=(lifeline, terminal, agent), daemon=True
        ).start()
    try:
        agent.serve(manager, endpoint)
    finally:
        agent.close()


def _end_on_signals(agent: AgentProcess) -> None:
    is_asked = False

    def on_signal(number: int, frame: types.FrameType | None) -> None:
        nonlocal is_asked
        if is_asked:  # the second one: at once, whatever it is at
            raise KeyboardInterrupt
        is_asked = True
        agent.shut_down()

    stop_signals.handle(on_signal)


def _watch(
    lifeline: int, terminal: int | None, agent: AgentProcess
) -> None:
    while os.read(lifeline, 1):
        pass
    agent.shut_down()
    if terminal is not None:
        _replace_pipes(terminal)


def _replace_pipes(terminal: int) -> None:
    """Have output go to *terminal* once nobody reads the pipe it goes to.

    A controller that was killed had shown on it what came by the pipe.
    """
    poller = select.poll()
    pipes = {fd for fd in (1, 2) if stat.S_ISFIFO(os.fstat(fd).st_mode)}
    for fd in pipes:
        poller.register(fd, 0)  # only that there is no other end is told
    while pipes:
        for fd, _ in poller.poll():
            os.dup2(terminal, fd)
            poller.unregister(fd)
            pipes.discard(fd)


def main() -> None:
    """An agent for a run of this host, see ``local``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("addresses", nargs=3)
    parser.add_argument("--key", required=True)
    parser.add_argument("--spool", type=pathlib.Path, required=True)
    parser.add_argument("--lifeline", type=int, required=True)
    parser.add_argument("--instance", required=True)
    parser.add_argument("--terminal", type=int)
    args = parser.parse_args()
    logging.setup("rally")
    run_agent(
        dict(zip(Channel, args.addresses)),
        keys.load_agent_key(args.key),
        args.spool,
        args.lifeline,
        args.terminal,
        args.instance,
    )


if __name__ == "__main__":
    main()
