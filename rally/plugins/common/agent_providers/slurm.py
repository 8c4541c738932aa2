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

"""Agents in jobs of Slurm: an array with one job for each agent.

Each begins as soon as there is room for it; a node that fails, or a job that
somebody cancels, is the loss of one agent. In one job with many tasks all
would wait until there is room for all, and the node that runs the script of
the job would take all of them along.

What the agents write is in one folder that the nodes share with the host of
the controller: so what a dead node has left can be removed from here, too.
"""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import sys
import time
import typing as t

from rally import consts
from rally.common import logging, private_files
from rally.common.counting import counted
from rally.plugins.common.agent_providers import (
    slurm_submissions,
    slurm_watch,
)
from rally.plugins.common.agent_providers.slurm_jobs import (
    COMMAND_S,
    SlurmFailed,
)
from rally.task import agent_provider

LOG = logging.getLogger(__name__)

#: begins the name of an agent, before the index of its job in the array
PREFIX = "slurm-"
#: what to read of what an agent printed
TAIL_BYTES = 4096
#: options of sbatch that are not the user's: this module needs them itself,
#: or nothing would be submitted
RESERVED = (
    "array", "chdir", "error", "input", "job-name", "output", "parsable",
    "requeue", "test-only", "wait", "wrap",
)
#: in the folder of the agents
JOIN = "join"

SCRIPT = """\
#!/bin/sh
# An agent of Rally task %(task)s; the join file is its standard input.
umask 077
own=%(folder)s/$SLURM_ARRAY_TASK_ID
mkdir -p "$own" || exit
exec %(command)s agent start --controller %(controller)s --join - \\
    --name "%(prefix)s$SLURM_ARRAY_TASK_ID" --keys-folder "$own/keys" \\
    --spool "$own/spool" --give-up-after %(give_up_after_s)g
"""


