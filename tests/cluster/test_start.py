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

"""Agents start together, and the report says how well."""

from __future__ import annotations

from tests.cluster import cluster

#: what an idle machine achieves; a busy one in one of so many runs
START_S = 0.020
RUNS = 6
#: from the start of an iteration to its arrival at the referee
ARRIVAL_S = 0.005


class StartTestCase(cluster.TestCase):
    AGENTS = tuple("n%d" % i for i in range(1, 11))

    def test_ten_agents_start_together(self):
        for _ in range(RUNS):
            seen, told, bound = self.spreads()
            self.figure(
                "first arrivals within", "%.1f ms; reported %.1f +- %.1f ms"
                % (seen * 1e3, told * 1e3, bound * 1e3),
            )
            if seen <= START_S and abs(seen - told) <= bound + ARRIVAL_S:
                return
        self.fail("never within %g ms" % (START_S * 1e3))

    def spreads(self):
        """Spread at the referee, in the report, and its error bound."""
        before = len(self.referee.arrivals())
        run = self.start_load(
            {"constant": {"times": 10, "concurrency": 10}}, sleep=0.2,
        )
        done = run.finish()
        firsts = {}
        for event in self.referee.arrivals()[before:]:
            firsts.setdefault(event.host, event.at)
        self.assertEqual(len(self.AGENTS), len(firsts), firsts)
        info = run.workload.load_info
        spreads = {
            agent["name"]: agent["start_spread_s"] for agent in info["agents"]
        }
        self.assertEqual(max(spreads.values()), info["start_spread_s"])
        self.assertIn("Agents began within", done.out)
        for name in info["late_agents"]:
            self.assertGreater(spreads[name], START_S)
        errors = sorted(agent["clock_error_s"] for agent in info["agents"])
        return (
            max(firsts.values()) - min(firsts.values()),
            info["start_spread_s"], sum(errors[-2:]),
        )
