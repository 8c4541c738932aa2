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


"""Agents on hosts that are reached by SSH."""

from __future__ import annotations

import pathlib
import re
import shlex
import threading
import time
import traceback
import typing as t

from rally import consts
from rally.common import logging, validation
from rally.common.counting import counted
from rally.common.plugin import plugin
from rally.plugins.common.agent_providers import (
    environment,
    ssh_client,
    ssh_scripts,
    wheel,
)
from rally.task import agent_provider

if t.TYPE_CHECKING:
    from concurrent import futures

LOG = logging.getLogger(__name__)

DEFAULT_WIDTH = 32
DEFAULT_COMMAND, DEFAULT_PYTHON = "rally", "python3"
#: folder with a file for each agent that may have to be ended
HOSTS = "hosts"
#: folder with what is sent to them
PACKAGES = "packages"
DEFAULT_CONNECT_TIMEOUT_S = 10
#: how long a script may take on a host, beside what it waits for
SCRIPT_S = 30.0
TAIL_S = 5.0
#: what ssh_config(5) must not be told: to trust whoever answers there. The
#: join token is sent to it
TRUSTING = {
    "stricthostkeychecking": {"no", "off"},
    "userknownhostsfile": {"/dev/null", "none"},
}
#: how the name of a host begins in what ``ssh`` takes: a URI, a user
_BEFORE_HOST = re.compile(r"^(ssh://)?([^@]*@)?")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@validation.configure(name="ssh_options")
class SSHOptionsValidator(validation.Validator):
    """Options do not switch off that hosts have to prove who they are.

    Provider ``ssh`` has it.

    .. code-block:: python

        @validation.add("ssh_options")
    """

    def validate(
        self, context: dict[str, t.Any], config: t.Any,
        plugin_cls: type[plugin.Plugin], plugin_cfg: t.Any,
    ) -> None:
        for name, value in plugin_cfg.get("options", {}).items():
            if str(value).lower() in TRUSTING.get(name.lower(), ()):
                self.fail(
                    "Option %s=%s would have the secret by which agents join "
                    "sent to whoever answers in place of a host. Leave it "
                    "out, and put the keys of the hosts into known_hosts, "
                    "for example with ssh-keyscan." % (name, value)
                )


class Packages:
    """What this host has installed, as files for others.

    :param folder: for the files
    """

    def __init__(self, folder: pathlib.Path) -> None:
        from rally import plugins
        from rally.task.distributed import provenance

        self._folder = folder
        self._lock = threading.Lock()
        loader = plugins.loader()
        self.environment = environment.of_this_host(
            provenance.imported(loader.files, loader.folders)
        )

    def parcel(self, wheels: t.Collection[wheel.Wheel]) -> pathlib.Path | None:
        """A file with these, each in a folder that its digest names.

        Most hosts lack the same, so it is made once. None: there are none.
        """
        import hashlib
        import zipfile

        if not wheels:
            return None
        names = sorted(each.digest for each in wheels)
        name = hashlib.sha256(" ".join(names).encode()).hexdigest()[:32]
        path = self._folder / (name + ".zip")
        with self._lock:
            if not path.exists():
                self._folder.mkdir(mode=0o700, exist_ok=True)
                unfinished = path.with_suffix(".unfinished")
                with zipfile.ZipFile(unfinished, "w") as archive:
                    for each in wheels:
                        archive.write(
                            self._file(each),
                            "%s/%s" % (each.digest, each.file_name),
                        )
                unfinished.rename(path)
        return path

    def _file(self, package: wheel.Wheel) -> pathlib.Path:
        path = self._folder / package.digest
        if not path.exists():
            package.write(path)
        return path


