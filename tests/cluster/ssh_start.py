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


"""How long it takes to start agents by SSH on many hosts.

``python -m tests.cluster.ssh_start 200 40`` makes 200 hosts, each with a
server of its own, and has the provider start an agent on each, at several
widths: 40 real ones, and on the other hosts a process that only waits, for
a machine holds no 200 agents. Both ends of all connections share its CPUs.
Needs root. Nothing is asserted; figures go to standard output.
"""

from __future__ import annotations

import contextlib
import pathlib
import signal
import sys
import tempfile
import time
import typing as t

from rally.plugins.common.agent_providers import ssh
from rally.task import agent_provider
from rally.task.distributed.security import tokens
from tests.cluster import cluster, network, ssh_hosts
from tests.functional import sandbox

WIDTHS = (8, 16, 32)
#: how long a start or an end may take, seconds
LIMIT_S = 200.0
AGENT = """#!/bin/sh
case " %(real)s " in
    *" ${XDG_CACHE_HOME##*/cache-} "*) exec %(rally)s "$@";;
esac
[ "$1" = --version ] || exec sleep 600
"""


class Hosts:
    """Hosts with servers; a context manager."""

    def __init__(self, count: int, real: int) -> None:
        self.names = ["n%d" % i for i in range(1, count + 1)]
        self._real = self.names[:real]
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Hosts:
        with contextlib.ExitStack() as stack:
            self.network = network.Network([cluster.CONTROLLER, *self.names])
            stack.callback(self.network.close)
            self.site = cluster.Site(self.network, "")
            stack.callback(self.site.close)
            self.ssh = ssh_hosts.SSHHosts(self.site, self.names)
            for name in self.names:
                self.ssh.start(name)
                stack.callback(
                    self.ssh.servers[name].popen.send_signal, signal.SIGTERM
                )
            self.agent = self.site.folder / "agent"
            self.agent.write_text(AGENT % {
                "real": " ".join(self._real), "rally": sandbox.RALLY,
            })
            self.agent.chmod(0o700)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: t.Any) -> None:
        self._stack.close()

    def running(self) -> int:
        """How many agents have noted who they are."""
        return len(list(self.site.folder.glob("cache-*/rally/agents/*/*/pid")))

    def measured(self, width: int) -> tuple[float, float]:
        """Seconds to start all, and to end them."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.site.folder))
        failed: list[t.Any] = []
        order = agent_provider.Order(
            "start", folder, "tcp://%s:9790" % self.network.address(
                cluster.CONTROLLER
            ),
            tokens.invite(1000, 3600, folder=folder / "keys"), 600.0,
        )
        with self.network.inside(cluster.CONTROLLER):
            provider = ssh.SSHProvider(
                {"hosts": self.names, "config": str(self.ssh.config),
                 "width": width, "command": str(self.agent)},
                order, failed.append,
            )
            began = time.monotonic()
            provider.start()
            sandbox.wait_until(
                lambda: self.running() + len(failed) >= len(self.names),
                LIMIT_S, "all have been started",
            )
            started = time.monotonic()
            left = provider.end(started + LIMIT_S)
        for problem in [*failed, *left]:
            print(problem)
        return started - began, time.monotonic() - started


def main(count: int, real: int) -> None:
    print("%d hosts, %d agents are real" % (count, real))
    with Hosts(count, real) as hosts:
        for width in WIDTHS:
            figures = hosts.measured(width)
            print("width %2d: started in %5.1f s, ended in %5.1f s"
                  % (width, *figures), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
