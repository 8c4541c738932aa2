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

"""Base classes: tasks and agents as real processes, and what came of them."""

from __future__ import annotations

import functools
import json
import pathlib
import re
import signal
import typing as t

import testtools

from rally.task.distributed.security import keys
from tests.functional import databases
from tests.functional import sandbox as sandbox_module
from tests.functional.sandbox import Done, Process, Sandbox, wait_until

#: names the agent that a process belongs to
AGENT_MARK = "RALLY_TEST_AGENT"
RUN_S = 180

Words: t.TypeAlias = t.Any


class Started(t.NamedTuple):
    """A line that scenario ``Numbered.sleep`` leaves as it begins."""

    number: int
    at: float  # monotonic clock of this host, seconds
    pid: int


class Workload:
    """Results of a workload, from the JSON report."""

    def __init__(self, data: dict[str, t.Any]) -> None:
        self.data = data

    def __getitem__(self, key: str) -> t.Any:
        return self.data[key]

    @property
    def rows(self) -> list[dict[str, t.Any]]:
        return t.cast("list[dict[str, t.Any]]", self.data["data"])

    @property
    def numbers(self) -> list[int]:
        """Iteration numbers, as ``Numbered.sleep`` puts them out."""
        return [
            row["output"]["additive"][0]["data"][0][1] for row in self.rows
        ]

    @property
    def timestamps(self) -> list[float]:
        return [row["timestamp"] for row in self.rows]

    @property
    def load_info(self) -> dict[str, t.Any]:
        """Empty for a local run that lost nothing."""
        return self.data.get("load_info") or {}

    @property
    def lost(self) -> list[int]:
        """Numbers of the iterations that are counted as lost."""
        return sorted(
            number
            for lost in self.load_info.get("lost", [])
            for run in lost["numbers"]
            for number in numbers_of(run)
        )

    @property
    def lost_count(self) -> int:
        return sum(lost["count"] for lost in self.load_info.get("lost", []))

    @property
    def verdicts(self) -> dict[str, bool]:
        """Whether each criterion holds."""
        return {each["criterion"]: each["success"] for each in self.sla}

    @property
    def sla(self) -> list[dict[str, t.Any]]:
        return t.cast(
            "list[dict[str, t.Any]]",
            self.data["sla_results"].get("sla", []),
        )

    @property
    def problems(self) -> str:
        return "\n".join(self.load_info.get("problems", []))


def numbers_of(run: t.Sequence[int]) -> range:
    """Numbers of a run, which is first, last and step."""
    first, last, step = run
    return range(first, last + 1, step or 1)


class Run:
    """A ``rally task start`` that may still run."""

    def __init__(self, sandbox: Sandbox, process: Process) -> None:
        self._sandbox = sandbox
        self.process = process
        self.done: Done | None = None

    @property
    def out(self) -> str:
        return self.process.out

    @property
    def log(self) -> str:
        return self.process.err

    @property
    def uuid(self) -> str:
        """Uuid of the task; waits until there is one."""

        def announced() -> str | None:
            found = uuid_in(self.out)
            if found is None and self.process.is_over:
                raise AssertionError(
                    "no task was made:\n%s\n%s" % (self.out, self.log)
                )
            return found

        return str(wait_until(announced, RUN_S, "the task has a uuid"))

    def wait_until(
        self, fact: t.Callable[[], t.Any], what: str,
        deadline_s: float = RUN_S,
    ) -> t.Any:
        """Wait for a fact while the task runs."""

        def is_true() -> t.Any:
            found = fact()
            if not found and self.process.is_over:
                raise AssertionError(
                    "the task ended before: %s\n%s\n%s"
                    % (what, self.out, self.log)
                )
            return found

        return wait_until(is_true, deadline_s, what)

    def wait_for_log(self, pattern: str, deadline_s: float = RUN_S) -> None:
        self.wait_until(
            lambda: re.search(pattern, self.log),
            "the log says %r" % pattern, deadline_s,
        )

    def signal(self, number: int) -> None:
        self.process.signal(number)

    def finish(self, deadline_s: float = RUN_S) -> Done:
        """Wait for its end."""
        if self.done is None:
            self.done = self.process.wait(deadline_s)
        return self.done

    @functools.cached_property
    def report(self) -> dict[str, t.Any]:
        """The task in the JSON report."""
        self.finish()
        return report_of(self._sandbox, self.uuid)

    @property
    def status(self) -> str:
        return str(self.report["status"])

    @property
    def workloads(self) -> list[Workload]:
        return [
            Workload(workload)
            for subtask in self.report["subtasks"]
            for workload in subtask["workloads"]
        ]

    @property
    def workload(self) -> Workload:
        """The only workload."""
        [workload] = self.workloads
        return workload


def uuid_in(out: str) -> str | None:
    """Uuid of the task that a ``rally task start`` with this output made."""
    found = re.search(r"Task .*?([0-9a-f-]{36}): started", out)
    return found and found[1]


def report_of(sandbox: Sandbox, uuid: str) -> dict[str, t.Any]:
    path = sandbox.folder / ("%s.json" % uuid)
    sandbox.must("task", "report", uuid, "--json", "--out", path)
    [task] = json.loads(path.read_text())["tasks"]
    return t.cast("dict[str, t.Any]", task)


