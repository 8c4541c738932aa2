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

"""When which agent joins, leaves or is killed; the same for a seed."""

from __future__ import annotations

import dataclasses
import random
import typing as t

#: seconds between two events, at least and at most
GAPS_S = (3.0, 9.0)
#: late comers come one after the other, so long apart, ...
LATE_S = 3.0
#: ... then it begins; at the end those who were lost need time to deliver
LAST_S = 25.0


@dataclasses.dataclass(frozen=True)
class Event:
    """Something happens to an agent.

    One that is there leaves (SIGTERM) or is killed; one that is not, joins.
    """

    at_s: float
    agent: str
    is_kill: bool


def events(
    seed: int, agents: t.Sequence[str], late: t.Sequence[str],
    duration_s: float,
) -> list[Event]:
    """What happens to *agents*, in order of time.

    :param late: those of them that are not there when the run begins
    """
    chance = random.Random(seed)
    found = [
        Event((i + 1) * LATE_S, name, False) for i, name in enumerate(late)
    ]
    at = (len(late) + 1) * LATE_S + chance.uniform(*GAPS_S)
    while at < duration_s - LAST_S:
        found.append(
            Event(at, chance.choice(agents), chance.random() < 0.5)
        )
        at += chance.uniform(*GAPS_S)
    return found
