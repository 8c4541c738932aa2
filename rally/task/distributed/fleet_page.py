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

"""Agents of a run, as a controller shows them to its operator."""

from __future__ import annotations

import bisect
import typing as t

from rally.task.distributed.wire import messages

if t.TYPE_CHECKING:
    from rally.task.results import aggregate

View: t.TypeAlias = t.Mapping[str, t.Any]


def page_of(
    phase: str,
    members: t.Sequence[View],
    sources: t.Mapping[str, aggregate.Aggregate],
    after: str,
) -> messages.FleetAnswer:
    """The agents whose names come after *after*, not too many.

    :param members: as ``run_sink.describe`` shows them, by name
    :param sources: what they have counted, as far as that is read
    """
    first = bisect.bisect_right(members, after, key=lambda x: x["name"])
    page = members[first:first + messages.FLEET_PAGE]
    return messages.FleetAnswer(
        after, phase, len(members),
        tuple(_row_of(view, sources.get(view["name"])) for view in page),
        first + len(page) == len(members),
    )


def _row_of(
    view: View, source: aggregate.Aggregate | None
) -> messages.AgentRow:
    return messages.AgentRow(
        **{
            field: view[field] for field in messages.AgentRow.__struct_fields__
            if field not in ("iterations", "cpu_share")
        },
        iterations=source.iterations if source else 0,
        cpu_share=_cpu_share(source),
    )


def _cpu_share(source: aggregate.Aggregate | None) -> float | None:
    if source is None or not source.saturation.worker_ns:
        return None
    return source.saturation.cpu_ns / source.saturation.worker_ns