@agent_provider.configure(name="slurm")
class SlurmProvider(agent_provider.AgentProvider):
    """Starts agents in jobs of Slurm, one in each.

    To be used where ``sbatch`` works, such as on a login node.

    .. code-block:: yaml

        runner:
          distributed:
            runner: {constant: {times: 100000, concurrency: 400}}
            agents: {slurm: {count: 40, time: '1:00:00'}}
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "count": agent_provider.count_schema(
                "How many agents, and so jobs."
            ),
            "partition": {
                "type": "string",
                "minLength": 1,
                "description": "The usual one of your site if not given.",
            },
            "account": {
                "type": "string",
                "minLength": 1,
                "description": "Your usual one if not given.",
            },
            "time": {
                "type": "string",
                "pattern": r"^\d+(-\d+)?(:\d+){0,2}$",
                "description": "How long a job may take, in quotes: minutes, "
                               "or as in `'1:30:00'` or `'2-12'`. It has to "
                               "include the whole task.",
            },
            "options": {
                "type": "array",
                "items": {
                    "type": "string",
                    "pattern": r"^--(?!(%s)(=|$))[a-z][a-z0-9-]*(=.*)?$"
                               % "|".join(RESERVED),
                },
                "description": "More options of sbatch, such as "
                               "`--cpus-per-task=8` or `--exclusive`.",
            },
            "command": {
                "type": "string",
                "minLength": 1,
                "description": "How Rally is called on a node (the program "
                               "that runs the task).",
            },
            "folder": {
                "type": "string",
                "minLength": 1,
                "description": "Folder that the nodes share with the host "
                               "of the controller (~/.rally/slurm).",
            },
        },
        "required": ["count"],
        "additionalProperties": False,
    }

    def __init__(
        self, config: t.Any, order: agent_provider.Order,
        tell: agent_provider.Tell,
    ) -> None:
        super().__init__(config, order, tell)
        self._submissions = slurm_submissions.Submissions(order.folder)
        self._watcher: slurm_watch.Watcher | None = None

    def names(self) -> list[str]:
        return ["%s%d" % (PREFIX, index) for index in self._indices()]

    def _indices(self) -> range:
        return range(1, self.count(self.config) + 1)

    # ---- the beginning

    def start(self) -> None:
        named = self._submissions.named()
        try:
            elements = self._submissions.elements() if named else {}
        except SlurmFailed as e:
            LOG.warning(
                "It is not known whether all agents are running. %s" % e
            )
            return
        living = {each.index for each in elements.values() if not each.is_over}
        missing = sorted(set(self._indices()) - living)
        try:
            if missing:
                self.submit(missing)
        except BaseException:
            if named is None:
                for text in self.end(time.monotonic() + COMMAND_S):
                    LOG.warning(text)
            raise
        if missing or self._watcher is None:
            self._stop_watching(time.monotonic() + COMMAND_S)
            self._watcher = slurm_watch.Watcher(
                self._indices(), self._submissions.elements, self._tell_news
            )

    def _parent(self) -> pathlib.Path:
        given = self.config.get("folder", "~/.rally/slurm")
        return pathlib.Path(given).expanduser().absolute()

    def submit(self, indices: t.Sequence[int]) -> None:
        """Have these started.

        :raises SlurmFailed: Slurm does not take them
        """
        name, folder = self._submissions.named() or self._submissions.name(
            self.order.task, self._parent()
        )
        private_files.make_folder(folder)
        private_files.write(folder / JOIN, [self.order.join.encode()])
        job = self._submissions.submit(
            self._options(name, folder, indices), self.script(folder)
        )
        LOG.info(
            "Slurm has job %s, %s, for %s"
            % (job.id, name, counted(len(indices), "agent"))
        )

    def _options(
        self, name: str, folder: pathlib.Path, indices: t.Sequence[int]
    ) -> list[str]:
        given = [
            "--%s=%s" % (key, self.config[key])
            for key in ("partition", "account", "time") if key in self.config
        ]
        return [
            *given, *self.config.get("options", []),
            "--job-name=%s" % name,
            "--array=%s" % ",".join(map(str, indices)),
            "--ntasks=1",
            "--input=%s" % (folder / JOIN),
            "--output=%s" % (folder / "%a.log"),
            "--chdir=%s" % folder,
            "--no-requeue",  # the next ``start`` does that
        ]

    def script(self, folder: pathlib.Path) -> str:
        """What Slurm runs as each job; *folder* is that of the agents."""
        own = shlex.quote(sys.executable.rpartition("/")[0] + "/rally")
        command = shlex.split(self.config.get("command", own))
        return SCRIPT % {
            "task": self.order.task,
            "folder": shlex.quote(str(folder)),
            "command": shlex.join(command),
            "controller": shlex.quote(self.order.controller),
            "prefix": PREFIX,
            "give_up_after_s": self.order.give_up_after_s,
        }

    # ---- while they run

    def _tell_news(self, ended: dict[int, str], phrase: str) -> None:
        if phrase:
            self.tell(agent_provider.Pending(phrase))
        for index, how in ended.items():
            agent = "%s%d" % (PREFIX, index)
            self.tell(agent_provider.Failed(agent, how, self.tail(agent)))

    def _stop_watching(self, until_s: float) -> None:
        if self._watcher is not None:
            self._watcher.stop(until_s)

    def tail(self, agent: str) -> str:
        named = self._submissions.named()
        index = agent.removeprefix(PREFIX)
        if named is None or not index.isdecimal():
            return ""
        try:
            with open(named.folder / ("%s.log" % index), "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
                return file.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    # ---- the end

    def end(self, until_s: float) -> list[str]:
        return self._end(until_s, with_results=False)

    def discard(self, until_s: float) -> list[str]:
        return self._end(until_s, with_results=True)

    def _end(self, until_s: float, with_results: bool) -> list[str]:
        """:param with_results: remove also those that nobody has fetched"""
        self._stop_watching(until_s)
        named = self._submissions.named()
        if named is None:
            return []
        problem = self._submissions.end(until_s)
        if problem:
            return [
                "Slurm jobs %s may still be running: %s Run `scancel "
                "--name=%s`; what they write is in %s."
                % (named.name, problem, named.name, named.folder)
            ]
        problems = _remove(named.folder, with_results)
        if not problems:
            self._submissions.forget()
        return problems


def _remove(folder: pathlib.Path, with_results: bool) -> list[str]:
    """Remove what agents wrote.

    :param with_results: also if nobody has fetched them; else the key of
        their agent is left, too
    :returns: sentences about what is left
    """
    from rally.task.distributed import spool

    problems = []
    for own in sorted(folder.glob("*")):
        chunks = list((own / "spool").rglob("*" + spool.CHUNK_SUFFIX))
        if chunks and not with_results:
            problems.append(
                "Agent %s%s left %s of results that nobody has fetched, in "
                "%s." % (PREFIX, own.name, counted(len(chunks), "chunk"), own)
            )
        elif own.is_dir():
            shutil.rmtree(own, ignore_errors=True)
        else:
            own.unlink(missing_ok=True)
    if not problems and folder.exists():
        try:
            folder.rmdir()
        except OSError as e:
            problems.append("%s cannot be removed: %s." % (folder, e.strerror))
    return problems
