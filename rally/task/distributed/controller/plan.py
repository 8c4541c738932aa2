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

"""What a controller is to achieve: a value."""

from __future__ import annotations

import dataclasses
import typing as t

from rally.task.distributed.wire import messages
from rally.task.work.selection import Selection

NS = 1_000_000_000
#: each agent gets a sign of life this often ...
BEAT_NS = NS // 2
#: ... and more often if the lease is short
BEATS_PER_LEASE = 6


class GroupShare(t.NamedTuple):
    """What one agent of a group is to do."""

    group: str
    config: dict[str, t.Any] | None  # of the runner; None: nothing
    concurrency: int


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """What the controller is to achieve."""

    prepare: messages.Prepare  # what all agents are told, but for ``runner``
    shares: list[dict[str, t.Any] | None]  # of the runner's config
    concurrencies: list[int]
    rally_version: str
    address: str
    provider: str = ""  # who starts agents for the task; empty: nobody
    selection: Selection = Selection()
    #: of the runner's config, given how many agents each group begins with,
    #: in the order of the weights; None: there is one group
    split: t.Callable[[t.Mapping[str, int]], list[GroupShare]] | None = None
    #: what a group does nobody else does: the concurrency is shared out
    needs_groups: bool = False
    #: what ``prepare.content`` names
    content: bytes = dataclasses.field(default=b"", repr=False)
    #: contents of ``prepare.shipment``, by digest
    shipped: t.Mapping[str, bytes] = dataclasses.field(
        default_factory=dict, repr=False
    )
    is_closing_on_loss: bool = False  # on_agent_loss: abort
    agent_timeout_s: float = 10.0
    lease_s: float = 5.0
    wait_s: float = 60.0
    prepare_s: float = 60.0
    #: of the inner runner, if its configuration names one
    iteration_timeout_s: float | None = None
    #: the run before this one, if the same controller knows that it is over
    before: str = ""
    #: what a recovery collects: agent -> chunks that are stored already;
    #: None: this is not a recovery
    kept: t.Mapping[str, t.Collection[int]] | None = None

    @property
    def wanted(self) -> int:
        return len(self.shares)

    def dealt(self, sizes: t.Mapping[str, int] | None) -> list[GroupShare]:
        """All shares.

        :param sizes: of groups; None: not known yet, or there is one
        """
        if sizes is not None and self.split is not None:
            return self.split(sizes)
        return [
            GroupShare("", *share)
            for share in zip(self.shares, self.concurrencies)
        ]

    @property
    def run(self) -> str:
        return self.prepare.run

    @property
    def beat_ns(self) -> int:
        """Between two beats for one agent."""
        return min(BEAT_NS, self.lease_ns // BEATS_PER_LEASE)

    @property
    def lease_ns(self) -> int:
        return int(self.lease_s * NS)

    @property
    def prepare_ns(self) -> int:
        """How long an agent may take to get ready, from its last sign."""
        return int(self.prepare_s * NS)
