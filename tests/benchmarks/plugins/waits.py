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

"""Scenarios that do nothing, or wait."""

from __future__ import annotations

import asyncio

from rally.task import atomic, scenario


@scenario.configure(name="Benchmark.noop")
class Noop(scenario.Scenario):
    def run(self) -> None:
        """Do nothing."""


@scenario.configure(name="Benchmark.one_action")
class OneAction(scenario.Scenario):
    def run(self) -> None:
        """Time one action that does nothing."""
        with atomic.ActionTimer(self, "noop"):
            pass


@scenario.configure(name="Benchmark.wait_async")
class WaitAsync(scenario.Scenario):
    async def run(self, sleep: float) -> None:
        """Wait on the event loop.

        :param sleep: seconds
        """
        async with atomic.ActionTimer(self, "wait"):
            await asyncio.sleep(sleep)
