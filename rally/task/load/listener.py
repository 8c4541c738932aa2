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

"""Whom a pool of workers tells what happens in it."""

from __future__ import annotations

import typing as t

from rally.task.load import frames
from rally.task.results import aggregate as aggregate_module


class PoolListener(t.Protocol):
    """Whom a pool tells what happens in it; in the thread that runs it."""

    def on_event(self, number: int) -> None:
        """An iteration starts."""

    def on_snapshot(
        self,
        worker: str,
        number: int,
        aggregate: aggregate_module.Aggregate,
        urgent: bool,
    ) -> None: ...

    def on_problem(self, text: str) -> None: ...

    def on_failure(self, failure: frames.Failure) -> None:
        """A plugin raised where results are judged; the load must stop."""

    def on_count(self, name: str, count: int) -> None:
        """Something unusual happened *count* more times."""
