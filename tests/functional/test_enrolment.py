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
"""Agents that come by a join token, through the command line."""

from __future__ import annotations

import pathlib
import typing as t

from tests.functional import cluster
from tests.functional.cluster import AGENT_MARK, Agent, distributed, task_of

CONSTANT = {"constant": {"times": 20, "concurrency": 2}}


class EnrolmentTestCase(cluster.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.port = self.sandbox.take_ports()
        self.token = self.sandbox.folder / "fleet.join"
        self.must(
            "agent", "invite", "--uses", "2", "--expires", "1h", "--label",
            "zone=a", "--out", self.token,
        )

    def start_applicant(self, own: str, **options: t.Any) -> Agent:
        """Start an agent with a folder for its own key."""
        spool = self.sandbox.folder / ("spool-%s" % own)
        process = self.sandbox.start(
            "agent", "start", "--controller",
            "tcp://127.0.0.1:%d" % self.port, "--join", self.token,
            "--keys-folder", self.own(own), "--name", "node", "--spool",
            spool, "--label", "own=%s" % own, env={AGENT_MARK: str(spool)},
            **options,
        )
        return Agent(own, process, spool)

    def own(self, name: str) -> pathlib.Path:
        return self.sandbox.folder / ("own-%s" % name)

    def run_on(self, count: int) -> list[str]:
        """Names of the agents of a run."""
        run = self.run_task(task_of({
            "scenario": self.numbered(),
            "runner": distributed(
                CONSTANT, agents=count, wait=60,
                listen="tcp://127.0.0.1:%d" % self.port,
            ),
        }))
        self.assertEqual(0, run.done.code, run.done.out + run.log)
        self.assertEqual(20, len(run.workload.rows))
        return sorted(
            agent["name"] for agent in run.workload.load_info["agents"]
        )

    def listed(self) -> str:
        return str(self.must(
            "agent", "list", "--wait", "3", "--listen",
            "tcp://127.0.0.1:%d" % self.port,
        ).out)

    def test_they_join_a_run_and_come_back_without_the_token(self):
        agents = [self.start_applicant(name) for name in "ab"]

        self.assertEqual(["node", "node-2"], self.run_on(2))

        self.assertIn("used up", self.listed())
        self.must("agent", "revoke", "--token", self.token_id())
        agents[0].stop()
        agents[0] = self.start_applicant("a")
        self.assertEqual(["node", "node-2"], self.run_on(2))
        for agent in agents:
            self.assertEqual(0, agent.stop().code)

    def token_id(self) -> str:
        [path] = (self.sandbox.home / ".rally/keys/tokens").iterdir()
        return path.stem

    def test_one_that_is_killed_while_it_asks_is_counted_once(self):
        first = self.start_applicant("a")
        first.wait_for_log("dialing on")
        first.kill()
        agents = [self.start_applicant(name) for name in "ab"]
        for agent in agents:
            agent.wait_for_log("dialing on")

        listed = self.listed()

        self.assertIn("2 of 2", listed)
        for text in ("own=a zone=a", "own=b zone=a", "node-2"):
            self.assertIn(text, listed)
        late = self.start_applicant("c")
        late.wait_for_log("dialing on")
        self.listed()
        done = late.process.wait(60)
        self.assertEqual(228, done.code, done.err)
        said = " ".join((done.out + done.err).split())
        self.assertIn("is used up", said)
        self.assertNotIn("Traceback", done.err)
        for agent in agents:
            self.assertEqual(0, agent.stop().code)
