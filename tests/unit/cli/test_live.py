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

"""The progress of a task while it runs."""

from __future__ import annotations

import dataclasses
import logging
import os

import ddt

from rally.cli import frame, live, terminal
from rally.task.reporting import progress as progress_module
from rally.task.results import odd
from tests import screens
from tests.unit import test

PROGRESS = progress_module.Progress(
    workload="Dummy.dummy",
    position=0,
    phase="running",
    done=40,
    asked=100,
    failed=2,
    lost=0,
    withdrawn=0,
    rate=12.345,
    p50=0.5,
    p95=1.0,
    p99=None,
    sla=[("failure_rate", False, "2 % failed")],
    agents=[],
    elapsed_s=61.5,
    problems=[],
)
AGENT = progress_module.AgentProgress(
    name="node1", state="running", iterations=20, rate=6.0,
    offset_s=0.0012, error_s=0.0001, lost=3,
)


GROUP = progress_module.GroupProgress(
    label="zone", value="a", agents=20, iterations=5000, failed=3, lost=0,
    rate=150.5, p50=0.05, p95=0.1, p99=None,
)
FLEET = progress_module.FleetView(
    groups=[GROUP], slowest=[("n5", 0.8)], saturated=["n1", "n2"],
    odd=[odd.Odd("n5", 0.41, 22.0), odd.Odd("n6", -0.2, -9.0)],
)


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def changed(**values: object) -> progress_module.Progress:
    return dataclasses.replace(PROGRESS, **values)


def drawn(progress: progress_module.Progress, width: int = 100) -> str:
    lines = [line.plain for line in live.block(progress, width)]
    assert max(map(terminal.cells, lines)) <= width, lines
    return "\n".join(lines)


class SummaryTestCase(test.TestCase):
    def test_is_one_line(self):
        self.assertEqual(
            "Dummy.dummy (position 0): running, 40 of 100 iterations, "
            "12.3/s, 2 failed, p50/p95/p99 0.500/1.000/n/a s, "
            "SLA failed: failure_rate",
            live.summary(PROGRESS),
        )

    def test_short_durations_are_told_more_exactly(self):
        line = live.summary(changed(p50=0.000412, p95=0.00987, p99=0.01))
        self.assertIn("p50/p95/p99 0.00041/0.00987/0.010 s", line)
        self.assertIn("0.00041", drawn(changed(p50=0.000412)))

    def test_names_what_is_lost_and_who_takes_part(self):
        line = live.summary(changed(asked=None, lost=3, agents=[AGENT]))
        self.assertIn(", 40 iterations,", line)
        self.assertIn("3 lost", line)
        self.assertTrue(line.endswith(", 1 agent"), line)


    def test_a_count_that_went_back_is_explained(self):
        progress = changed(done=80, lost=20, withdrawn=5)
        told = "20 lost (5 of them had been counted as done)"
        self.assertIn("80 of 100 iterations", live.summary(progress))
        self.assertIn(told, live.summary(progress))
        self.assertIn(told, " ".join(drawn(progress).split()))


class LogLinesTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.clock = FakeClock()
        self.lines = live.LogLines(self.clock)

    def told(self, progress, after_s=0.0):
        self.clock.now += after_s
        with self.assertLogs("rally.cli.live", logging.INFO) as caught:
            logging.getLogger("rally.cli.live").info("mark")
            self.lines.on_progress(progress)
        return len(caught.records) - 1

    def test_tells_at_most_every_five_seconds(self):
        self.assertEqual(1, self.told(PROGRESS))
        self.assertEqual(0, self.told(changed(done=41), after_s=4.9))
        self.assertEqual(1, self.told(changed(done=42), after_s=0.2))

    def test_tells_each_phase_at_once(self):
        self.told(PROGRESS)
        self.assertEqual(1, self.told(changed(phase="cleanup")))
        self.assertEqual(1, self.told(changed(phase="cleanup", position=1)))


