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

"""The tutorial about plugins can be followed, command by command."""

from __future__ import annotations

import typing as t

from tests.functional import pages, sandbox

PAGE = "plugins/tutorial.rst"
PORT = "8090"


class TutorialTestCase(pages.PageTestCase):
    SERVERS: t.ClassVar[t.Mapping[str, str]] = {"shelf_server.py": "http"}
    LEFT_OUT = ("python3 -m venv", ". ", "pip install $TREE")

    def environ(self) -> dict[str, str]:
        """With a place that pip installs to, needing no package index."""
        site = str(self.sandbox.folder / "site")
        return {
            **super().environ(), "PIP_TARGET": site, "PYTHONPATH": site,
            "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def test_each_step_does_what_the_page_says(self) -> None:
        printed = self.play(PAGE, {PORT: str(sandbox.free_ports(1))})

        self.assertIn("local-2", printed["rally task start agents.yaml"])
        report = (self.here / "report.html").read_text()
        self.assertIn("Characters read in all", report)
