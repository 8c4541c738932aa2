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

"""What somebody may have meant by a name that does not exist."""

from __future__ import annotations

import difflib
import typing as t


def did_you_mean(
    names: t.Collection[str], known: t.Collection[str]
) -> str:
    """A question that follows an error; empty if nothing is like *names*.

    :param names: what was given; of several, one proposal each
    :param known: what there is
    """
    each = 3 if len(names) == 1 else 1
    near = dict.fromkeys(
        found for name in names
        for found in difflib.get_close_matches(name, sorted(known), each)
    )
    return " Did you mean %s?" % " or ".join(near) if near else ""