class BlockTestCase(test.TestCase):
    def test_shows_figures_and_criteria(self):
        lines = drawn(PROGRESS).splitlines()
        self.assertIn("Dummy.dummy #0  running  0:01:01", lines[0])
        self.assertEqual(live.BAR_WIDTH, len(lines[1].strip()))
        self.assertIn("40 of 100 iterations   12.3/s   2 failed", lines[2])
        self.assertIn("p50 0.500 s  p95 1.000 s  p99 n/a s", lines[2])
        self.assertIn("SLA failed  failure_rate  2 % failed", lines[3])

    def test_no_criterion_holds_before_anything_ran(self):
        detail = "Passed (nothing to judge: no iteration ran)"
        text = drawn(changed(sla=[("failure_rate", True, detail)]))
        self.assertNotIn("SLA holds", text)
        self.assertIn("SLA open  failure_rate", text)
        text = drawn(changed(sla=[("failure_rate", True, "0 % failed")]))
        self.assertIn("SLA holds  failure_rate", text)

    def test_without_an_end_there_is_no_bar(self):
        self.assertNotIn("━", drawn(changed(asked=None)))

    def test_shows_agents(self):
        text = drawn(changed(agents=[AGENT]))
        self.assertIn("node1", text)
        self.assertIn("+1.200 ms ± 0.100", text)

    def test_shows_a_larger_fleet_by_label_and_who_stands_out(self):
        agents = [
            dataclasses.replace(AGENT, name="n%d" % i) for i in range(40)
        ]
        agents[3] = dataclasses.replace(AGENT, name="n3", state="lost")
        for width in (80, 120):
            text = drawn(changed(agents=agents, fleet=FLEET), width)
            self.assertNotIn("n17", text)
            self.assertIn("zone=a", text)
            self.assertIn("150.5", text)
            self.assertIn("Lost: n3", text)
            self.assertIn("Slowest: n5 (median 0.800 s)", text)
            self.assertIn("limit the load: n1, n2", text)
            self.assertIn("Odd, beyond chance: n5 (slower, 91 %), n6 "
                          "(faster, 70 %)", text)

    def test_names_few_of_many(self):
        fleet = dataclasses.replace(
            FLEET, saturated=["s%d" % i for i in range(30)],
            groups=[GROUP] * 30,
        )
        text = drawn(changed(agents=[AGENT] * 30, fleet=fleet))
        self.assertIn("s4 and 25 more", text)
        self.assertIn("18 more groups", text)

    def test_says_what_a_second_interrupt_does(self):
        self.assertIn("Ctrl-C again", drawn(changed(phase="stopping")))

    def test_shows_problems(self):
        self.assertIn("worker died", drawn(changed(problems=["worker died"])))


#: eight criteria, long names, wide characters, and a run in trouble
HARD = dataclasses.replace(
    PROGRESS,
    workload="NovaServers.boot_server_from_volume_\u51b0\u7bb1_"
    "\U0001f680_and_delete",
    position=7, done=99_999_999, asked=100_000_000, failed=1_234_567,
    lost=8_901, withdrawn=42, rate=123456.7, p99=1234.5,
    sla=[
        ("failure_rate", False, "Failure rate criteria 0.00% <= 12.35% <= "
         "5.00% - Failed"),
        ("max_avg_duration_per_atomic", True, "Average duration of one "
         "iteration for atomic actions:\nAction: '\u51b0\u7bb1'. 0.02s <= "
         "1.00s\nStatus: Passed"),
        ("outliers", True, "Passed (nothing to judge: no iteration ran)"),
    ],
    agents=[
        dataclasses.replace(
            AGENT, name="load-generator-%02d.rack-7.zone-b.example.org" % i,
            state=("running", "lost")[i == 3], lost=8_901 * (i == 3),
            iterations=12_345_678,
        )
        for i in range(10)
    ],
    problems=["Agent load-generator-03.rack-7.zone-b.example.org was lost: "
              "nothing has been heard of it for 10 s."],
    phase="stopping",
)


@ddt.ddt
class KeptScreenTestCase(test.TestCase):
    """What is seen is what was looked at, and found good."""

    @ddt.data((80, 24), (120, 40), (40, 24))
    @ddt.unpack
    def test_of_a_run_in_trouble(self, columns, lines):
        emulator = screens.Emulator(columns, lines)
        shown = frame.Frame(
            screens.Writer(emulator),
            lambda: os.terminal_size((columns, lines)),
        )
        live.LiveBlock(shown).on_progress(HARD)
        seen = emulator.visible()
        self.assertEqual(screens.kept("live-%d" % columns, seen), seen)

    @ddt.data(24, 40, 80, 120)
    def test_fits_whatever_is_shown(self, width):
        for progress in (PROGRESS, HARD, changed(
            agents=[AGENT] * 30, fleet=FLEET
        )):
            drawn(progress, width)

    def test_fewer_agents_are_shown_if_lines_are_few(self):
        lines = [line.plain for line in live.block(HARD, 80, 17)]
        self.assertEqual(17, len(lines))
        self.assertTrue(lines[-1].startswith("on them."), lines)
        self.assertIn("... and ", "".join(lines))

    def test_no_criterion_holds_while_no_iteration_is_over(self):
        text = drawn(changed(done=0, sla=[("mine", True, "all is well")]))
        self.assertIn("SLA open  mine", text)
        self.assertNotIn("SLA holds", text)
