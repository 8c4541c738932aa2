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

"""What a run is held to: hours, clocks that drift, hosts that pause, sizes.

On simulated time and network, with the state machines, ports and loop that
run in production. ``make explore`` runs the same for a week.
"""

from __future__ import annotations

import os

import ddt

from rally.task.distributed.controller.run import Phase
from rally.task.distributed.wire import codec, messages
from rally.task.results import head
from rally.task.work.schedule import Schedule
from tests.simulation.cluster import NS, Cluster
from tests.simulation.long_run import DAYS, PAUSE_S, LongRun
from tests.simulation.network import Weather
from tests.unit import test

#: of simulated time; ``python -m tests.explore --hours 168`` has more
HOURS = 0.5
#: iterations of a long run take longer, or counting them takes the time
LONG_HOURS = 12
LIVELY = Weather(min_delay_s=0.001, max_delay_s=0.02)


def standstills(cluster):
    """How long nothing was started, between two starts, in seconds."""
    starts = sorted(cluster.started_at.values())
    return [
        (later - earlier) / NS for earlier, later in zip(starts, starts[1:])
    ]


class LimitsTestCase(test.TestCase):
    def check(self, cluster):
        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertIsNone(cluster.machine.failure)


@ddt.ddt
class ClocksTestCase(LimitsTestCase):
    @ddt.data((200, -200), (-200, 200), (50, 0))
    def test_clocks_that_drift_apart_do_not_stop_the_load(self, ppms):
        seconds, takes_s = HOURS * 3600, 5.0 if HOURS > LONG_HOURS else 0.5
        times = int(seconds * 4 / takes_s)
        cluster = Cluster(
            agents=2, times=times, concurrency=4, duration_s=takes_s,
            weather=LIVELY, ppms=ppms, chunk_size=100,
        ).play(limit_s=2 * seconds + 600)

        self.check(cluster)
        self.assertEqual({}, cluster.lost)
        self.assertLess(max(standstills(cluster)), 1.5 * takes_s + 1)

    @ddt.data((200, -200), (-200, 200))
    def test_nor_that_of_an_open_model(self, ppms):
        seconds = HOURS * 3600
        per_second = 0.5 if HOURS > LONG_HOURS else 10
        cluster = Cluster(
            agents=2, times=int(seconds * per_second), concurrency=60,
            duration_s=0.5, schedule=Schedule.constant(per_second),
            weather=LIVELY, ppms=ppms, chunk_size=100,
        ).play(limit_s=2 * seconds + 600)

        self.check(cluster)
        self.assertEqual({}, cluster.lost)
        self.assertLess(max(standstills(cluster)), 1 / per_second + 1)

    def test_a_minute_of_a_clock_that_is_years_ahead_is_a_minute(self):
        cluster = Cluster(
            agents=2, times=400, concurrency=4, duration_s=0.5,
            offsets_s=(10 * 365 * 86400, -3600),
        ).play()

        self.check(cluster)
        self.assertEqual({}, cluster.lost)


@ddt.ddt
class WeekTestCase(test.TestCase):
    """A week, or as long as it shall be in seven days shorter than that."""

    @staticmethod
    def seconds():
        return HOURS * 3600 if HOURS > LONG_HOURS else HOURS * 1200

    def play(self, **options):
        seconds = self.seconds()
        run = LongRun(
            day_s=seconds / DAYS, agents=2, weather=LIVELY, ppms=(200, -200),
            **options
        ).play(limit_s=2 * seconds + 600)

        self.assertEqual([], run.problems())
        self.assertEqual(DAYS, run.restarts)
        self.assertLess(max(run.standstills), PAUSE_S + 1)
        # a day has one pause of the controller's machine
        self.assertLessEqual(len(run.standstills), DAYS)
        self.assertEqual(DAYS, len(run.weights))
        self.assertLess(max(run.weights[1:]), 1.25 * run.weights[0])
        return run

    def test_of_a_closed_model(self):
        run = self.play(
            times=int(self.seconds() * 10), concurrency=8, duration_s=0.8,
        )

        self.assertLessEqual(set(run.losers), {"a0", "a1"})

    @ddt.data(10, 1000)
    def test_of_an_open_model(self, per_second):
        self.play(
            times=int(self.seconds() * per_second), concurrency=60,
            duration_s=0.5, schedule=Schedule.constant(per_second),
            at_once=per_second, chunk_size=10 * per_second,
        )


