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

"""A run in which nothing fails."""

from __future__ import annotations

import statistics

from tests.cluster import cluster

TIMES = 1200
AT_ONCE = 9


class UndisturbedTestCase(cluster.TestCase):
    def test_every_number_is_run_once_and_stored_once(self):
        run = self.start_load(
            {"constant": {"times": TIMES, "concurrency": AT_ONCE}},
            sleep=0.02, sla={"failure_rate": {"max": 0}},
        )

        done = run.finish()

        self.assertEqual(0, done.code, done.out)
        self.check_accounting(run.workload, TIMES, AT_ONCE)
        self.check_order(run.workload)
        numbers = list(range(1, TIMES + 1))
        self.assertEqual(numbers, self.referee.finished())
        self.assertEqual(numbers, sorted(run.workload.numbers))
        hosts = {event.host for event in self.referee.arrivals()}
        self.assertEqual(
            {agent.address for agent in self.agents.values()}, hosts
        )


class RateTestCase(cluster.TestCase):
    RATE = 60
    TIMES = 480

    def test_a_rate_is_kept_over_three_agents(self):
        run = self.start_load(
            {
                "rps": {
                    "rps": self.RATE, "times": self.TIMES,
                    "max_concurrency": 60,
                }
            },
            sleep=0.02,
        )

        run.finish()

        self.check_accounting(run.workload, self.TIMES, 60)
        stamps = [event.at for event in self.referee.arrivals()]
        gaps = [b - a for a, b in zip(stamps, stamps[1:])]
        median = statistics.median(gaps) * self.RATE
        self.figure(
            "median time between arrivals", "%.3f of the schedule" % median
        )
        self.assertAlmostEqual(1.0, median, delta=0.05)
