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

"""A chunk on its way into the database: an envelope around its bytes."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class StoredChunk:
    """Packed results of one source, with what a reader must know to order it.

    Times are nanoseconds since the epoch on the source's clock; take
    ``clock_offset_ns`` off to get controller time.
    """

    agent: str  # "" for a run without agents
    sequence: int  # numbers the chunks of this agent
    clock_offset_ns: int
    count: int
    failed: int
    first_ns: int  # start of the first iteration
    last_ns: int  # start of the last iteration
    finished_ns: int  # latest end of an iteration
    payload: bytes = dataclasses.field(repr=False)
