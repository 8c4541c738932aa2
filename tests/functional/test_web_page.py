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

import typing as t

from tests.functional import pages, sandbox

PORT = "8080"


class WebPageTestCase(pages.PageTestCase):
    SERVERS: t.ClassVar[t.Mapping[str, str]] = {"page_server.py": "http://"}

    def test_each_step_succeeds(self) -> None:
        said = self.play(
            "task/http.rst", {PORT: str(sandbox.free_ports(1))}
        )

        self.assertEqual(
            ["rally env create --name here", "rally task start visit.yaml",
             "rally task start visits.yaml",
             "rally task report --out report.html"],
            [each for each in said if each.startswith("rally")],
        )
        out = said["rally task start visits.yaml"]
        for words in ("front page", "page of the user", "200 asked, 200 sto",
                      "HTTP: 400 requests", "local-2"):
            self.assertIn(words, out)
        self.assertTrue((self.here / "report.html").exists())
