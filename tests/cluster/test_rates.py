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

"""The pace of an open model, seen by the referee.

``rps`` says when each iteration is due; however many agents share the
schedule, it is one schedule. Two things are promised:

* *Never early.* The number of arrivals by any moment is at most the number
  of due moments by then. This is exact: a moment when the machine stands
  still makes iterations late, and they are caught up with, so a limit on
  arrivals per window would have to forgive as much as the machine pauses;
  a limit on their sum forgives nothing.
* *On time.* The median time between arrivals is that of the schedule, within
  5 %.

Each result says when its iteration began and how late that was, so it tells
where the schedule begins on the clock of its agent. All hosts being one
machine, that is a moment on the referee's clock, too.
"""

from __future__ import annotations

import statistics
import time

from rally.task.results import chunk as chunk_module
from tests.cluster import cluster

#: wants a machine that does nothing else, see tests/run.py
TIMED = True
MANY = 400
STALL_S = 2.0
#: agents begin the schedule together, up to the errors of their clocks
SPREAD_S = 0.02


def due_moments(rps, times):
    """Seconds after the start by number; shares no code with the runner.

    :param rps: iterations per second; or those of the first second, of the
        last ones, and by how much each second has more
    """
    if isinstance(rps, int):
        rps = {"start": rps, "end": rps, "step": 1}
    due, second, rate = {}, 0, rps["start"]
    while len(due) < times:
        for i in range(rate):
            due[len(due) + 1] = second + i / rate
        second, rate = second + 1, min(rate + rps["step"], rps["end"])
    return {number: due[number] for number in range(1, times + 1)}


class Rates(cluster.TestCase):
    """Runs of an rps runner, and the schedule they should have kept."""

    def run_at(self, rps, times, max_concurrency=MANY, **options):
        """Run it to its end; due moments by number, seconds."""
        run = self.start_load(
            {
                "rps": {
                    "rps": rps, "times": times,
                    "max_concurrency": max_concurrency,
                }
            },
            sleep=0, **options,
        )
        done = run.finish(cluster.SOON_S)
        self.assertEqual(0, done.code, done.out + run.log)
        self.check_referee(times, max_concurrency)
        self.assertEqual(times, self.referee.count())
        return run, due_moments(rps, times)

    def zeros(self, run, due):
        """When the schedule begins for each agent; the referee's clock."""
        monotonic_ns = time.time_ns() - time.monotonic_ns()
        found = {}
        for agent, payload in self.select(
            "agent, payload FROM workloaddata WHERE task_uuid = ?", run.uuid
        ):
            chunk = chunk_module.Chunk.from_bytes(payload)
            number = int(chunk.numbers[0])
            due_ns = chunk.started_ns[0] - chunk.lag_ns[0] - monotonic_ns
            found[agent] = float(due_ns) / 1e9 - due[number]
        return found

    def check_never_early(self, run, due):
        """No agent is ahead of the one schedule of all."""
        zeros = self.zeros(run, due)
        spread = max(zeros.values()) - min(zeros.values())
        for name, zero in zeros.items():
            for event in self.referee.arrivals(self.agents[name].address):
                self.assertGreater(event.at, zero + due[event.number])
        self.assertLess(spread, SPREAD_S)
        late = statistics.median(
            event.at - due[event.number] - min(zeros.values())
            for event in self.referee.arrivals()
        )
        self.figure(
            "%d agents" % len(zeros), "their schedules begin within %.2f ms, "
            "arrivals are %.1f ms late at the median"
            % (spread * 1e3, late * 1e3),
        )

    def check_pace(self, due, first=1, last=None):
        """Gaps between arrivals against those between due moments.

        :param first: number of the first iteration of those to look at
        :param last: of the last one
        """
        last = last or len(due)
        stamps = [
            event.at for event in self.referee.arrivals()
            if first <= event.number <= last
        ]
        gap = (due[last] - due[first]) / (last - first)
        median = statistics.median(
            (b - a) / gap for a, b in zip(stamps, stamps[1:])
        )
        self.figure("median gap at %.0f/s" % (1 / gap),
                    "%.3f of the schedule" % median)
        self.assertAlmostEqual(1.0, median, delta=0.05)


class RateTestCase(Rates):
    AGENTS = tuple("n%d" % i for i in range(1, 8))

    def test_a_rate_is_one_rate_over_one_three_and_seven_agents(self):
        for count in (1, 3, 7):
            run, due = self.run_at(40, 200, agents=count)
            self.check_never_early(run, due)
            self.check_pace(due)
            hosts = {event.host for event in self.referee.arrivals()}
            self.assertEqual(count, len(hosts))
            self.referee.forget()

    def test_a_ramp_is_one_ramp_over_three_agents(self):
        ramp = {"start": 20, "end": 80, "step": 20}
        run, due = self.run_at(ramp, 200, agents=3)
        self.check_never_early(run, due)
        first = 1
        for rate in (20, 40, 60, 80):
            self.check_pace(due, first, first + rate - 1)
            first += rate


class StallTestCase(Rates):
    """The target answers nobody for two seconds.

    The rate is low, so that those who waited are served quickly afterwards
    by a machine that plays all hosts.
    """

    RATE, TIMES, FROM = 30, 240, 60

    def stall(self, **options):
        visit = {"stall_at": self.FROM, "stall": STALL_S}
        run, due = self.run_at(
            self.RATE, self.TIMES, visit=visit, **options
        )
        [began] = [
            event.at for event in self.referee.events()
            if event.kind == "stall"
        ]
        over = began + STALL_S - min(self.zeros(run, due).values())
        responses = sorted(
            over - due[number] if number >= self.FROM else 0.0
            for number in due
        )
        # as percentiles are defined: linear between the nearest ranks
        place = 0.99 * (self.TIMES - 1)
        low = int(place)
        expected = responses[low] + (place - low) * (
            responses[low + 1] - responses[low]
        )
        info = self.load_info(run.uuid)
        self.figure(
            "p99 of the response time", "%.3f s, by arithmetic %.3f s"
            % (info["response"]["p99"], expected),
        )
        self.assertAlmostEqual(
            1.0, info["response"]["p99"] / expected, delta=0.02
        )
        return run, due, info

    def test_a_stall_shows_in_the_response_times(self):
        run, due, _ = self.stall()
        self.check_never_early(run, due)
        # those that were due during the stall arrived during it
        self.check_pace(due, self.FROM, self.FROM + 55)

    def test_a_stall_shows_if_few_may_wait_for_the_target(self):
        _, _, info = self.stall(max_concurrency=6)
        # hardly any iteration was slow: 54 of them waited to be started
        self.assertLess(info["percentiles"]["95"], 0.2)
        self.assertGreater(info["response"]["p95"], 1.4)
