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

"""A scenario that says who runs it."""

from __future__ import annotations

from rally.task import scenario


@scenario.configure(name="Who.am_i")
class WhoAmI(scenario.Scenario):
    def run(self) -> None:
        """Put out who this agent is."""
        agent = self.context["agent"]
        self.add_output(
            complete={
                "title": "Who", "chart_plugin": "TextArea",
                "data": [
                    agent["name"], str(agent["index"]), str(agent["count"]),
                    str(agent["labels"]),
                ],
            }
        )
