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

"""Tests of the hook that runs a command."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
import typing as t

import ddt

from rally.plugins.common import validators  # noqa: F401 (registers)
from rally.plugins.common.hooks import sys_call
from rally.task import hook
from tests.unit import test

CHART = {"title": "T", "chart_plugin": "Pie", "data": [["a", 1]]}


def _python(code: str) -> str:
    return shlex.join([sys.executable, "-S", "-c", code])


@ddt.ddt
class SysCallHookTestCase(test.TestCase):
    def result(self, command: str) -> t.Any:
        action = sys_call.SysCallHook({"uuid": "t"}, command, {})
        action.run_sync()
        return action.result()

    def text(self, result: t.Any) -> t.Any:
        (chart,) = result["output"]["complete"]
        self.assertEqual([], result["output"]["additive"])
        self.assertEqual("TextArea", chart["chart_plugin"])
        return chart["data"]

    def test_output_of_a_command_is_shown(self) -> None:
        command = _python("print('hi', 'a b')")
        result = self.result(command)
        self.assertEqual("success", result["status"])
        self.assertEqual(
            ["RetCode: 0", "StdOut: hi a b\n", "StdErr: (empty)"],
            self.text(result),
        )
        self.assertEqual(
            f"Args: {command}",
            result["output"]["complete"][0]["description"],
        )

    def test_one_that_is_given_up_ends_with_all_it_started(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        fifo = os.path.join(folder.name, "fifo")
        os.mkfifo(fifo)
        code = "import os, time; f = open(%r, 'w'); os.fork(); " \
               "f.write('x'); f.flush(); time.sleep(600)" % fifo
        action = sys_call.SysCallHook({"uuid": "t"}, _python(code), {})
        action.run_async()
        with open(fifo) as said:
            self.assertEqual("xx", said.read(2))

            action.give_up()

            self.assertEqual("failed", action.result()["status"])
            self.assertEqual("", said.read())  # nobody is left

    def test_one_that_is_given_up_as_it_begins_ends_as_well(self) -> None:
        action = sys_call.SysCallHook(
            {"uuid": "t"}, _python("import time; time.sleep(600)"), {}
        )
        action.give_up()

        action.run()

        self.assertEqual(-9, action._process.returncode)

    def test_there_is_no_shell(self) -> None:
        code = "import sys; print(sys.argv[1:])"
        result = self.result(_python(code) + " '$HOME' '*' ';'")
        self.assertIn("['$HOME', '*', ';']", self.text(result)[1])

    @ddt.data(
        ("import sys; sys.exit('oops')", 1, "oops\n"),
        ("print('x'); raise SystemExit(4)", 4, "stdout: x\n"),
    )
    @ddt.unpack
    def test_another_exit_status_is_a_failure(
        self, code: str, status: int, details: str
    ) -> None:
        result = self.result(_python(code))
        self.assertEqual("failed", result["status"])
        self.assertEqual(
            {
                "etype": "n/a",
                "msg": f"Subprocess returned {status}",
                "details": details,
            },
            result["error"],
        )
        self.assertEqual(f"RetCode: {status}", self.text(result)[0])

    def test_a_command_that_is_not_there_is_a_failure(self) -> None:
        result = self.result("/no/such/command")
        self.assertEqual("failed", result["status"])
        self.assertEqual("FileNotFoundError", result["error"]["etype"])

    def test_charts_of_a_command_become_output(self) -> None:
        written = json.dumps({"additive": [CHART], "complete": [CHART]})
        result = self.result(_python(f"print({written!r})"))
        self.assertEqual(
            {"additive": [CHART], "complete": [CHART]}, result["output"]
        )

    @ddt.data("[1]", "5", "{}", '{"additive": [{"no": 1}]}', '{"additive": 1}')
    def test_other_json_is_plain_text(self, written: str) -> None:
        result = self.result(_python(f"print({written!r})"))
        self.assertEqual("success", result["status"])
        self.assertEqual(f"StdOut: {written}\n", self.text(result)[1])

    def test_what_is_not_text_can_be_shown(self) -> None:
        code = "import sys; sys.stdout.buffer.write(b'\\xff')"
        result = self.result(_python(code))
        self.assertEqual("StdOut: \ufffd", self.text(result)[1])

    @ddt.data({}, None, ["ls"])
    def test_other_configs_are_refused(self, config: t.Any) -> None:
        problems = hook.HookAction.validate("sys_call", {}, None, config)
        self.assertEqual(1, len(problems))
