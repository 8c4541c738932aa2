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

from __future__ import annotations

import contextlib
import io
import json
import pathlib

import ddt
from msgspec import structs

from rally.cli import fleet_view
from rally.task.distributed import drain_request, fleet_folders
from rally.task.distributed.fleet_request import Roster
from rally.task.distributed.wire import messages
from tests import screens
from tests.unit import test

ROW = messages.AgentRow(
    name="node1", state="running", host="host-of-node1", version="6.0.0",
    labels={"zone": "a"}, cpus=8, share=25, iterations=1200, rate=12.345,
    cpu_share=0.4, clock_offset_s=0.0012, clock_error_s=0.0001,
    round_trip_s=0.0002, spooled_chunks=3, lost=0,
)


def fleet(count):
    return Roster("running", tuple(
        messages.AgentRow("n%03d" % i, "running", "h", "6", {}, 2, rate=2.0)
        for i in range(count)
    ))


class TableTestCase(test.TestCase):
    def test_shows_all_if_there_is_room(self):
        head, line = fleet_view.table([ROW])
        self.assertEqual(
            "Name State Labels Share Done Rate/s CPU CPUs Clock ms Spool Lost "
            "Version Host".split(), head.replace("Clock ms", "Clock_ms")
            .replace("_", " ").split() and [
                title for title, _, _ in fleet_view.COLUMNS
                for title in title.split()
            ],
        )
        for text in ("zone=a", "12.3", "40%", "+1.200±0.100", "host-of-node1"):
            self.assertIn(text, line)

    def test_a_narrow_terminal_does_without_the_last_columns(self):
        for width in (120, 80, 40):
            lines = fleet_view.table([ROW], width)
            self.assertLessEqual(max(map(len, lines)), width)
            self.assertIn("Rate/s", lines[0])
        self.assertNotIn("Host", fleet_view.table([ROW], 80)[0])
        self.assertIn("Labels", fleet_view.table([ROW], 80)[0])

    def test_labels_that_nobody_has_take_no_room(self):
        self.assertNotIn("Labels", fleet_view.table(fleet(3).agents)[0])

    def test_a_screen_has_no_more_lines_than_there_are(self):
        lines = fleet_view.screen(fleet(500), 80, 24)
        self.assertLessEqual(len(lines), 24)
        self.assertEqual("... and 480 more", lines[-1])
        self.assertEqual("running: 500 agents, 500 running, 1000.0/s",
                         lines[0])

    def test_a_lost_agent_is_not_among_those_that_do_not_fit(self):
        rows = list(fleet(500).agents)
        rows[321] = structs.replace(rows[321], state="lost")
        lines = fleet_view.screen(Roster("running", tuple(rows)), 80, 24)
        self.assertIn("n321  lost", lines[3])
        self.assertIn("n000  running", lines[4])

    def test_without_a_controller_it_says_so(self):
        gone = Roster("", (), "nobody listens there")
        self.assertEqual(
            ["No controller answers (nobody listens there)."],
            fleet_view.screen(gone, 80, 24),
        )

    def test_json_has_everything(self):
        row = json.loads(fleet_view.as_json(
            Roster("running", (ROW,)), "tcp://127.0.0.1:9790", "a-task"
        ))
        self.assertEqual("a-task", row["task"])
        self.assertEqual("tcp://127.0.0.1:9790", row["controller"])
        self.assertEqual("running", row["phase"])
        self.assertIsNone(row["problem"])
        self.assertEqual({"zone": "a"}, row["agents"][0]["labels"])
        self.assertEqual(0.4, row["agents"][0]["cpu_share"])


class SeveralTestCase(test.TestCase):
    """Tasks on this host have started agents of their own."""

    def setUp(self):
        super().setUp()
        self.fleets = [
            fleet_folders.FleetInUse(
                "task-%d" % i, "tcp://127.0.0.1:%d" % i, pathlib.Path()
            ) for i in range(3)
        ]
        self.patch(fleet_view.fleet_request, "ask", self.ask)

    def ask(self, address, keys):
        if address == self.fleets[1].address:
            raise drain_request.NoController(address=address, reason="gone")
        return fleet(int(address[-1]))

    def shown(self, tojson):
        """What is printed, and of whose silence is told."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            error = self.assertRaises(
                drain_request.NoController, fleet_view.show_all, self.fleets,
                tojson,
            )
        return out.getvalue(), str(error)

    def test_json_has_a_line_for_each_that_says_whose_it_is(self):
        out, error = self.shown(tojson=True)

        lines = list(map(json.loads, out.splitlines()))
        self.assertEqual(
            [("task-0", "tcp://127.0.0.1:0", 0),
             ("task-2", "tcp://127.0.0.1:2", 2)],
            [(x["task"], x["controller"], len(x["agents"])) for x in lines],
        )
        self.assertIn("tcp://127.0.0.1:1", error)

    def test_one_that_is_silent_hides_no_other(self):
        out, _ = self.shown(tojson=False)

        self.assertIn("Task task-2, tcp://127.0.0.1:2\nrunning: 2 ", out)


@ddt.ddt
class KeptScreenTestCase(test.TestCase):
    @ddt.data(40, 80, 120)
    def test_of_twenty_hosts_with_long_names(self, columns):
        rows = [
            structs.replace(
                ROW, name="load-%02d.rack-7.zone-b.example.org" % i,
                host="load-%02d.rack-7.zone-b.example.org" % i,
                state=("running", "lost", "drained")[i % 3], lost=i * 1000,
                labels={"zone": "\u6771\u4eac", "rack": "7"},
            )
            for i in range(20)
        ]
        lines = fleet_view.screen(
            Roster("running", tuple(rows)), columns, 24
        )
        self.assertEqual([], screens.offences("\n".join(lines), columns))
        self.assertEqual(screens.kept("fleet-%d" % columns, lines), lines)


class LinesTestCase(test.TestCase):
    def test_are_printed_now_and_then_and_at_each_change(self):
        now = [100.0]
        lines = fleet_view.Lines(lambda: now[0])
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            for at, count in ((0, 1), (1, 1), (2, 2), (3, 2), (8, 2)):
                now[0] = 100.0 + at
                lines(fleet(count))
        self.assertEqual(3, out.getvalue().count("running: "))
