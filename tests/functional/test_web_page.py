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

"""The page *Testing a web service* can be followed, command by command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

from tests.functional import cluster, sandbox

PAGE = sandbox.TREE / "doc" / "source" / "task" / "http.rst"
#: a file by its name, or commands
BLOCK = re.compile(
    r"(?:^``(?P<name>[\w.]+)``:\n\n)?"
    r"^\.\. code-block:: (?P<language>\w+)\n\n(?P<text>(?:(?: {3,}.*)?\n)+)",
    re.M,
)
PORT = "8080"
SERVER = "page_server.py"
#: what has been done here already
INSTALLING = ("python3 -m venv", ". rally-venv", "pip install")
STEP_S = 120


class PageTestCase(cluster.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.port = str(sandbox.free_ports(1))
        self.here = self.sandbox.folder / "here"
        self.here.mkdir()

    def run_step(self, command: str) -> str:
        done = subprocess.run(
            command, shell=True, cwd=self.here, env=self.environ(),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=STEP_S, check=False,
        )
        self.assertEqual(0, done.returncode, command + "\n" + done.stdout)
        return done.stdout

    def environ(self) -> dict[str, str]:
        known = self.sandbox.environ()
        known.pop("RALLY_ENV")
        return {
            **known, "TREE": str(sandbox.TREE),
            "PATH": "%s:%s" % (
                os.path.dirname(sys.executable), known["PATH"]
            ),
        }

    def serve(self, command: str) -> None:
        server = subprocess.Popen(
            # the shell would keep its standard input open
            "exec " + command, shell=True, cwd=self.here,
            env=self.environ(), text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(server.communicate)
        assert server.stdout is not None
        self.assertIn(self.port, server.stdout.readline())

    def test_each_step_succeeds(self) -> None:
        said = {}
        for block in BLOCK.finditer(PAGE.read_text()):
            text = textwrap.dedent(block["text"]).replace(PORT, self.port)
            if block["name"]:
                (self.here / block["name"]).write_text(text)
            elif block["language"] == "console":
                for line in text.strip().splitlines():
                    command = line.removeprefix("$ ")
                    if SERVER in command:
                        self.serve(command)
                    elif not command.startswith(INSTALLING):
                        said[command] = self.run_step(command)

        self.assertEqual(
            ["rally env create --name here", "rally task start visit.yaml",
             "rally task start visits.yaml",
             "rally task report --out report.html"],
            list(said),
        )
        out = said["rally task start visits.yaml"]
        for words in ("front page", "page of the user", "200 asked, 200 sto",
                      "HTTP: 400 requests", "local-2"):
            self.assertIn(words, out)
        self.assertTrue((self.here / "report.html").exists())
