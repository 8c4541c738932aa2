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

"""Requests to a web server: their data, and what is counted of them."""

from __future__ import annotations

import typing as t

from tests.functional import cluster
from tests.unit.common.http import servers

TIMES = 40
INNER = {"constant": {"times": TIMES, "concurrency": 4}}


class WebTestCase(cluster.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = servers.CountingServer()
        self.addCleanup(self.server.close)

    def visits(self, runner: dict[str, t.Any]) -> dict[str, t.Any]:
        users = self.sandbox.write(
            "users.csv",
            "user\n" + "".join("user-%d\n" % i for i in range(TIMES)),
        )
        return {
            "scenario": {"Http.request": {
                "url": self.server.url + "{data.user}",
                "expect": {"text": "hello"},
            }},
            "contexts": {"csv_data": {"path": str(users)}},
            "runner": runner,
        }

    def check_visits(self, runner: dict[str, t.Any]) -> None:
        run = self.run_task(cluster.task_of(self.visits(runner)))
        self.assertEqual(0, run.finish().code, run.log)

        self.assertEqual(
            sorted("/user-%d" % i for i in range(TIMES)),
            sorted(self.server.targets),
        )
        traffic = run.workload.load_info["traffic"]
        self.assertEqual(
            (TIMES, self.server.got, self.server.sent),
            (traffic["requests"], traffic["sent_bytes"],
             traffic["received_bytes"]),
        )
        self.assertEqual(
            [self.server.got, self.server.sent], traffic["history"][-1][1:]
        )
        shown = self.must("task", "detailed", run.uuid).out
        self.assertIn("HTTP: %d requests (" % TIMES, shown)

    def test_two_agents_use_each_row_once_and_count_each_byte(self) -> None:
        self.check_visits(cluster.distributed(INNER))

    def test_so_does_the_local_runner(self) -> None:
        self.check_visits(INNER)

    def test_without_requests_there_is_no_traffic(self) -> None:
        run = self.run_task(cluster.task_of({
            "scenario": {"Dummy.dummy": {}},
            "runner": cluster.distributed(INNER),
        }))
        self.assertIsNone(run.workload.load_info["traffic"])
        self.assertNotIn(
            "HTTP", self.must("task", "detailed", run.uuid).out
        )

    def test_a_scenario_finds_out_who_runs_it(self) -> None:
        run = self.run_task(cluster.task_of(
            {"scenario": {"Who.am_i": {}}, "runner": INNER},
            {"scenario": {"Who.am_i": {}},
             "runner": cluster.distributed(INNER)},
        ))
        local, spread = (
            {
                tuple(row["output"]["complete"][0]["data"])
                for row in workload.rows
            }
            for workload in run.workloads
        )
        self.assertEqual({("local", "0", "1", "{}")}, local)
        names = sorted(name for name, *_ in spread)
        self.assertEqual(["local-1", "local-2"], names)
        self.assertEqual(
            {("0", "2", "{}"), ("1", "2", "{}")},
            {tuple(rest) for _, *rest in spread},
        )
