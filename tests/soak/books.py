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

"""Is each iteration number of a task accounted for exactly once?"""

from __future__ import annotations

import dataclasses
import json
import sqlite3

import numpy as np

from rally.task.results import chunk


@dataclasses.dataclass(frozen=True)
class Account:
    """What a run granted, and what came of it."""

    granted: int  # a number that came back and was granted again: twice
    returned: int
    stored: int
    lost: int
    repeated: int  # numbers that are stored or lost more than once
    missing: int  # numbers below the highest that are neither
    counted: int  # stored, as the statistics have it
    reasons: tuple[str, ...] = ()  # of losses, with agent and count

    def problems(self) -> list[str]:
        """What does not add up, as sentences."""
        found = []
        if self.repeated:
            found.append("%d numbers occur twice" % self.repeated)
        if self.granted - self.returned != self.stored + self.lost:
            found.append(
                "%d granted, %d of them returned: %d stored and %d lost are "
                "not the rest" % (
                    self.granted, self.returned, self.stored, self.lost,
                )
            )
        if self.missing > self.returned:
            found.append(
                "%d numbers are missing, %d were returned"
                % (self.missing, self.returned)
            )
        if self.counted != self.stored:
            found.append(
                "%d iterations are in the statistics, %d rows are stored"
                % (self.counted, self.stored)
            )
        return found

    def __str__(self) -> str:
        return (
            "%d iterations stored, %d lost, %d not started%s" % (
                self.stored, self.lost, self.missing,
                "".join("\n  " + each for each in self.reasons),
            )
        )


def of_task(connection: sqlite3.Connection, uuid: str) -> Account:
    """The account of a task with one workload."""
    chunks = connection.execute(
        "SELECT payload FROM workloaddata WHERE task_uuid = ?", (uuid,)
    )
    stored = [chunk.Chunk.from_bytes(payload).numbers for [payload] in chunks]
    [[text]] = connection.execute(
        "SELECT load_info FROM workloads WHERE task_uuid = ?", (uuid,)
    )
    info = json.loads(text)
    lost = [
        np.arange(first, last + 1, step or 1)
        for each in info["lost"] for first, last, step in each["numbers"]
    ]
    rows = sum(map(len, stored))
    numbers = np.concatenate([*stored, *lost, np.zeros(0, dtype=np.int64)])
    once = np.unique(numbers)
    return Account(
        granted=sum(each["granted"] for each in info["agents"]),
        returned=sum(each["returned"] for each in info["agents"]),
        stored=rows,
        lost=sum(map(len, lost)),
        repeated=len(numbers) - len(once),
        missing=int(once[-1]) - len(once) if len(once) else 0,
        counted=info["stored"],
        reasons=tuple(
            "%(agent)s lost %(count)d: %(reason)s" % each
            for each in info["lost"]
        ),
    )
