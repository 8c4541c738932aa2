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

import os
import sys

import ddt

from rally.task import scenario
from rally.task.load import forks, iteration, shared
from tests.unit import test


class Forks(scenario.Scenario):
    def run(self, status: int | None = None) -> None:
        pid = os.fork()
        if not pid and status is not None:
            sys.exit(status)
        if pid:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            self.add_output(
                additive={
                    "title": "Status", "chart_plugin": "StackedArea",
                    "data": [["status", code]],
                }
            )


@ddt.ddt
class ForkGuardTestCase(test.TestCase):
    def run_one(self, guard, status):
        runner = iteration.IterationRunner(
            Forks, "run", {}, {"status": status}, guard
        )
        row = runner.run(1, iteration.Slot())
        if os.getpid() != self.pid:  # it came back
            os._exit(99)
        return row

    @ddt.data((None, 0), (0, 0), (7, 7))
    @ddt.unpack
    def test_a_copy_ends_as_a_program_would_and_is_counted(
        self, status, expected
    ):
        self.pid = os.getpid()
        counter = shared.Counter()

        rows = [
            self.run_one(forks.ForkGuard(counter), status),
            self.run_one(None, status),
        ]

        self.assertEqual(1, counter.value)
        for row in rows:
            self.assertIsNone(row.error)
            self.assertEqual(
                expected, row.output["additive"][0]["data"][0][1]
            )

    @ddt.data(
        (None, 0), (SystemExit(), 0), (SystemExit(3), 3),
        (SystemExit("no"), 1), (ValueError(), 1), (SystemExit(-1), 255),
    )
    @ddt.unpack
    def test_the_status_is_that_of_a_program(self, problem, expected):
        self.assertEqual(expected, forks.exit_status(problem))