class Agent:
    """A ``rally agent start`` with a name and a spool of its own."""

    def __init__(self, name: str, process: Process, spool: pathlib.Path
                 ) -> None:
        self.name = name
        self.process = process
        self.spool = spool

    @property
    def log(self) -> str:
        return self.process.err

    def processes(self) -> dict[int, str]:
        return sandbox_module.processes(AGENT_MARK, self.mark)

    @property
    def mark(self) -> str:
        return str(self.spool)

    def wait_for_log(self, pattern: str, deadline_s: float = RUN_S) -> None:
        wait_until(
            lambda: re.search(pattern, self.log), deadline_s,
            "the log of agent %s says %r" % (self.name, pattern),
        )

    def wait_until_dialing(self) -> None:
        """Until it is up, and has found that no controller is."""
        self.wait_for_log("keeps dialing")

    def kill(self) -> None:
        """As if its host had gone: no process of it can say good-bye."""
        for _ in range(3):  # a process may have forked meanwhile
            sandbox_module.kill(AGENT_MARK, self.mark)
        self.process.popen.wait()

    def stop(self, deadline_s: float = 60) -> Done:
        self.process.signal(signal.SIGTERM)
        return self.process.wait(deadline_s)


def task_of(*workloads: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    """A task file of version 2 with a subtask for each workload."""
    return {
        "version": 2,
        "title": "A test",
        "subtasks": [{"title": "A part", **each} for each in workloads],
        **more,
    }


def distributed(inner: dict[str, t.Any], **options: t.Any
                ) -> dict[str, t.Any]:
    """A distributed runner, with two local agents if nothing else is said."""
    if "agents" not in options:
        options.setdefault("local_agents", 2)
    return {"distributed": {"runner": inner, **options}}


class Home:
    """What tests do in a sandbox; shared or not."""

    sandbox: Sandbox

    def rally(self, *words: Words, **options: t.Any) -> Done:
        return self.sandbox.rally(*words, **options)

    def must(self, *words: Words, **options: t.Any) -> Done:
        return self.sandbox.must(*words, **options)

    def start_task(
        self, task: dict[str, t.Any] | pathlib.Path, *words: Words,
        env: t.Mapping[str, str] | None = None,
    ) -> Run:
        """Start a task from its file, or from what is to be in the file."""
        if isinstance(task, dict):
            task = self.sandbox.write("task.json", json.dumps(task))
        process = self.sandbox.start("task", "start", task, *words, env=env)
        return Run(self.sandbox, process)

    def run_task(
        self, task: dict[str, t.Any] | pathlib.Path, *words: Words,
        deadline_s: float = RUN_S,
    ) -> Run:
        """Run a task to its end."""
        run = self.start_task(task, *words)
        run.finish(deadline_s)
        return run

    def authorize(
        self, name: str, labels: t.Mapping[str, str] | None = None
    ) -> pathlib.Path:
        """Key file of an agent that may join."""
        text = keys.authorize(
            name, self.sandbox.home / ".rally" / "keys", labels=labels
        )
        key = self.sandbox.folder / ("%s.key" % name)
        key.touch(mode=0o600)
        key.write_text(text)
        return key

    def start_agent(
        self, name: str, port: int, key: pathlib.Path | None = None,
        env: t.Mapping[str, str] | None = None,
        spool: pathlib.Path | None = None, words: t.Iterable[str] = (),
        **options: t.Any,
    ) -> Agent:
        """Start an agent that may join, with a spool of its own.

        :param words: more of the command line
        """
        key = key or self.authorize(name)
        spool = spool or self.sandbox.folder / ("spool-%s" % name)
        process = self.sandbox.start(
            "agent", "start", "--controller", "tcp://127.0.0.1:%d" % port,
            "--key", key, "--spool", spool, *words,
            env={AGENT_MARK: str(spool), **(env or {})}, **options,
        )
        return Agent(name, process, spool)

    @property
    def started_file(self) -> pathlib.Path:
        return self.sandbox.folder / "started"

    def started(self) -> list[Started]:
        """Iterations of ``Numbered.sleep`` that have begun, in order."""
        if not self.started_file.exists():
            return []
        lines = self.started_file.read_text().split("\n")[:-1]
        return [
            Started(int(number), float(at), int(pid))
            for number, at, pid in (line.split() for line in lines)
        ]

    def numbered(self, sleep: float = 0.01) -> dict[str, t.Any]:
        """A scenario that says which iterations begin, and when."""
        return {
            "Numbered.sleep": {"sleep": sleep, "log": str(self.started_file)}
        }


class PlainTestCase(testtools.TestCase):
    """A test that takes care of sandboxes itself."""


class TestCase(PlainTestCase, Home):
    """A sandbox per test; nothing may be left in it at the end."""

    #: lines of section DEFAULT of rally.conf
    OPTIONS = ""
    #: where the database is; empty: a file of SQLite
    SERVER = databases.SERVER

    def setUp(self) -> None:
        super().setUp()
        self.sandbox = Sandbox(options=self.OPTIONS, server=self.SERVER)
        self.addCleanup(self.sandbox.close)
        self.addCleanup(self.check_leftovers)

    def check_leftovers(self) -> None:
        self.assertEqual([], self.sandbox.leftovers())


class SharedTestCase(PlainTestCase, Home):
    """A sandbox for all tests of a class, for what ``prepare`` makes."""

    OPTIONS = ""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.sandbox = Sandbox(options=cls.OPTIONS)
        try:
            cls.prepare(cls())
        except BaseException:
            cls.sandbox.close()
            raise

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        """Do what all tests look at."""

    @classmethod
    def tearDownClass(cls) -> None:
        left = cls.sandbox.leftovers()
        cls.sandbox.close()
        super().tearDownClass()
        if left:
            raise AssertionError("left behind: %s" % "; ".join(left))

    def runTest(self) -> None:
        """For the instance that ``prepare`` gets."""
