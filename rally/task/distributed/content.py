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

"""How the content of a load is named and cut into parts."""

from __future__ import annotations

import hashlib
import typing as t

from rally.task.distributed.wire import messages

#: characters of a digest that a user is shown
SHOWN = 12


def new_hash(data: bytes = b"") -> hashlib.blake2b:
    """What the digest of a content is made with."""
    return hashlib.blake2b(data, digest_size=32)


def described(data: bytes) -> messages.Content:
    """*data* as a message names it."""
    return messages.Content(new_hash(data).hexdigest(), len(data))


def shown(difference: messages.Difference, what: str) -> str:
    """One side of a difference; of a digest as much as tells two apart."""
    if not what:
        return "none"
    return what if difference.is_package else what[:SHOWN]


def part_sizes(content: messages.Content) -> t.Iterator[int]:
    """Bytes of the parts in which *content* is sent."""
    for start in range(0, content.size, messages.PART_BYTES):
        yield min(messages.PART_BYTES, content.size - start)