@validation.add("ssh_options")
@agent_provider.configure(name="ssh")
class SSHProvider(agent_provider.AgentProvider):
    """Starts an agent on each of some hosts by the OpenSSH client.

    What the user has configured for ``ssh`` holds: jump hosts, keys, agents,
    known hosts. Agents run detached, in a folder of their own below
    ``~/.cache/rally/agents``, which goes when they end.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "hosts": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {
                    "type": "string",
                    "pattern": r"^[A-Za-z0-9_\[][A-Za-z0-9_.:/@%\[\]-]*$",
                },
                "description": "Hosts as `ssh` takes them: name, user@name, "
                               "ssh://user@name:port.",
            },
            "user": {
                "type": "string",
                "pattern": "^[^-]",
                "description": "User there; else what ssh_config(5) says.",
            },
            "port": {
                "type": "integer", "minimum": 1, "maximum": 65535,
                "description": "Port there; else what ssh_config(5) says.",
            },
            "config": {
                "type": "string",
                "description": "File of ssh_config(5) (~/.ssh/config).",
            },
            "options": {
                "type": "object",
                "additionalProperties": {"type": ["string", "integer"]},
                "description": "More options of ssh_config(5).",
            },
            "width": {
                "type": "integer", "minimum": 1, "maximum": 256,
                "description": "Hosts that are talked to at once (32).",
            },
            "connect_timeout": {
                "type": "integer", "minimum": 1,
                "description": "How long, in seconds, a host may take to "
                               "answer (10).",
            },
            "command": {
                "type": "string", "minLength": 1,
                "description": "How Rally is called there (rally).",
            },
            "install": {
                "type": "boolean",
                "description": "Install this Rally and the plugins in a "
                               "virtual environment there, unless they are "
                               "in one already (false).",
            },
            "python": {
                "type": "string", "minLength": 1,
                "description": "The interpreter for it (python3).",
            },
        },
        "required": ["hosts"],
        "additionalProperties": False,
    }

    def __init__(
        self, config: t.Any, order: agent_provider.Order,
        tell: agent_provider.Tell,
    ) -> None:
        super().__init__(config, order, tell)
        #: the host of each agent, by name
        self._hosts = names_of(config["hosts"])
        self._client = ssh_client.SSHClient(
            config.get("user"), config.get("port"), config.get("config"),
            config.get("connect_timeout", DEFAULT_CONNECT_TIMEOUT_S),
            config.get("options", {}),
        )
        self._lock = threading.Lock()
        self._started: set[str] = set()  # or being started
        #: what is installed where it is missing
        self._packages: Packages | None = None
        self._pool: futures.ThreadPoolExecutor | None = None

    @classmethod
    def count(cls, config: t.Any) -> int:
        return len(config["hosts"])

    @classmethod
    def installs(cls, config: t.Any) -> bool:
        return bool(config.get("install"))

    def names(self) -> list[str]:
        return list(self._hosts)

    # ---- starting

    def start(self) -> None:
        self._start_some(self._hosts)

    def resume(self) -> None:
        self._start_some(self._marked())

    def _start_some(self, wanted: t.Iterable[str]) -> None:
        self._client.check()
        if self.installs(self.config) and self._packages is None:
            self._packages = Packages(self.order.folder / PACKAGES)
        with self._lock:
            names = [name for name in wanted if name not in self._started]
            self._started.update(names)
        for name in names:  # whoever ends them looks there
            self._mark(name).touch()
        for name in names:
            self._workers().submit(self._start, name)

    def _workers(self) -> futures.ThreadPoolExecutor:
        from concurrent import futures

        if self._pool is None:
            self._pool = futures.ThreadPoolExecutor(
                self.config.get("width", DEFAULT_WIDTH), "ssh"
            )
        return self._pool

    def _mark(self, name: str) -> pathlib.Path:
        """A file as long as something of that agent may be on its host."""
        folder = self.order.folder / HOSTS
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / name

    def _marked(self) -> list[str]:
        return [name for name in self._hosts if self._mark(name).exists()]

    def _start(self, name: str) -> None:
        """The top of a task of a thread."""
        try:
            outcome = self._started_or_installed(name)
        except Exception as e:
            LOG.debug(traceback.format_exc())
            outcome = ssh_client.RemoteResult(1, str(e), "")
        if not outcome.status and outcome.said in ssh_scripts.RUNS:
            return
        if outcome.is_nothing_done:
            self._mark(name).unlink(missing_ok=True)
        with self._lock:
            self._started.discard(name)
        self.tell(agent_provider.Failed(name, outcome.reason, outcome.tail))

    def _started_or_installed(self, name: str) -> ssh_client.RemoteResult:
        """What became of a start, after an installation if need be."""
        script = self._start_script(name)
        outcome = self._run(name, script)
        if self._packages is None or outcome.status != ssh_scripts.MISSING:
            return outcome
        self.tell(agent_provider.Pending("installing Rally on %s" % name))
        installed = self._install(name, self._packages)
        removed = ssh_scripts.removed(installed.said)
        if removed is None:
            return installed
        if removed:
            LOG.info(
                "Host %s: removed %s, the least recently used" % (
                    name, counted(removed, "virtual environment")
                )
            )
        return self._run(name, script)

    def _install(
        self, name: str, packages: Packages
    ) -> ssh_client.RemoteResult:
        """Install what this host has, as far as it is not there."""
        python = self.config.get("python", DEFAULT_PYTHON)
        host, folder = self._hosts[name], self._folder(name)
        found = self._run(name, ssh_scripts.look(folder, python))
        if found.status:
            return found
        seen = ssh_scripts.seen(found.said, found.output)
        supply = packages.environment.for_interpreter(seen.interpreter)
        parcel = packages.parcel([
            each for each in supply.wheels if each.digest not in seen.wheels
        ])
        if parcel is not None:
            with open(parcel, "rb") as file:
                sent = self._client.send(
                    host, file, ssh_scripts.receive(seen.parcel),
                    ssh_scripts.INSTALL_S,
                )
            if sent.status:
                return sent
        return self._client.run(
            host,
            ssh_scripts.install(
                folder, packages.environment.digest, supply, python
            ),
            ssh_scripts.INSTALL_S, can_wait=True,
        )

    def _run(self, name: str, script: str) -> ssh_client.RemoteResult:
        return self._client.run(self._hosts[name], script, SCRIPT_S)

    def _folder(self, name: str) -> str:
        """Of an agent, on its host; other fleets have others."""
        return "%s-%s/%s" % (self.order.task, self.order.folder.name, name)

    def _start_script(self, name: str) -> str:
        digest = ""
        command = shlex.split(self.config.get("command", DEFAULT_COMMAND))
        if self._packages is not None:
            digest = self._packages.environment.digest
            command = ssh_scripts.installed(digest)
        return ssh_scripts.start(
            self._folder(name), command,
            [
                "agent", "start", "--controller", self.order.controller,
                "--join", "-", "--name", name, "--keys-folder", "keys",
                "--spool", "spool",
                "--give-up-after", "%g" % self.order.give_up_after_s,
            ],
            self.order.join, digest,
        )

    def retire(self, agents: t.Collection[str]) -> None:
        """The next ``start`` looks whether they run."""
        with self._lock:
            self._started.difference_update(agents)

    # ---- the end

    def end(self, until_s: float) -> list[str]:
        return self._end_all(until_s, False)

    def discard(self, until_s: float) -> list[str]:
        return self._end_all(until_s, True)

    def _end_all(self, until_s: float, is_discarded: bool) -> list[str]:
        from concurrent import futures

        if self._pool is not None:  # a start that goes on would come later
            self._client.interrupt()
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        pool = self._workers()
        asked = {
            pool.submit(self._end, name, is_discarded): name
            for name in self._marked()
        }
        futures.wait(asked, max(0.0, until_s - time.monotonic()))
        pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None
        return [
            sentence
            for future, name in asked.items()
            for sentence in _answer(future, name)
        ]

    def _end(self, name: str, is_discarded: bool) -> str:
        """:returns: what is left, as a sentence"""
        outcome = self._run(
            name, ssh_scripts.end(self._folder(name), is_discarded)
        )
        if not outcome.status and outcome.said == ssh_scripts.ENDED:
            self._mark(name).unlink(missing_ok=True)
            return ""
        if outcome.status == ssh_scripts.KEPT:
            return (
                "host %s keeps %s %s of results that nobody fetched. `rally "
                "task recover %s` fetches what is there." % (
                    name, outcome.said,
                    "chunk" if outcome.said == "1" else "chunks",
                    self.order.task,
                )
            )
        return (
            "what was started on host %s could not be ended: %s. The agent "
            "ends %g s after it was last answered; its files stay in "
            "~/.cache/rally/agents there until a later task ends it."
            % (name, outcome.reason, self.order.give_up_after_s)
        )

    def tail(self, agent: str) -> str:
        if agent not in self._hosts:
            return ""
        return self._client.run(
            self._hosts[agent], ssh_scripts.tail(self._folder(agent)), TAIL_S
        ).output


def _answer(future: futures.Future[str], name: str) -> list[str]:
    if not future.done() or future.cancelled():
        return ["host %s did not end its agent in time" % name]
    return [future.result()] if future.result() else []


def names_of(hosts: t.Iterable[str]) -> dict[str, str]:
    """Hosts by the names of their agents: as they are called there, unless
    that is not the name of an agent, or taken."""
    found: dict[str, str] = {}
    for host in hosts:
        plain = _BEFORE_HOST.sub("", host)
        name = first = _NOT_IN_NAMES.sub("-", plain).strip("-")[:60] or "host"
        number = 1
        while name in found:
            number += 1
            name = "%s-%d" % (first, number)
        found[name] = host
    return found
