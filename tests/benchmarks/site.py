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

"""A Rally with a home, a configuration and a database of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import sqlite3
import typing as t
import uuid

from rally.task.results import chunk
from tests.benchmarks import errors, processes, tasks

DEADLINE_S = 3600.0
PLUGINS = pathlib.Path(__file__).parent / "plugins"


@dataclasses.dataclass(frozen=True)
class Rally:
    """An installed Rally."""

    name: str
    path: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Stored:
    """What the database holds of a workload."""

    rows: int
    load_duration_s: float
    load_info: t.Mapping[str, t.Any]  # empty for the released Rally


class Site:
    """Runs commands of one Rally in a folder of its own."""

    def __init__(
        self, rally: Rally, folder: pathlib.Path,
        say: t.Callable[[str], None],
    ) -> None:
        self.rally = rally
        self._folder = folder
        self._say = say
        self._database = folder / "rally.sqlite"
        self._conf = folder / "rally.conf"

    def prepare(self) -> None:
        """Make database and environment."""
        (self._folder / "home").mkdir(parents=True)
        self._conf.write_text(
            "[database]\nconnection = sqlite:///%s\n" % self._database
        )
        self.run("db", "create")
        self.run("env", "create", "--name", "benchmark")

    def run(
        self,
        *words: str,
        statuses: t.Container[int] = (0,),
        watch: processes.Watch | None = None,
    ) -> processes.Usage:
        """Run ``rally`` with *words*.

        :param statuses: the exit statuses that are fine
        :raises BenchmarkError: it ended with another one, or not in time
        """
        usage = processes.run(
            [
                str(self.rally.path), "--config-file", str(self._conf),
                "--plugin-paths", str(PLUGINS), *words,
            ],
            env=self._environment(), cwd=self._folder,
            deadline_s=DEADLINE_S, watch=watch,
        )
        command = " ".join(words[:2])
        if usage.status not in statuses:
            raise errors.BenchmarkError(
                "`rally %s` of %s ended with status %d: %s" % (
                    command, self.rally.name, usage.status,
                    usage.output[-processes.LOG_TAIL:],
                )
            )
        self._say(
            "  %s: rally %s: %.2f s, %.2f s of CPU"
            % (self.rally.name, command, usage.wall_s, usage.cpu_s)
        )
        return usage

    def start(
        self,
        task: tasks.Task,
        *options: str,
        statuses: t.Container[int] = (0,),
        watch: processes.Watch | None = None,
    ) -> processes.Usage:
        """``rally task start``."""
        path = self._folder / "task.json"
        path.write_text(json.dumps(task))
        return self.run(
            "task", "start", str(path), *options,
            statuses=statuses, watch=watch,
        )

    def start_all(
        self,
        task: tasks.Task,
        times: int,
        watch: processes.Watch | None = None,
    ) -> processes.Usage:
        """``rally task start`` of a task that must store *times* rows.

        :raises BenchmarkError: it stored more or fewer
        """
        usage = self.start(task, watch=watch)
        rows = self.stored().rows
        if rows != times:
            raise errors.BenchmarkError(
                "%s stored %d iterations of the %d that it was asked for"
                % (self.rally.name, rows, times)
            )
        return usage

    def stored(self) -> Stored:
        """What the newest task stored.

        Read from the file: both programs name these columns alike, and a
        report of a million rows would take longer than the load.
        """
        with contextlib.closing(sqlite3.connect(self._database)) as database:
            database.row_factory = sqlite3.Row
            workload = dict(
                database.execute(
                    "SELECT * FROM workloads ORDER BY id DESC LIMIT 1"
                ).fetchone()
            )
            (rows,) = database.execute(
                "SELECT coalesce(sum(iteration_count), 0) FROM workloaddata "
                "WHERE workload_uuid = ?", (workload["uuid"],),
            ).fetchone()
        return Stored(
            rows, float(workload["load_duration"] or 0),
            json.loads(workload.get("load_info") or "{}"),
        )

    def copy_task(self, times: int) -> None:
        """Let there be so many more tasks like the newest one, empty."""
        with contextlib.closing(sqlite3.connect(self._database)) as database:
            database.row_factory = sqlite3.Row
            task = dict(
                database.execute(
                    "SELECT * FROM tasks ORDER BY id DESC LIMIT 1"
                ).fetchone()
            )
            del task["id"]
            database.executemany(
                "INSERT INTO tasks (%s) VALUES (%s)" % (
                    ", ".join(task), ", ".join(":" + name for name in task),
                ),
                [dict(task, uuid=str(uuid.uuid4())) for _ in range(times)],
            )
            database.commit()

    def iterations(self) -> chunk.Chunk:
        """The columns of the newest task, of a run of this tree here."""
        with contextlib.closing(sqlite3.connect(self._database)) as database:
            found = database.execute(
                "SELECT payload FROM workloaddata WHERE workload_uuid = ("
                "SELECT uuid FROM workloads ORDER BY id DESC LIMIT 1) "
                "ORDER BY chunk_order"
            ).fetchall()
        return chunk.Chunk.concatenate(
            [chunk.Chunk.from_bytes(payload) for payload, in found]
        )

    def rows(self) -> list[dict[str, t.Any]]:
        """All iterations of the newest task, from its JSON report."""
        report = self._folder / "report.json"
        self.run("task", "report", "--json", "--out", str(report))
        workloads = [
            workload
            for task in json.loads(report.read_text())["tasks"]
            for subtask in task["subtasks"]
            for workload in subtask["workloads"]
        ]
        return [row for workload in workloads for row in workload["data"]]

    def _environment(self) -> dict[str, str]:
        kept = ("PATH", "LANG", "LC_ALL", "TMPDIR")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self._folder / "home"),
        }
