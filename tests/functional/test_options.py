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

"""Plugins on agents have the controller's options, and their objects."""

from __future__ import annotations

import typing as t

from tests.functional import cluster
from tests.functional.cluster import distributed

SECRET = "pa$word"
CONSTANT = {"constant": {"times": 20, "concurrency": 2}}


class OptionsOfPluginsTestCase(cluster.SharedTestCase):
    """Two agents, of which one is configured otherwise by its host."""

    OPTIONS = "[opted]\npace = 0.25\npassword = pa$$word"
    run_: t.ClassVar[cluster.Run]
    agents: t.ClassVar[list[cluster.Agent]]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        port = home.sandbox.take_ports()
        cls.agents = [
            home.start_agent("n1", port),
            home.start_agent(
                "n2", port,
                env={
                    "OS_OPTED__PACE": "3", "OS_OPTED__PASSWORD": "otherword",
                    "OS_OPTED__UNTOUCHED": "touched",
                },
            ),
        ]
        runners = (
            CONSTANT,
            distributed(CONSTANT, local_agents=2),
            distributed(
                CONSTANT, agents=2, listen="tcp://127.0.0.1:%d" % port
            ),
        )
        cls.run_ = home.run_task(cluster.task_of(*(
            {
                "scenario": {"Opted.compare": {"expected": {
                    "pace": 0.25, "password": SECRET,
                    "untouched": "by default",
                }}},
                "contexts": {"tickets": {}},
                "runner": runner,
                "sla": {"failure_rate": {"max": 0}},
            }
            for runner in runners
        )))
        for agent in cls.agents:
            agent.stop()

    def test_each_iteration_has_them(self):
        done = self.run_.finish()
        self.assertEqual(0, done.code, done.out + done.err)
        for workload in self.run_.workloads:
            self.assertEqual([""] * 20, [
                "".join(row["error"]) for row in workload.rows
            ])

    def test_what_the_host_says_otherwise_is_named(self):
        said = [
            line for line in self.run_.log.splitlines()
            if "says something else" in line
        ]
        self.assertEqual(1, len(said), said)
        self.assertIn(
            "agent n2: [opted] pace, [opted] password, [opted] untouched: ",
            said[0],
        )

    def test_no_secret_is_logged(self):
        for log in (self.run_.log, *(each.log for each in self.agents)):
            self.assertNotIn("otherword", log)
            # the task file names the other one
            self.assertNotIn(SECRET, log)
