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

"""A scenario with two actions, that may be told to leak."""

from __future__ import annotations

import time

from rally.task import atomic, scenario

KEPT: list[bytearray] = []


@scenario.configure(name="Soak.visit")
class Visit(scenario.Scenario):
    def run(self, sleep: float = 0, leak: int = 0) -> None:
        """Sleep in two parts; some iterations put something out, or fail.

        :param sleep: seconds
        :param leak: bytes that each iteration keeps for ever
        """
        number = self.context["iteration"]
        with atomic.ActionTimer(self, "soak.first"):
            time.sleep(sleep / 2)
        with atomic.ActionTimer(self, "soak.second"):
            time.sleep(sleep / 2)
        if leak:
            KEPT.append(bytearray(leak))
        if number % 10 == 0:
            self.add_output(
                additive={
                    "title": "Number", "chart_plugin": "StackedArea",
                    "data": [["number", number]],
                }
            )
        if number % 100 == 0:
            raise ValueError("iteration %d is to fail" % number)
