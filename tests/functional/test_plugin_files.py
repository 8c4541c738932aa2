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


"""Agents run the plugins of the controller, or do not run at all.

Each test has plugin files of its own, for the controller and for agents: in
the folder that belongs to a user, or named on the command line.
"""

from __future__ import annotations

import pathlib
import typing as t

from tests.functional import cluster
from tests.functional.sandbox import files_below, wait_until

SOON_S = 60.0
TIMES = 20
INNER = {"constant": {"times": TIMES, "concurrency": 4}}
#: says which version of itself was run, and of what it imports
SCENARIO = """
import pathlib

from rally.task import scenario

import shipped_helper


@scenario.configure(name="Shipped.say")
class Say(scenario.Scenario):
    def run(self):
        note = pathlib.Path(__file__).with_name("note.txt").read_text()
        self.add_output(complete={
            "title": "Version", "chart_plugin": "TextArea",
            "data": ["scenario %(version)s", shipped_helper.NAME, note],
        })
"""
HELPER = "NAME = 'helper %s'\n"
#: reads a file that the task names, and says whether it is a copy
READER = """
import pathlib

from rally.task import scenario


@scenario.configure(name="Shipped.read")
class Read(scenario.Scenario):
    def run(self, path):
        found = self.context["extra_files"][path]
        self.add_output(complete={
            "title": "Text", "chart_plugin": "TextArea",
            "data": [
                pathlib.Path(found, "rows.txt").read_text(),
                "here" if found == path else "elsewhere",
            ],
        })
"""
OTHER = """
import os
import signal

os.kill(os.getpid(), signal.SIGKILL)  # nobody may import this
"""


