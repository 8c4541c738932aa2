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

"""The script that completes Rally's commands."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import ddt
import testtools

from rally.cli import bashcomplete
from tests.unit import test

SHIPPED = pathlib.Path(__file__).parents[3] / "etc/rally.bash_completion"

ASK = """
source "$0" 2>/dev/null
COMP_WORDS=("$@")
COMP_CWORD=$(( $# - 1 ))
_rally 2>/dev/null
echo "${COMPREPLY[@]}"
"""


class ShippedTestCase(test.TestCase):
    def test_is_what_would_be_made_now(self):
        self.assertEqual(SHIPPED.read_text(), bashcomplete.generate())


@ddt.ddt
@testtools.skipUnless(shutil.which("bash"), "there is no bash")
class CompletionTestCase(test.TestCase):
    def offered(self, *words):
        done = subprocess.run(
            ["bash", "-c", ASK, str(SHIPPED), *words],
            capture_output=True,
            text=True,
            check=True,
        )
        return sorted(done.stdout.split())

    @ddt.data(
        (["rally", "ta"], ["task"]),
        (["rally", "ver"], ["verify", "version"]),
        (["rally", "task", "sta"], ["start", "status"]),
        (["rally", "--debug", "task", "sla"], ["sla-check"]),
        (["rally", "task", "start", "x", "--task-args-"],
         ["--task-args-file"]),
        (["rally", "nope", ""], []),
    )
    @ddt.unpack
    def test_offers_what_fits(self, words, offered):
        self.assertEqual(offered, self.offered(*words))
