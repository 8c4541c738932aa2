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

"""Tests of the places where earlier releases kept their plugins."""

from __future__ import annotations

import importlib

import ddt

from tests.unit import test

PLACES = {
    "rally.plugins.task.types": ["PathOrUrl", "FileType", "FileTypeDict"],
    "rally.plugins.task.contexts.dummy": ["DummyContext"],
    "rally.plugins.task.hooks.sys_call": ["SysCallHook"],
    "rally.plugins.task.hook_triggers.event": ["EventTrigger"],
    "rally.plugins.task.hook_triggers.periodic": ["PeriodicTrigger"],
    "rally.plugins.task.scenarios.dummy.dummy": [
        "Dummy",
        "DummyScenarioException",
    ],
    "rally.plugins.task.scenarios.requests.http_requests": [
        "HttpRequestsCheckRequest",
        "HttpRequestsCheckRandomRequest",
    ],
    "rally.plugins.task.scenarios.requests.utils": ["RequestScenario"],
    "rally.plugins.common.hook.sys_call": ["SysCallHook"],
    "rally.plugins.common.hook.triggers.event": ["EventTrigger"],
    "rally.plugins.common.hook.triggers.periodic": ["PeriodicTrigger"],
}


@ddt.ddt
class PlacesTestCase(test.TestCase):
    @ddt.data(*PLACES.items())
    @ddt.unpack
    def test_the_names_are_those_of_the_plugins(
        self, module: str, names: list[str]
    ) -> None:
        place = importlib.import_module(module)
        for name in names:
            cls = getattr(place, name)
            home = importlib.import_module(cls.__module__)
            self.assertIs(getattr(home, name), cls)
            self.assertTrue(cls.__module__.startswith("rally.plugins.common"))
