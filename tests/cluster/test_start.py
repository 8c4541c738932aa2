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

TIMED = True
#: how far apart the first iterations may be on a machine that does nothing
#: else; whatever it does delays clients without Rally as much
START_S = 0.020
#: most tries have to be within the bound, since what else the machine does
#: comes and goes between the bare clients and the agents
TRIES = 5
#: from the start of an iteration to its arrival, where a CPU is to be had
ARRIVAL_S = 0.005
#: in which bare clients get ready
READY_S = 3.0


class StartTestCase(cluster.TestCase):
    AGENTS = tuple("n%d" % i for i in range(1, 11))

    def test_ten_agents_start_together(self):
        tries = []
        while max(map(tries.count, (True, False))) <= TRIES // 2:
            bare = self.bare_spread()
            seen, told, bound = self.spreads()
            self.figure(
                "first iterations within",
                "%.1f ms at the referee, %.1f ms reported; bare clients: "
                "%.1f ms" % tuple(1e3 * x for x in (seen, told, bare)),
            )
            tries.append(
                max(seen, told) <= START_S + bare
                and abs(seen - told) <= bound + ARRIVAL_S + bare
            )
        self.assertGreater(
            tries.count(True), TRIES // 2,
            "most tries were more than %g ms behind bare clients, or not "
            "reported as they were seen" % (START_S * 1e3),
        )

    def firsts(self, skipped):
        """Spread of the first arrivals from all hosts after so many."""
        firsts = {}
        for event in self.referee.arrivals()[skipped:]:
            firsts.setdefault(event.host, event.at)
        self.assertEqual(len(self.AGENTS), len(firsts), firsts)
        return max(firsts.values()) - min(firsts.values())

    def bare_spread(self):
        """How far apart clients without Rally arrive, from all hosts."""
        skipped = len(self.referee.arrivals())
        at = cluster.now() + READY_S
        clients = [
            self.sandbox.start_python(
                name, "tests.cluster.bare",
                self.hosts.address(cluster.TARGET), cluster.REFEREE_PORT,
                at,
            )
            for name in self.AGENTS
        ]
        for client in clients:
            client.wait(cluster.SOON_S)
        return self.firsts(skipped)

    def spreads(self):
        """Spread at the referee, and in the report, with its error bound."""
        skipped = len(self.referee.arrivals())
        run = self.start_load(
            {"constant": {"times": 10, "concurrency": 10}}, sleep=0.2,
        )
        done = run.finish()
        info = run.workload.load_info
        spreads = {
            agent["name"]: agent["start_spread_s"] for agent in info["agents"]
        }
        self.assertEqual(sorted(self.AGENTS), sorted(spreads))
        self.assertEqual(max(spreads.values()), info["start_spread_s"])
        self.assertIn("Agents began within", done.out)
        for name in info["late_agents"]:
            self.assertGreater(spreads[name], START_S)
        errors = sorted(agent["clock_error_s"] for agent in info["agents"])
        return self.firsts(skipped), info["start_spread_s"], sum(errors[-2:])
