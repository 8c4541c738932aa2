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

"""What the HTTP requests of a load sent and received."""

from __future__ import annotations

import dataclasses
import typing as t

from rally.common import portable


@dataclasses.dataclass(frozen=True, slots=True)
class Traffic:
    """Sums over a set of requests; part of an ``Aggregate``.

    Merge law as for ``Aggregate``, with ``Traffic()`` as identity. It is
    false if there was no request, whatever there was of iterations.
    """

    requests: int = 0  # redirects are not counted apart
    sent_bytes: int = 0
    received_bytes: int = 0

    def __bool__(self) -> bool:
        return self.requests > 0

    def merge(self, other: Traffic) -> Traffic:
        return Traffic(
            self.requests + other.requests,
            self.sent_bytes + other.sent_bytes,
            self.received_bytes + other.received_bytes,
        )

    def to_state(self) -> list[t.Any]:
        return [portable.pack_int(x) for x in dataclasses.astuple(self)]

    @classmethod
    def from_state(cls, state: t.Any) -> Traffic:
        """Inverse of ``to_state``.

        :raises MalformedState: *state* is not of a ``Traffic``
        """
        with portable.reading(cls.__name__):
            requests, sent, received = map(portable.unpack_int, state)
            made = cls(requests, sent, received)
            if min(dataclasses.astuple(made)) < 0:
                raise ValueError("a sum that is negative")
            return made
