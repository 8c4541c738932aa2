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

"""How many there are of something, in words."""

from __future__ import annotations

import typing as t

#: names in a sentence
MOST_LISTED = 20


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """*count* and *noun*: ``1 agent``, ``2 agents``.

    :param plural: where it is not the noun with an s
    """
    return "%d %s" % (count, noun if count == 1 else plural or noun + "s")


def listed(names: t.Sequence[str], most: int = MOST_LISTED) -> str:
    """The first of many names, and how many more there are."""
    more = len(names) - most
    shown = ", ".join(names[:most])
    return "%s and %d more" % (shown, more) if more > 0 else shown
