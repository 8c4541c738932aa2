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


"""Hosts of the network that an SSH server runs on, each with its own keys.

They share this machine's files, so what belongs to one of them, its cache
above all, is below a folder of its own.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

from tests.cluster import cluster
from tests.functional import sandbox as sandbox_module

SERVER = "/usr/sbin/sshd"
#: where the server wants to be able to lock itself up
SEPARATION = pathlib.Path("/run/sshd")


def why_not() -> str:
    """Why there can be no such hosts here; empty if there can."""
    if not os.access(SERVER, os.X_OK) or shutil.which("ssh") is None:
        return "the SSH tests need openssh-server and openssh-client"
    return ""


def cache(site: cluster.Site, name: str) -> pathlib.Path:
    """What is ~/.cache of a host."""
    path = site.folder / ("cache-%s" % name)
    path.mkdir(exist_ok=True)
    return path


class SSHHosts:
    """Servers of hosts, and what a user configures to reach them."""

    def __init__(self, site: cluster.Site, names: t.Iterable[str]) -> None:
        self._site = site
        self.folder = site.folder / "ssh"
        self.folder.mkdir(mode=0o700)
        SEPARATION.mkdir(mode=0o755, exist_ok=True)
        self.servers: dict[str, t.Any] = {}
        self._make_key("user")
        self.config = self.folder / "config"
        known = []
        blocks = []
        for name in names:
            self._make_key(name)
            address = site.hosts.address(name)
            public = (self.folder / ("%s.pub" % name)).read_text()
            known.append("%s %s" % (address, public))
            blocks.append("Host %s\n  HostName %s\n" % (name, address))
        (self.folder / "known_hosts").write_text("".join(known))
        blocks.append(
            "Host *\n"
            "  IdentityFile %(folder)s/user\n"
            "  IdentitiesOnly yes\n"
            "  UserKnownHostsFile %(folder)s/known_hosts\n"
            "  StrictHostKeyChecking yes\n" % {"folder": self.folder}
        )
        self.config.write_text("".join(blocks))

    def _make_key(self, name: str) -> None:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name,
             "-f", str(self.folder / name)],
            check=True, timeout=60, stdin=subprocess.DEVNULL,
        )

    def start(self, name: str) -> None:
        """Start the server of a host."""
        paths = ",".join(map(str, self._site.plugin_paths))
        variables = {
            "XDG_CACHE_HOME": str(cache(self._site, name)),
            "RALLY_PLUGIN_PATHS": paths,
            sandbox_module.MARK: str(self._site.folder),
        }
        lines = {
            "HostKey": self.folder / name,
            "AuthorizedKeysFile": self.folder / "user.pub",
            "PermitRootLogin": "prohibit-password",
            "PasswordAuthentication": "no",
            "StrictModes": "no",
            "UsePAM": "no",
            "PidFile": "none",
            # all at once, as 32 clients are
            "MaxStartups": "100",
            "SetEnv": " ".join("%s=%s" % item for item in variables.items()),
        }
        path = self.folder / ("sshd-%s.conf" % name)
        path.write_text(
            "".join("%s %s\n" % item for item in lines.items())
        )
        self.servers[name] = cluster.HostProcess(
            self._site.hosts.on(name, SERVER, "-D", "-e", "-f", str(path)),
            self._site.environ(), self.folder,
        )
        sandbox_module.wait_until(
            lambda: "Server listening" in self.servers[name].err,
            cluster.SOON_S, "the server of %s listens" % name,
        )

    def left(self) -> list[pathlib.Path]:
        """What agents have left on hosts, but for what is kept on purpose."""
        return [
            path for folder in self._site.folder.glob("cache-*/rally/agents")
            for path in [folder, *folder.rglob("*")]
        ]
