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

"""What commands show on terminals of 80 and 120 columns.

The texts that are compared are in ``tests/kept_screens``, with figures and
times masked. ``KEEP_SCREENS=1`` writes them anew.
"""

from __future__ import annotations

import json
import re
import typing as t

import ddt
import testtools

from tests import screens
from tests.functional import sandbox

NAME = "NovaServers.boot_rebuild_resize_and_delete_server_from_volume"
ACTIONS = [
    "nova.boot_server_from_volume_and_wait", "冰箱.启动服务器", "🚀 launch",
    *("cinder_v3.an_action_with_a_long_name_%d" % i for i in range(9)),
]
MESSAGE = (
    "The server 6a1b did not become ACTIVE within 300 s: it is in state "
    "ERROR, and the last fault was 'No valid host was found. There are not "
    "enough hosts available.' (HTTP 500)"
)
T0 = 1_700_000_000.0
#: of a frame of a task that runs
BAR = "\N{BOX DRAWINGS LIGHT HORIZONTAL}\N{BOX DRAWINGS LIGHT HORIZONTAL}"

RUN = """
version: 2
title: A run
subtasks:
- title: one
  scenario:
    SpyScenario.talk: {}
  runner:
    distributed:
      runner: {constant: {times: 60, concurrency: 4}}
      local_agents: 2
  sla: {failure_rate: {max: 0}}
"""
TALKER = """
import logging, sys, time

from rally.task import scenario


@scenario.configure(name="SpyScenario.talk")
class Talk(scenario.Scenario):
    def run(self):
        time.sleep(0.1)
        print("a plugin prints this")
        logging.getLogger("rally.talk").warning("a plugin logs this")
"""


def row(number: int) -> dict[str, t.Any]:
    began = T0 + number
    return {
        "timestamp": began, "duration": 1.2, "idle_duration": 0.0,
        "error": ["RuntimeError", MESSAGE, "Traceback:\n  somewhere"]
        if number % 2 else [],
        "output": {"additive": [], "complete": []},
        "atomic_actions": [
            {
                "name": name, "children": [], "started_at": began + i / 10,
                "finished_at": began + i / 10 + 0.1,
            }
            for i, name in enumerate(ACTIONS)
        ],
    }


def workload(position: int) -> dict[str, t.Any]:
    detail = "Failure rate criteria 0.00% <= 50.00% <= 5.00% - Failed"
    return {
        "description": "", "position": position, "hooks": [],
        "runner": {"constant": {"times": 4, "concurrency": 2}},
        "scenario": {NAME: {"flavor": "m1.tiny"}}, "contexts": {},
        "contexts_results": [], "min_duration": 1.2, "max_duration": 1.2,
        "start_time": T0, "load_duration": 4.2, "full_duration": 5.5,
        "statistics": {}, "data": list(map(row, range(4))),
        "failed_iteration_count": 2, "total_iteration_count": 4,
        "created_at": "2023-11-14T22:13:20",
        "updated_at": "2023-11-14T22:13:26", "pass_sla": False,
        "sla": {"failure_rate": {"max": 5}},
        "sla_results": {"sla": [{
            "criterion": "failure_rate", "success": False, "detail": detail,
        }]},
    }


def report() -> str:
    task = {
        "title": "A task", "description": "", "status": "finished",
        "tags": ["nightly"], "env_name": "functional", "pass_sla": False,
        "created_at": "2023-11-14T22:13:20",
        "updated_at": "2023-11-14T22:13:26",
        "subtasks": [{
            "title": "all", "description": "", "status": "finished",
            "created_at": "2023-11-14T22:13:20", "sla": {},
            "updated_at": "2023-11-14T22:13:26",
            "workloads": list(map(workload, range(8))),
        }],
    }
    info = {
        "rally_version": "6.0.0", "generated_at": "2023-11-14T22:13:26",
        "format_version": "1.2",
    }
    return json.dumps({"info": info, "tasks": [task]})


def shown(
    box: sandbox.Sandbox, words: t.Sequence[t.Any], columns: int,
    see: t.Callable[[screens.Emulator], object] = lambda emulator: None,
) -> tuple[str, screens.Emulator]:
    """What a command writes to a terminal, and what that shows.

    :param see: called whenever that may have changed
    """
    emulator = screens.Emulator(columns)
    written = []

    def look(data: bytes) -> None:
        written.append(data)
        emulator.feed(data)
        see(emulator)

    environ = box.environ({"TERM": "xterm-256color"})
    del environ["COLUMNS"]
    screens.run(box.command(*words), environ, columns, look)
    return b"".join(written).decode().replace("\r\n", "\n"), emulator


@ddt.ddt
class ScreensTestCase(testtools.TestCase):
    box: t.ClassVar[sandbox.Sandbox]
    uuid: t.ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.box = sandbox.Sandbox()
        cls.addClassCleanup(cls.box.close)
        file = cls.box.write("report.json", report())
        said = cls.box.must("task", "import", "--file", file).out
        cls.uuid = re.findall("[0-9a-f-]{36}", said)[0]

    @ddt.data(
        ("task detailed UUID", 40), ("task detailed UUID", 80),
        ("task detailed UUID", 120),
        ("task list", 80), ("task list", 120), ("task sla-check UUID", 80),
        ("task sla-check UUID", 120), ("task compare UUID UUID", 80),
        ("task compare UUID UUID", 120), ("env list", 80),
        ("env show", 80), ("agent list --wait 0", 80),
        ("plugin show Dummy.dummy_random_action", 80),
    )
    @ddt.unpack
    def test_of(self, words: str, columns: int) -> None:
        asked = words.replace("UUID", self.uuid).split()
        if asked[0] == "agent":
            asked += ["--listen", "tcp://127.0.0.1:%d"
                      % self.box.take_ports()]
        text, emulator = shown(self.box, asked, columns)
        self.assertEqual([], screens.offences(text, columns))
        name = "-".join(words.split()[:2])
        seen = screens.masked(emulator.lines())
        self.assertEqual(
            screens.kept("%s-%d" % (name, columns), seen), seen
        )

    def test_of_all_plugins(self) -> None:
        text, _ = shown(self.box, ["plugin", "list"], 80)
        self.assertEqual([], screens.offences(text, 80))
        self.assertIn("Dummy.dummy", text)


@ddt.ddt
class LiveScreenTestCase(testtools.TestCase):
    @ddt.data((80, ()), (120, ("--debug",)))
    @ddt.unpack
    def test_of_a_run(self, columns: int, options: t.Sequence[str]) -> None:
        """Its frame is in one place, whoever prints what meanwhile."""
        box = sandbox.Sandbox()
        self.addCleanup(box.close)
        talker = box.write("talker.py", TALKER)
        task = box.write("run.yaml", RUN)
        bars: list[int] = []
        text, emulator = shown(
            box, [*options, "--plugin-paths", talker, "task", "start", task],
            columns,
            lambda seen: bars.append(
                sum(BAR in line for line in seen.lines())
            ),
        )
        self.assertEqual({0, 1}, set(bars))
        self.assertNotIn(BAR, "\n".join(emulator.lines()))
        said = "\n".join(emulator.lines())
        for each in "a plugin prints this", "a plugin logs this":
            self.assertEqual(60, said.count(each), each)
        self.assertIn("SLA open", text)
        self.assertLess(text.index("SLA open"), text.index("SLA holds"))
