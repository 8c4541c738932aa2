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

"""The lines of the table, by name, in the order in which they are shown."""

from __future__ import annotations

import typing as t

from tests.benchmarks import bench, figures
from tests.benchmarks.lines import (
    agents,
    concurrency,
    contexts,
    http,
    many,
    memory,
    noop,
    pace,
    reports,
    rps,
    start,
    stop,
)

Measure: t.TypeAlias = t.Callable[
    [bench.Bench], t.Iterator[figures.Result]
]
LINES: t.Mapping[str, Measure] = {
    "noop": noop.measure,
    "agents": agents.measure,
    "concurrency": concurrency.measure,
    "contexts": contexts.measure,
    "http": http.measure,
    "many": many.measure,
    "memory": memory.measure,
    "pace": pace.measure,
    "rps": rps.measure,
    "start": start.measure,
    "stop": stop.measure,
    "reports": reports.measure,
}