def write_plugin(
    folder: pathlib.Path, version: str, helper: str = "1",
) -> None:
    """Write the plugin, in a version, with what it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shipped_say.py").write_text(SCENARIO % {"version": version})
    (folder / "shipped_helper.py").write_text(HELPER % helper)
    (folder / "note.txt").write_text("a note")


class PluginFilesTestCase(cluster.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.sandbox.plugin_paths = [self.sandbox.folder / "plugins"]

    @property
    def here(self) -> pathlib.Path:
        """What ``--plugin-paths`` names."""
        return t.cast(pathlib.Path, self.sandbox.plugin_paths[0])

    def start_agent_with(
        self, name: str, folder: pathlib.Path | None = None, *words: t.Any,
        home: pathlib.Path | None = None,
    ) -> cluster.Agent:
        """Start an agent that has the plugins in *folder*, and no others but
        those of the user whose *home* it is."""
        spool = self.sandbox.folder / ("spool-%s" % name)
        process = self.sandbox.start(
            *(["--plugin-paths", folder] if folder else []),
            "agent", "start", "--controller",
            "tcp://127.0.0.1:%d" % self.port,
            "--key", self.authorize(name), "--spool", spool, *words,
            env={
                cluster.AGENT_MARK: str(spool),
                "HOME": str(home or self.sandbox.home),
            },
            with_plugins=False,
        )
        return cluster.Agent(name, process, spool)

    def task(self, agents: int, workloads: int = 1) -> dict[str, t.Any]:
        return cluster.task_of(*[{
            "scenario": {"Shipped.say": {}},
            "runner": cluster.distributed(
                INNER, agents=agents, listen="tcp://127.0.0.1:%d" % self.port
            ),
        }] * workloads)

    def take_port(self) -> None:
        self.port = self.sandbox.take_ports()

    def said(self, workload: cluster.Workload) -> set[tuple[str, ...]]:
        return {
            tuple(row["output"]["complete"][0]["data"])
            for row in workload.rows
        }

    def check_said(self, run: cluster.Run, *texts: str) -> None:
        self.assertEqual(0, run.finish().code, run.log)
        for workload in run.workloads:
            self.assertEqual(TIMES, len(workload.rows))
            self.assertEqual({texts}, self.said(workload))

    def check_gone(self, *agents: cluster.Agent) -> None:
        """Nothing of a shipment stays on the host of an agent.

        That learns of the end of a run when its command has ended.
        """
        def left() -> list[pathlib.Path]:
            return [
                path for agent in agents
                for path in files_below(agent.spool)
                if path.suffix in (".py", ".txt", ".pyc")
            ]

        wait_until(lambda: not left(), SOON_S, "what was shipped is removed")

    def stop(self, *agents: cluster.Agent) -> None:
        for agent in agents:
            self.assertEqual(0, agent.stop().code, agent.log)
            self.assertNotIn("Traceback", agent.log)


class DifferentTestCase(PluginFilesTestCase):
    def test_it_is_refused_with_a_table_before_any_load(self) -> None:
        self.take_port()
        folders = [self.sandbox.folder / name for name in ("a", "b", "c")]
        write_plugin(self.here, "1")
        write_plugin(folders[0], "2")
        write_plugin(folders[1], "2")
        write_plugin(folders[2], "1", helper="2")
        (folders[1] / "shipped_helper.py").unlink()
        agents = [
            self.start_agent_with("n%d" % i, folder)
            for i, folder in enumerate(folders, 1)
        ]

        run = self.run_task(self.task(3))

        self.assertNotEqual(0, run.finish().code)
        told = run.out + run.log
        for line in (
            r"file shipped_say.py: [0-9a-f]{12} here, [0-9a-f]{12} on n1, n2",
            r"file shipped_helper.py: [0-9a-f]{12} here, none on n2",
            r"file shipped_helper.py: [0-9a-f]{12} here, [0-9a-f]{12} on n3",
        ):
            self.assertRegex(told, line)
        self.assertIn("--ship-plugins", told)
        self.assertEqual([], run.workload.rows)
        agents[0].wait_for_log("not those of the controller")
        self.stop(*agents)

    def test_what_is_the_same_elsewhere_is_the_same(self) -> None:
        self.take_port()
        write_plugin(self.here, "1")
        other = self.sandbox.folder / "other"
        write_plugin(other / "below", "1")
        (other / "unrelated.py").write_text("X = 1")
        agent = self.start_agent_with("n1", other)

        run = self.run_task(self.task(1))

        self.check_said(run, "scenario 1", "helper 1", "a note")
        self.stop(agent)


class ShippedTestCase(PluginFilesTestCase):
    def test_agents_without_any_run_those_of_the_controller(self) -> None:
        self.take_port()
        write_plugin(self.here, "1")
        home = self.sandbox.folder / "stale"
        stale = home / ".rally" / "plugins"
        write_plugin(stale, "0")
        (stale / "deadly.py").write_text(OTHER)
        agents = [
            self.start_agent_with("n1"),
            self.start_agent_with("n2", home=home),
        ]

        run = self.run_task(self.task(2, workloads=2), "--ship-plugins")

        self.check_said(run, "scenario 1", "helper 1", "a note")
        self.check_gone(*agents)
        self.stop(*agents)

    def test_two_versions_in_a_row_on_one_agent(self) -> None:
        self.take_port()
        agent = self.start_agent_with("n1")
        for version in "12":
            write_plugin(self.here, version)
            run = self.run_task(self.task(1), "--ship-plugins")
            self.check_said(
                run, "scenario %s" % version, "helper 1", "a note"
            )
            self.check_gone(agent)
        self.stop(agent)

    def test_local_agents_get_them_as_well(self) -> None:
        write_plugin(self.here, "1")
        task = cluster.task_of({
            "scenario": {"Shipped.say": {}},
            "runner": cluster.distributed(INNER),
        })

        run = self.run_task(task, "--ship-plugins")

        self.check_said(run, "scenario 1", "helper 1", "a note")

    def test_an_agent_may_refuse_it_and_is_named(self) -> None:
        self.take_port()
        write_plugin(self.here, "1")
        agents = [
            self.start_agent_with("n1", self.here, "--no-shipping"),
            self.start_agent_with("n2", self.here, "--no-shipping"),
            self.start_agent_with("n3"),
        ]

        run = self.run_task(self.task(3), "--ship-plugins")

        self.assertEqual(2, run.finish().code, run.out)
        self.assertRegex(
            run.out + run.log, r"Agent n1, n2 cannot take part.*--no-shipping"
        )
        self.assertEqual([], run.workload.rows)
        self.check_gone(*agents)
        self.stop(*agents)

    def test_other_files_come_along_with_them(self) -> None:
        self.take_port()
        self.here.mkdir()
        (self.here / "shipped_read.py").write_text(READER)
        (self.sandbox.folder / "data").mkdir()
        rows = self.sandbox.folder / "data" / "rows.txt"
        rows.write_text("some rows")
        agent = self.start_agent_with("n1")
        (workload,) = self.task(1)["subtasks"]
        workload["scenario"] = {"Shipped.read": {"path": str(rows.parent)}}
        workload["contexts"] = {"extra_files": {"paths": [str(rows.parent)]}}

        run = self.run_task(cluster.task_of(workload), "--ship-plugins")

        self.check_said(run, "some rows", "elsewhere")
        self.check_gone(agent)
        self.stop(agent)

    def test_what_cannot_be_sent_is_named_before_anything_is(self) -> None:
        write_plugin(self.here, "1")
        with open(self.here / "huge.bin", "wb") as file:
            file.truncate(65 << 20)
        task = cluster.task_of({
            "scenario": {"Shipped.say": {}},
            "runner": cluster.distributed(INNER),
        })

        run = self.run_task(task, "--ship-plugins")

        self.assertIn("huge.bin cannot be sent to agents", run.out + run.log)
        self.assertEqual([], run.workload.rows)

    def test_a_plugin_that_is_broken_there_is_said_to_be(self) -> None:
        self.take_port()
        write_plugin(self.here, "1")
        (self.here / "shipped_helper.py").write_text(
            "import os\nNAME = '1'\nif os.environ.get('%s'):\n"
            "    raise ImportError('not on this host')\n" % cluster.AGENT_MARK
        )
        agent = self.start_agent_with("n1")

        run = self.run_task(self.task(1), "--ship-plugins")

        self.assertNotEqual(0, run.finish().code)
        self.assertIn("Shipped.say", run.out + run.log)
        agent.wait_for_log("not on this host")
        self.check_gone(agent)
        self.stop(agent)
