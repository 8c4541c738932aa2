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

"""Load from agents that a user has started, with keys."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import signal
import time
import typing as t

from rally.task.distributed.security import keys
from tests.functional import cluster
from tests.functional.sandbox import wait_until


def numbers_once(workload: cluster.Workload) -> list[int]:
    return sorted(workload.numbers)


class TwoAgentsTestCase(cluster.SharedTestCase):
    """One run over two agents, looked at from all sides."""

    TIMES = 5000
    run_: t.ClassVar[cluster.Run]
    listed: t.ClassVar[str]
    agents: t.ClassVar[list[cluster.Agent]]
    stopped: t.ClassVar[list[int]]
    key: t.ClassVar[pathlib.Path]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        port = home.sandbox.take_ports()
        cls.agents = [home.start_agent(name, port) for name in ("n1", "n2")]
        for agent in cls.agents:
            agent.wait_until_dialing()
        text = home.must("agent", "authorize", "n3").out
        cls.key = home.sandbox.write("n3.key", text)
        cls.listed = home.must(
            "agent", "list", "--wait", 4,
            "--listen", "tcp://127.0.0.1:%d" % port,
        ).out
        cls.run_ = home.run_task(
            cluster.task_of(
                {
                    "scenario": home.numbered(0),
                    "runner": cluster.distributed(
                        {"constant": {"times": cls.TIMES, "concurrency": 8}},
                        agents=2, listen="tcp://127.0.0.1:%d" % port,
                    ),
                    "sla": {"failure_rate": {"max": 0}},
                }
            )
        )
        cls.stopped = [agent.stop().code for agent in cls.agents]

    def test_the_task_passes(self):
        self.assertEqual(0, self.run_.finish().code, self.run_.out)
        self.assertEqual("finished", self.run_.status)

    def test_each_iteration_has_exactly_one_row(self):
        self.assertEqual(
            list(range(1, self.TIMES + 1)), numbers_once(self.run_.workload)
        )
        self.assertEqual([], self.run_.workload.lost)

    def test_each_iteration_was_started_once(self):
        self.assertEqual(
            list(range(1, self.TIMES + 1)),
            sorted(each.number for each in self.started()),
        )

    def test_rows_are_in_the_order_of_time(self):
        stamps = self.run_.workload.timestamps
        self.assertEqual(sorted(stamps), stamps)

    def test_task_results_has_the_same_rows_in_the_same_order(self):
        out = self.must("task", "results", self.run_.uuid).out
        [result] = json.loads(out)
        self.assertEqual(
            self.run_.workload.timestamps,
            [row["timestamp"] for row in result["result"]],
        )

    def test_both_agents_took_part(self):
        agents = self.run_.workload["load_info"]["agents"]
        self.assertEqual(["n1", "n2"], [agent["name"] for agent in agents])
        self.assertEqual(
            self.TIMES, sum(agent["iterations"] for agent in agents)
        )
        for agent in agents:
            self.assertGreater(agent["iterations"], 0)
            # both run on this host, so their clocks agree
            self.assertLessEqual(
                abs(agent["clock_offset_s"]), agent["clock_error_s"] + 1e-3
            )

    def test_the_list_says_who_dials_in(self):
        lines = {
            line.split("|")[1].strip(): line
            for line in self.listed.splitlines() if line.startswith("| n")
        }
        self.assertEqual({"n1", "n2", "n3"}, set(lines))
        self.assertIn("dialing in", lines["n1"])
        self.assertIn("dialing in", lines["n2"])
        self.assertIn("silent", lines["n3"])

    def test_authorize_prints_a_key_file(self):
        self.key.chmod(0o600)
        self.assertEqual("n3", keys.load_agent_key(self.key).name)

    def test_agents_end_when_told_to(self):
        self.assertEqual([0, 0], self.stopped)


class KilledAgentTestCase(cluster.TestCase):
    def test_costs_only_what_it_was_granted(self):
        port = self.sandbox.take_ports()
        agents = [self.start_agent("n%d" % i, port) for i in (1, 2, 3)]
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.02),
                    "runner": cluster.distributed(
                        {"constant": {"times": 1500, "concurrency": 6}},
                        agents=3, listen="tcp://127.0.0.1:%d" % port,
                        agent_timeout=4, lease=2,
                    ),
                }
            )
        )
        run.wait_until(
            lambda: len(self.started()) > 300, "300 iterations have begun"
        )

        agents[1].kill()

        done = run.finish()
        workload = run.workload
        stored, lost = workload.numbers, workload.lost
        self.assertEqual(
            list(range(1, 1501)), sorted(stored + lost), run.log
        )
        self.assertEqual(len(lost), workload.lost_count)
        self.assertEqual(
            {"n2"},
            {each["agent"] for each in workload["load_info"]["lost"]},
        )
        self.assertIn("agent n2 was lost: it missed its liveness deadline",
                      run.log)
        self.assertIn("liveness deadline", workload.problems)
        self.assert_live_lines_add_up(run.log)
        numbers = [each.number for each in self.started()]
        self.assertEqual(len(set(numbers)), len(numbers), "started twice")
        self.assertEqual(0, done.code, done.out)
        for agent in (agents[0], agents[2]):
            agent.stop()
        # what the dead agent kept is on its disk until it comes back
        for path in self.sandbox.spooled():
            self.assertEqual(agents[1].spool, path.parent.parent)
            path.unlink()

    def assert_live_lines_add_up(self, log: str) -> None:
        """Nothing is both done and lost; a count goes back with a reason."""
        lines = re.findall(
            r"(\d+) of 1500 iterations, (\S+)/s, \d+ failed(.*)", log
        )
        self.assertNotEqual([], lines, log)
        before = 0
        for done, rate, rest in lines:
            lost = re.search(r"(\d+) lost", rest)
            together = int(done) + (int(lost[1]) if lost else 0)
            self.assertLessEqual(together, 1500, rest)
            self.assertGreaterEqual(float(rate), 0, rest)
            if int(done) < before:
                self.assertIn("had been counted as done", rest)
            before = max(before, int(done))


class ControllerGoneTestCase(cluster.TestCase):
    LEASE_S = 3

    def test_agents_stop_by_themselves_and_keep_the_spool(self):
        port = self.sandbox.take_ports()
        agents = [self.start_agent("n%d" % i, port) for i in (1, 2)]
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.02),
                    "runner": cluster.distributed(
                        {"constant_for_duration":
                            {"duration": 120, "concurrency": 4}},
                        agents=2, listen="tcp://127.0.0.1:%d" % port,
                        lease=self.LEASE_S,
                    ),
                }
            )
        )
        run.wait_until(
            lambda: len(self.started()) > 200, "200 iterations have begun"
        )

        run.signal(signal.SIGKILL)
        killed = time.monotonic()
        run.process.popen.wait()

        limit = killed + self.LEASE_S + 2
        wait_until(lambda: time.monotonic() > limit, 60, "the lease is over")
        begun = len(self.started())
        for agent in agents:  # they live on, and dial
            self.assertFalse(agent.process.is_over, agent.log)
            agent.process.signal(signal.SIGTERM)
        for agent in agents:
            agent.wait_for_log("the load is over", 60)
            agent.kill()
        self.assertEqual(begun, len(self.started()))
        self.assertLess(max(each.at for each in self.started()), limit)
        spooled = self.sandbox.spooled()
        self.assertEqual(
            {agent.spool for agent in agents},
            {path.parent.parent for path in spooled},
        )
        for path in spooled:
            path.unlink()
        self.remove_local_folder()

    def test_local_agents_end_with_it(self):
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.02),
                    "runner": cluster.distributed(
                        {"constant_for_duration":
                            {"duration": 120, "concurrency": 4}},
                        lease=self.LEASE_S,
                    ),
                }
            )
        )
        run.wait_until(
            lambda: len(self.started()) > 100, "100 iterations have begun"
        )

        run.signal(signal.SIGKILL)
        killed = time.monotonic()
        run.process.popen.wait()

        wait_until(
            lambda: not self.sandbox.processes(), 60,
            "all local agents have ended",
        )
        last = max(each.at for each in self.started())
        self.assertLess(last - killed, self.LEASE_S + 2)
        self.remove_local_folder()

    def remove_local_folder(self):
        """Remove what a killed controller cannot remove itself."""
        for path in self.sandbox.temporary.glob("rally-local-*"):
            shutil.rmtree(path)

    def test_an_abort_of_its_task_does_not_wait_for_ever(self):
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.02),
                    "runner": {"constant": {"times": 5000,
                                            "concurrency": 2}},
                }
            )
        )
        run.wait_until(lambda: self.started(), "an iteration has begun")
        uuid = run.uuid
        run.signal(signal.SIGKILL)
        run.process.popen.wait()

        done = self.rally("task", "abort", uuid, deadline_s=60)

        self.assertEqual(0, done.code, done.out)
        self.assertIn(
            "aborted", self.must("task", "status", uuid).out
        )
