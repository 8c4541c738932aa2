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

"""How what happens in a load reaches the streams of its runner."""

from __future__ import annotations

import typing as t

from rally.task.load import frames
from rally.task.load import iteration as iteration_module
from rally.task.results import aggregate as aggregate_module
from rally.task.results import chunk as chunk_module

if t.TYPE_CHECKING:
    from rally.task.load import output


class BoardSink:
    """Puts the aggregate of results made in this process on the board."""

    def __init__(self, runner: output.RunnerOutput) -> None:
        self._runner = runner

    def send_block(self, chunk: chunk_module.Chunk, watermark_ns: int) -> None:
        """Nothing: the runner sends its chunks itself."""

    def send_snapshot(
        self,
        number: int,
        aggregate: aggregate_module.Aggregate,
        urgent: bool,
    ) -> None:
        self._runner.board.put(
            "runner", number, aggregate.shifted(0), urgent
        )

    def send_failure(self, exc: BaseException) -> None:
        self._runner.fail(*iteration_module.describe(exc))


class RunnerListener:
    """Passes on to a runner what happens in its pool."""

    def __init__(self, runner: output.RunnerOutput) -> None:
        self._runner = runner

    def on_event(self, number: int) -> None:
        self._runner.send_event("iteration", number)

    def on_snapshot(
        self,
        worker: str,
        number: int,
        aggregate: aggregate_module.Aggregate,
        urgent: bool,
    ) -> None:
        self._runner.board.put(worker, number, aggregate, urgent)
        self._runner.tell_spool_wait()

    def on_problem(self, text: str) -> None:
        self._runner.problem(text)

    def on_failure(self, failure: frames.Failure) -> None:
        self._runner.fail(
            failure.type_name, failure.message, failure.trace
        )

    def on_count(self, name: str, count: int) -> None:
        self._runner.count(name, count)
