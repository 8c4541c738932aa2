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

"""How soon ten agents stop when a criterion fails, many times.

Exactly one visit of each run violates the criterion, so one agent alone
knows of it, and no second violation helps. It is timed by the referee, from
the moment the criterion is hurt to the last visit that arrives anywhere:

* ``failure_rate``: from the *arrival* of the visit that is to fail, which is
  earlier than its failure by the time the visit takes;
* ``max_seconds_per_iteration``: from the moment the slow visit has been
  running for longer than the limit, which is earlier than its end.

``STOP_RUNS=100`` makes so many runs of each instead of 20.
"""

from __future__ import annotations

import os
import signal

import ddt

from tests.cluster import cluster
from tests.functional.sandbox import wait_until

#: wants a machine that does nothing else, see tests/run.py
TIMED = True
RUNS = int(os.environ.get("STOP_RUNS") or 20)
AT_ONCE = 20
#: the visit that violates, when all agents have been busy for a while
BAD = 150
#: seconds that an iteration may take, well above what one does take
LIMIT_S = 0.5
BOUNDS_S = {"failure_rate": 1.0, "max_seconds_per_iteration": 0.5}


class TenAgents(cluster.TestCase):
    AGENTS = tuple("n%d" % i for i in range(1, 11))

    def begin(self, criterion, number, **visit):
        """Start a run whose visit *number* violates *criterion*."""
        if criterion == "failure_rate":
            limit, bad = {"max": 0}, {"fail_at": number}
        else:
            limit = LIMIT_S
            bad = {"slow_at": number, "slow_sleep": LIMIT_S + 0.02}
        return self.start_load(
            {
                "constant_for_duration": {
                    "duration": 60, "concurrency": AT_ONCE,
                }
            },
            "--abort-on-sla-failure", sleep=0.05, visit={**bad, **visit},
            sla={criterion: limit},
        )

    def late_s(self, criterion: str, number: int) -> float:
        """From the violation to the last arrival, by the referee's clock."""
        [violation] = [
            event.at for event in self.referee.arrivals()
            if event.number == number
        ]
        if criterion == "max_seconds_per_iteration":
            violation += LIMIT_S
        return self.referee.last() - violation


@ddt.ddt
class StopSeriesTestCase(TenAgents):
    @ddt.data(*BOUNDS_S)
    def test_no_run_stops_later_than_promised(self, criterion):
        late = []
        for _ in range(RUNS):
            run = self.begin(criterion, BAD)
            done = run.finish(cluster.SOON_S)
            self.assertEqual(2, done.code, done.out + run.log)
            late.append(self.late_s(criterion, BAD))
            self.check(run)
            self.referee.forget()
        late.sort()
        self.figure(
            "last arrival after %s was violated, %d runs" % (criterion, RUNS),
            "least %.2f, median %.2f, most %.2f s"
            % (late[0], late[len(late) // 2], late[-1]),
        )
        self.assertLess(late[-1], BOUNDS_S[criterion], late)

    def check(self, run):
        """All is accounted for, and the latency is in the report."""
        info = self.load_info(run.uuid)
        self.assertEqual([], self.referee.repeated())
        self.assertEqual(self.referee.count(), info["stored"])
        self.assertEqual([], info["lost"])
        self.assertLessEqual(self.referee.peak(), AT_ONCE)
        self.assertLess(info["stop_latency_s"], 1.0)


class StopTogetherTestCase(TenAgents):
    """The agent with all failures is not the only one who has to know."""

    FROM = 150
    MAX_PERCENT = 5
    RUNS = max(1, RUNS // 10)

    def test_no_run_stops_late_if_only_all_agents_together_fail(self):
        """Long before, the criterion fails for the results of one of them."""
        late = []
        for _ in range(self.RUNS):
            run = self.start_load(
                {
                    "constant_for_duration": {
                        "duration": 60, "concurrency": AT_ONCE,
                    }
                },
                "--abort-on-sla-failure", sleep=0.05,
                visit={
                    "fail_from": self.FROM,
                    "fail_on": self.agents["n1"].address,
                },
                sla={"failure_rate": {"max": self.MAX_PERCENT}},
            )
            done = run.finish(cluster.SOON_S)
            self.assertEqual(2, done.code, done.out + run.log)
            late.append(self.referee.last() - self.violation())
            self.referee.forget()
        self.figure("last arrival after 5 % had failed", "%.2f s at most"
                    % max(late))
        self.assertLess(max(late), BOUNDS_S["failure_rate"], late)

    def violation(self) -> float:
        """Arrival of the visit whose end brought it above the limit.

        The newest that is known of each agent is judged, and agents do not
        report at the same moments, so the run may stop before that.
        """
        came = {each.number: each.at for each in self.referee.arrivals()}
        ended = failed = 0
        for event in self.referee.events():
            if event.kind == "end":
                ended += 1
                failed += (
                    event.number >= self.FROM
                    and event.host == self.agents["n1"].address
                )
                if failed * 100 > self.MAX_PERCENT * ended:
                    return came[event.number]
        return self.referee.last()


@ddt.ddt
class StopAmidResultsTestCase(TenAgents):
    """100 MB of results wait for the controller's link of 1 Mbit/s.

    The link carries the results of all agents, with what tells of the
    violation among them; the visits go elsewhere.
    """

    OPTIONS = "raw_result_chunk_size = 20"
    BALLAST = 150_000
    BYTES = 100_000_000
    VISITS = 1000

    @ddt.data(*BOUNDS_S)
    def test_a_stop_overtakes_100_mb_of_results(self, criterion):
        self.hosts.thin(cluster.CONTROLLER, "1mbit")
        self.hosts.thin_towards(cluster.CONTROLLER, "1mbit")
        run = self.begin(criterion, self.VISITS, ballast=self.BALLAST)

        for agent in self.agents.values():
            agent.wait_for_log("the load is over", cluster.SOON_S)

        late = self.late_s(criterion, self.VISITS)
        waiting = sum(
            path.stat().st_size
            for agent in self.agents.values() for path in agent.spooled()
        )
        self.figure(
            "last arrival after %s was violated" % criterion,
            "%.2f s, %d MB wait" % (late, waiting // 1_000_000),
        )
        self.assertGreater(waiting, self.BYTES)
        self.assertLess(late, BOUNDS_S[criterion])
        self.assertEqual([], self.referee.repeated())
        self.give_up(run)

    def give_up(self, run):
        """Nobody waits for 100 MB over such a link."""
        wait_until(
            lambda: self.task_status(run.uuid) == "soft_aborting",
            cluster.SOON_S, "the task knows",
        )
        run.signal(signal.SIGKILL)
        run.finish(cluster.SOON_S)
        for agent in self.agents.values():
            agent.kill()
        self.discard_spool(*self.AGENTS)
