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

"""A scenario for measuring how soon a run stops."""

from __future__ import annotations

import time

from rally.task import scenario


@scenario.configure(name="Benchmark.slow_once")
class SlowOnce(scenario.Scenario):
    def run(self, sleep: float, slow_iteration: int, slow: float) -> None:
        """Sleep; in one iteration, longer.

        :param sleep: seconds of an iteration
        :param slow_iteration: number of the iteration that takes longer
        :param slow: seconds that it takes
        """
        is_slow = self.context["iteration"] == slow_iteration
        time.sleep(slow if is_slow else sleep)
