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

"""Agents on the controller's host serve all workloads of a task."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import typing as t

from tests import screens
from tests.functional import cluster
from tests.functional.sandbox import wait_until

INNER = {"constant": {"times": 20, "concurrency": 4}}
ENDLESS = {"constant_for_duration": {"duration": 300, "concurrency": 4}}
#: runs a command on a terminal that is its own, as a shell that people use
#: does, and outlives it until something comes through a pipe
SHELL = ': <>"$(tty <&2)"; "$@"; read -r line <"$PIPE"'
OVER = re.compile(r"Agent (local-\d): run \w+: the load is over")
PREPARING = re.compile(
    r" (\d+) INFO \S+ \[-\] Agent (local-\d+): run \w+: preparing"
)


class LocalAgentsTestCase(cluster.TestCase):
    def workload(self, agents: int = 2, **more: t.Any) -> dict[str, t.Any]:
        return {
            "scenario": self.numbered(0.01),
            "runner": cluster.distributed(INNER, local_agents=agents),
            **more,
        }

    def waiting(self) -> dict[str, t.Any]:
        """A context that gives time to do something before the load."""
        return {"waiting": {"file": str(self.gate)}}

    @property
    def gate(self) -> t.Any:
        return self.sandbox.folder / "go"

    def prepared(self, run: cluster.Run) -> list[tuple[str, int]]:
        """Which agent prepared a load, and its process, in this order."""
        return [
            (name, int(pid)) for pid, name in PREPARING.findall(run.log)
        ]

    def load_processes(self) -> set[int]:
        """The processes that agents started themselves."""
        found = set()
        for pid, line in self.sandbox.processes().items():
            if "rally.task.distributed.load_process.child" in line:
                with contextlib.suppress(ProcessLookupError):
                    if os.getpgid(pid) == pid:
                        found.add(pid)
        return found

    def assert_all_went_well(self, run: cluster.Run) -> None:
        self.assertEqual(0, run.finish().code, run.log)
        for workload in run.workloads:
            self.assertEqual(
                list(range(1, 21)), sorted(workload.numbers)
            )
            self.assertEqual({}, workload.load_info.get("problems", {}) or {})

    def test_they_log_to_where_their_controller_does(self) -> None:
        task = self.sandbox.write("quiet.json", json.dumps(
            cluster.task_of(self.workload())
        ))
        path = self.sandbox.folder / "task.log"
        for log in os.devnull, str(path):
            done = self.sandbox.must("--log-file", log, "task", "start", task)
            self.assertEqual("", done.err)
        self.assertRegex(path.read_text(), PREPARING)

    def test_silent_ones_are_not_silent_about_errors(self) -> None:
        workload = self.workload(agents=1)
        workload["scenario"] = {"Faulty.kill_worker": {"at": 3}}
        task = self.sandbox.write(
            "quiet.json", json.dumps(cluster.task_of(workload))
        )
        done = self.sandbox.rally(
            "--log-file", os.devnull, "task", "start", task
        )
        self.assertEqual("", done.err)
        self.assertIn("SIGKILL", done.out)

    def test_the_processes_are_the_same(self) -> None:
        run = self.start_task(
            cluster.task_of(
                self.workload(), self.workload(contexts=self.waiting()),
                {"scenario": self.numbered(0), "runner": INNER},
                self.workload(),
            )
        )
        run.wait_for_log(r"(?s)(Agent local-\d: run \w+ is over.*){2}")
        before = self.load_processes()
        self.gate.touch()
        self.assert_all_went_well(run)

        prepared = self.prepared(run)
        self.assertEqual(6, len(prepared))
        self.assertEqual({"local-1", "local-2"}, set(dict(prepared)))
        self.assertEqual(2, len(set(prepared)))
        self.assertEqual(2, len(before))

    def test_they_are_listed_while_the_task_runs(self) -> None:
        run = self.start_task(cluster.task_of(
            self.workload(contexts=self.waiting()),
            {
                "scenario": self.numbered(0.1),
                "runner": cluster.distributed(ENDLESS, local_agents=3),
            },
        ))
        wait_until(
            lambda: "local-2" in self.sandbox.rally("agent", "list").out,
            cluster.RUN_S, "they have come",
        )
        listed = json.loads(self.sandbox.must("agent", "list", "--json").out)
        self.assertEqual("between runs", listed["phase"])
        self.gate.touch()
        run.wait_for_log("the load starts on local-1, local-2, local-3", 60)

        said = self.sandbox.must("agent", "list").out

        run.signal(signal.SIGINT)
        run.finish()
        self.assertEqual(2, said.count("Task %s, tcp://127.0.0.1:" % run.uuid))
        self.assertRegex(said, r"running: 3 agents")
        self.assertIn("local-3", said)

    def test_so_they_are_for_all_workloads_that_want_as_many(self) -> None:
        run = self.start_task(
            cluster.task_of(
                self.workload(2), self.workload(1), self.workload(2),
                self.workload(1),
            )
        )
        self.assert_all_went_well(run)

        prepared = self.prepared(run)
        self.assertEqual(6, len(prepared))
        self.assertEqual(3, len(set(prepared)))

    def test_one_that_was_killed_in_between_is_replaced(self) -> None:
        run = self.start_task(
            cluster.task_of(
                self.workload(), self.workload(contexts=self.waiting()),
            )
        )
        run.wait_for_log(r"(?s)(Agent local-\d: run \w+ is over.*){2}")
        victim = dict(self.prepared(run))["local-1"]
        os.kill(victim, signal.SIGKILL)
        wait_until(
            lambda: victim not in self.sandbox.processes(), 60,
            "it has been reaped",
        )
        self.gate.touch()
        self.assert_all_went_well(run)

        pids = {pid for name, pid in self.prepared(run) if name == "local-1"}
        self.assertEqual(2, len(pids))
        pids = {pid for name, pid in self.prepared(run) if name == "local-2"}
        self.assertEqual(1, len(pids))

    def test_a_load_process_that_was_killed_is_replaced(self) -> None:
        run = self.start_task(
            cluster.task_of(
                self.workload(), self.workload(contexts=self.waiting()),
            )
        )
        run.wait_for_log(r"(?s)(Agent local-\d: run \w+ is over.*){2}")
        for victim in self.load_processes():
            os.kill(victim, signal.SIGKILL)
        self.gate.touch()
        self.assert_all_went_well(run)
        self.assertEqual(2, len(set(self.prepared(run))))

    def test_an_agent_of_another_host_keeps_its_load_process(self) -> None:
        port = self.sandbox.take_ports()
        agent = self.start_agent("n1", port)
        runner = cluster.distributed(
            INNER, agents=1, listen="tcp://127.0.0.1:%d" % port
        )
        run = self.start_task(
            cluster.task_of(
                self.workload(runner=runner),
                self.workload(runner=runner, contexts=self.waiting()),
            )
        )
        agent.wait_for_log(r"run \w+ is over")
        kept = self.load_processes()
        self.gate.touch()
        self.assert_all_went_well(run)

        self.assertEqual(1, len(kept))
        self.assertEqual(kept, self.load_processes())
        again = self.run_task(cluster.task_of(self.workload(runner=runner)))
        self.assert_all_went_well(again)
        # another task may come after another version of a plugin
        self.assertEqual(set(), kept & self.load_processes())
        self.assertEqual(0, agent.stop().code)

    def test_none_is_left_when_the_controller_is_killed(self) -> None:
        run = self.start_task(
            cluster.task_of(
                self.workload(),
                {"scenario": self.numbered(0.05), "runner": ENDLESS},
            )
        )
        run.wait_until(
            lambda: len(self.started()) > 60, "the local load has begun"
        )
        self.assertEqual(2, len(self.load_processes()))

        run.signal(signal.SIGKILL)
        run.process.popen.wait()

        wait_until(
            lambda: not self.sandbox.processes(), 60, "all have ended"
        )
        for path in self.sandbox.temporary.glob("rally-local-*"):
            shutil.rmtree(path)

    def test_what_they_log_at_last_is_shown_if_it_is_killed(self) -> None:
        task = self.sandbox.write("task.json", json.dumps(cluster.task_of({
            "scenario": self.numbered(0.05),
            "runner": cluster.distributed(ENDLESS),
        })))
        pipe = self.sandbox.folder / "pipe"
        os.mkfifo(pipe)
        is_killed, shown = False, ""
        over: set[str] = set()  # agents whose last lines were shown

        def look(data: bytes) -> None:
            nonlocal is_killed, shown
            shown += data.decode(errors="replace")
            if not is_killed and len(self.started()) > 30:
                is_killed, shown = True, ""
                self.kill_controller()
            if len(over) < 2:
                over.update(OVER.findall(shown))
                if len(over) == 2:
                    pipe.write_text("")

        screens.run(
            ["sh", "-c", SHELL, "sh", *self.sandbox.command(
                "task", "start", task
            )],
            self.sandbox.environ({
                "TERM": "xterm-256color", "PIPE": str(pipe),
            }), 120, look,
        )

        self.assertEqual({"local-1", "local-2"}, over)
        wait_until(
            lambda: not self.sandbox.processes(), 60, "all have ended"
        )
        [uuid] = self.must("task", "list", "--uuids-only").out.split()
        self.must("task", "recover", uuid)
        [subtask] = cluster.report_of(self.sandbox, uuid)["subtasks"]
        self.assertEqual(
            sorted(each.number for each in self.started()),
            sorted(cluster.Workload(subtask["workloads"][0]).numbers),
        )

    def kill_controller(self) -> None:
        for pid, line in self.sandbox.processes().items():
            if " task start " in line and not line.startswith("sh "):
                os.kill(pid, signal.SIGKILL)

    def test_a_workload_may_want_another_number(self) -> None:
        run = self.run_task(
            cluster.task_of(
                self.workload(1), self.workload(3), self.workload(3),
                self.workload(2),
            )
        )
        self.assert_all_went_well(run)
        self.assertEqual(
            [1, 3, 3, 2], [len(w.load_info["agents"]) for w in run.workloads]
        )
        self.assertEqual(6, len(set(self.prepared(run))))