@ddt.ddt
class PauseTestCase(LimitsTestCase):
    def cluster(self):
        return Cluster(
            agents=2, times=4000, concurrency=4, duration_s=0.1,
            weather=LIVELY, chunk_size=50,
        )

    @ddt.data(6, 60, 600)
    def test_of_the_controllers_machine_ends_with_it(self, seconds):
        cluster = self.cluster()
        cluster.at(20, lambda: cluster.controller_clock.pause(seconds))
        cluster.play(limit_s=seconds + 600)

        self.check(cluster)
        self.assertEqual({}, cluster.lost)
        over_ns = cluster.clock_start + (20 + seconds) * NS
        after = min(
            at for at in cluster.started_at.values() if at >= over_ns
        )
        self.assertLess(after - over_ns, NS)
        self.assertLess(max(standstills(cluster)), seconds + 1)

    @ddt.data(6, 60, 600)
    def test_of_an_agents_machine_costs_what_it_had_at_the_most(
        self, seconds
    ):
        cluster = self.cluster()
        cluster.at(20, lambda: cluster.agents["a1"].clock.pause(seconds))
        cluster.play(limit_s=seconds + 600)

        self.check(cluster)
        self.assertLess(max(standstills(cluster)), 1.0)
        self.assertLessEqual(set(cluster.losers), {"a1"})
        if seconds < 10:
            self.assertEqual({}, cluster.lost)

    def test_again_and_again_loses_nothing(self):
        cluster = self.cluster()
        for i in range(5):
            cluster.at(
                10 + 15 * i, lambda: cluster.controller_clock.pause(6)
            )
        cluster.play()

        self.check(cluster)
        self.assertEqual({}, cluster.lost)

    def test_of_an_open_model_is_made_up_for(self):
        cluster = Cluster(
            agents=2, times=1500, concurrency=200, duration_s=0.2,
            schedule=Schedule.constant(20), weather=LIVELY,
        )
        cluster.at(20, lambda: cluster.controller_clock.pause(6))
        cluster.play()

        self.check(cluster)
        self.assertEqual({}, cluster.lost)


class SizeTestCase(LimitsTestCase):
    def test_a_chunk_that_fits_no_message_is_lost_and_ends_no_run(self):
        cluster = Cluster(agents=2, times=400, concurrency=4)
        large = os.urandom(70 << 20)

        def spoil():
            [(run, chunks)] = cluster.spools["a1"].items()
            agent = cluster.agents["a1"]
            sequence = agent.load.spooled
            kept = messages.ChunkData(
                run, sequence, head.PackedChunk(
                    head.ChunkHead(
                        count=1, failed=0, first_ns=0, last_ns=0,
                        finished_ns=0, numbers=(),
                    ),
                    large,
                ),
            )
            chunks[sequence] = kept
            agent.load.spooled += 1
            agent.process.said.append(messages.LoadSpooled(sequence))

        cluster.at(3, spoil)
        cluster.play()

        self.check(cluster)
        self.assertEqual(1, cluster.machine.counters["missing_chunks"])
        self.assertIn("too large to be sent", " ".join(cluster.log))

    def test_a_context_of_many_parts_arrives_whatever_the_network_does(self):
        content = codec.encode_content(messages.LoadContent(
            {}, {}, {"blob": os.urandom(11 << 20).hex()}
        ))
        cluster = Cluster(
            agents=2, times=100, concurrency=4, content=content,
            weather=Weather(
                drop=0.05, repeat=0.05, reorder=0.05, min_delay_s=0.001,
                max_delay_s=0.05,
            ),
        ).play()

        self.check(cluster)
        for agent in cluster.agents.values():
            self.assertEqual(content, agent.content)

    def test_a_context_an_agent_has_is_not_sent_again(self):
        content = codec.encode_content(messages.LoadContent(
            {}, {}, {"blob": "x" * (5 << 20)}
        ))
        cluster = Cluster(
            agents=2, times=100, concurrency=4, content=content
        ).play()
        parts = cluster.network.sent["Part"]
        cluster.pause(1)
        cluster.next_run("run-2")

        self.check(cluster)
        self.assertEqual(2 * 6, parts)
        self.assertEqual(parts, cluster.network.sent["Part"])

    def test_a_context_may_take_longer_than_an_agent_to_get_ready(self):
        content = codec.encode_content(messages.LoadContent(
            {}, {}, {"blob": "x" * (20 << 20)}
        ))
        cluster = Cluster(
            agents=1, times=10, concurrency=1, content=content,
            prepare_s=4, weather=Weather(min_delay_s=1.0, max_delay_s=1.1),
        ).play()

        self.check(cluster)


class EventsTestCase(LimitsTestCase):
    def test_each_start_is_told_though_messages_are_lost(self):
        cluster = Cluster(
            agents=2, times=300, concurrency=4, announces=True,
            weather=Weather(drop=0.05, repeat=0.1, reorder=0.1),
        ).play()

        self.check(cluster)
        self.assertEqual(
            sorted(cluster.started), sorted(cluster.announced)
        )
        self.assertEqual(0, cluster.machine.counters["dropped_events"])

    def test_a_burst_of_them_is_told(self):
        cluster = Cluster(agents=1, times=50, concurrency=50, announces=True)
        cluster.play()

        self.assertEqual(list(range(1, 51)), sorted(cluster.announced))

    def test_those_of_a_controller_that_is_gone_hold_up_no_recovery(self):
        cluster = Cluster(agents=2, times=300, concurrency=4, announces=True)

        def leave():
            cluster.end.close()
            cluster.machine.run.phase = Phase.OVER

        cluster.at(4, leave)
        cluster.play()
        cluster.run_idle(30)
        cluster.recover()

        self.assertEqual([], cluster.problems())
