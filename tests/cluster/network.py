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

"""Hosts on one machine: a network namespace each, on a bridge.

The bridge is in a namespace, too, so nothing is made outside of the
namespaces, and nothing is left when they are removed. It needs root and
``iproute2``, nothing else: links are cut by routes, by the state of a device
or by an address that nobody has, and made thin by a token bucket.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import secrets
import shutil
import subprocess
import typing as t

SWITCH = "switch"
SUBNET = "10.77.0."
DEVICE = "eth0"
#: a link-layer address that no host has
NOBODY = "02:00:00:00:de:ad"
COMMAND_S = 30.0
CLONE_NEWNET = 0x40000000

#: how a host is kept from reaching another one
Cut: t.TypeAlias = t.Literal["silent", "blackhole"]


class NetworkError(Exception):
    """A command of iproute2 failed; says which and why."""


def run(*words: str) -> str:
    """Output of a command.

    :raises NetworkError: it failed
    """
    done = subprocess.run(
        words, capture_output=True, text=True, check=False,
        timeout=COMMAND_S, stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise NetworkError(
            "%s: %s" % (" ".join(words), done.stderr.strip())
        )
    return done.stdout


@functools.cache
def why_not() -> str:
    """Why there can be no such network here; empty if it can be made."""
    if os.geteuid() != 0:
        return "the cluster tests need root for network namespaces"
    for program in ("ip", "tc"):
        if shutil.which(program) is None:
            return "the cluster tests need %s of iproute2" % program
    try:
        Network(["probe"]).close()
    except (NetworkError, OSError, subprocess.SubprocessError) as e:
        return "network namespaces cannot be made here: %s" % e
    return ""


def _enter(namespace: int) -> None:
    """``os.setns``, which Python has from 3.12 on.

    :raises OSError: it is not to be entered
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Network:
    """Hosts that reach each other; each can be cut off in any way.

    :param hosts: their names; the first one has the first address
    """

    def __init__(self, hosts: t.Sequence[str]) -> None:
        self._prefix = "rally-%s-" % secrets.token_hex(3)
        self._addresses = {
            host: "%s%d" % (SUBNET, i) for i, host in enumerate(hosts, 1)
        }
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self) -> None:
        for name in (SWITCH, *self._addresses):
            run("ip", "netns", "add", self.namespace(name))
        self._ip(SWITCH, "link add br0 type bridge")
        self._ip(SWITCH, "link set br0 up")
        for i, (host, address) in enumerate(self._addresses.items()):
            self._ip(
                host, "link add %s type veth peer name port%d netns %s"
                % (DEVICE, i, self.namespace(SWITCH)),
            )
            self._ip(SWITCH, "link set port%d master br0 up" % i)
            self._ip(host, "addr add %s/24 dev %s" % (address, DEVICE))
            self._ip(host, "link set lo up")
            self._ip(host, "link set %s up" % DEVICE)

    def namespace(self, host: str) -> str:
        return self._prefix + host

    def address(self, host: str) -> str:
        return self._addresses[host]

    def on(self, host: str, *words: str) -> list[str]:
        """The command *words*, as it is to be run on *host*."""
        return ["ip", "netns", "exec", self.namespace(host), *words]

    @contextlib.contextmanager
    def inside(self, host: str) -> t.Iterator[None]:
        """This thread is on *host*; sockets and threads made here stay."""
        with (
            open("/proc/thread-self/ns/net", "rb") as here,
            open("/run/netns/" + self.namespace(host), "rb") as there,
        ):
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(here.fileno())

    def _ip(self, host: str, command: str) -> str:
        return run("ip", "-n", self.namespace(host), *command.split())

    # ---- faults

    def cut(self, source: str, target: str, how: Cut = "silent") -> None:
        """What *source* sends does not reach *target* any more.

        The other direction is left as it is. ``silent``: it is sent, and
        nobody takes it. ``blackhole``: a route of *source* drops it, and
        new connections are refused at once.
        """
        to = self.address(target)
        if how == "blackhole":
            self._ip(source, "route add blackhole %s/32" % to)
        else:
            self._ip(
                source, "neigh replace %s lladdr %s dev %s nud permanent"
                % (to, NOBODY, DEVICE),
            )

    def heal(self, source: str, target: str, how: Cut = "silent") -> None:
        """Undo ``cut``."""
        to = self.address(target)
        if how == "blackhole":
            self._ip(source, "route del blackhole %s/32" % to)
        else:
            self._ip(source, "neigh del %s dev %s" % (to, DEVICE))

    def unplug(self, host: str) -> None:
        """Nobody reaches *host*, and it reaches nobody."""
        self._ip(SWITCH, "link set port%d down" % self._port(host))

    def plug_in(self, host: str) -> None:
        """Undo ``unplug``."""
        self._ip(SWITCH, "link set port%d up" % self._port(host))

    def _port(self, host: str) -> int:
        return list(self._addresses).index(host)

    def thin(self, host: str, rate: str) -> None:
        """What *host* sends leaves at *rate*, such as ``1mbit``."""
        self._thin(host, DEVICE, rate)

    def thin_towards(self, host: str, rate: str) -> None:
        """What all others together send to *host* reaches it at *rate*."""
        self._thin(SWITCH, "port%d" % self._port(host), rate)

    def _thin(self, host: str, device: str, rate: str) -> None:
        """What waits for half a second is dropped, as routers do."""
        run(
            "tc", "-n", self.namespace(host), "qdisc", "replace", "dev",
            device, "root", "tbf", "rate", rate, "burst", "16kb",
            "latency", "500ms",
        )

    # ---- the end

    def close(self) -> None:
        """Remove the namespaces, and with them all that is in them."""
        for name in (*self._addresses, SWITCH):
            with contextlib.suppress(NetworkError):
                run("ip", "netns", "del", self.namespace(name))

    def leftovers(self) -> list[str]:
        """What ``close`` should have removed, as sentences."""
        left = [
            "namespace %s is left" % line.split()[0]
            for line in run("ip", "netns", "list").splitlines()
            if line.startswith(self._prefix)
        ]
        return left + [
            "device %s is left" % line.split()[0]
            for line in run("ip", "-brief", "link").splitlines()
            if line.startswith(("port", "veth"))
        ]
