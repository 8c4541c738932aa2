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

"""Pages for those who keep Rally running can be followed."""

from __future__ import annotations

from tests.functional import pages


class ConfigurationPageTestCase(pages.PageTestCase):
    def test_the_page_is_true(self) -> None:
        self.play("configuration.rst", {"/tmp/": "%s/" % self.here})


class TroubleshootingPageTestCase(pages.PageTestCase):
    def test_the_page_is_true(self) -> None:
        self.play("troubleshooting.rst")


class ResultsPageTestCase(pages.PageTestCase):
    def test_the_page_is_true(self) -> None:
        self.play("task/results_format.rst")


class DatabasesPageTestCase(pages.PageTestCase):
    PAGE = "databases.rst"

    def test_the_page_is_true(self) -> None:
        self.play(self.PAGE)
