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

"""The leases of a run: granted, seen, used, taken back."""

from __future__ import annotations

from rally.task.distributed.commands import Command
from rally.task.distributed.controller.membership import Member
from rally.task.distributed.controller.registry import Registry
from rally.task.distributed.wire import messages
from rally.task.results.progressions import numbers_of, progressions
from rally.task.work import grants as granting


class Leasing:
    """What the agents of a run were granted.

    A grant that an agent has not confirmed is repeated with each of its
    heartbeats, so no iteration number gets lost on the way.
    """

    def __init__(self, registry: Registry, grants: granting.Granting) -> None:
        self._registry = registry
        self._run = registry.plan.run
        self._grants = grants
        self._unseen: dict[str, list[messages.Grant]] = {}
        self.is_closed = False
        #: what came back after everything had been dealt out, and from whom
        self._late: list[tuple[Member, list[messages.NumberRun]]] = []

    def begin(self, start_ns: int) -> None:
        """The load starts at *start_ns*."""
        self._grants.begin(start_ns)

    def joins(self, member: Member) -> None:
        """*member* makes load from now on."""
        self._grants.changed(member.name)

    def forget(self, member: Member) -> None:
        """What *member* has not seen of its leases is not said again."""
        self._unseen.pop(member.name, None)

    def grant(self, now: int) -> list[Command]:
        """Grant what is due; say when there will be no more."""
        commands: list[Command] = []
        for allotment in self._grants.due(self._registry.grantees(now), now):
            member = allotment.member
            member.lease += 1
            member.ledger.grant(allotment.numbers)
            first = allotment.numbers[0]
            member.first_number = min(member.first_number or first, first)
            grant = messages.Grant(
                self._run, member.lease, allotment.numbers, allotment.low
            )
            self._unseen.setdefault(member.name, []).append(grant)
            commands.append(self._registry.to(member, grant))
        if not self.is_closed and self._grants.is_over(now):
            self.is_closed = True
            commands += map(self.close_of, self._registry.working)
        return commands

    def is_worth_joining(self, now: int) -> bool:
        """Whether there will be work for at least a second."""
        return not self._grants.is_over(now + granting.NS)

    def close_of(self, member: Member) -> Command:
        """Tell *member* that it gets no more leases."""
        close = messages.Close(self._run, member.lease)
        return self._registry.to(member, close)

    def confirmed(
        self,
        member: Member,
        message: messages.Heartbeat | messages.WorkRequest,
        now: int,
    ) -> list[messages.Grant]:
        """Note an agent's progress; returns the leases it has not seen."""
        member.progressed(message.drawn, message.drawn_ns)
        unseen = self._later(member, message.lease)
        self._unseen[member.name] = unseen
        member.remaining = message.remaining + sum(
            grant.numbers[2] for grant in unseen
        )
        self._grants.changed(member.name)
        return unseen

    def _later(self, member: Member, lease: int) -> list[messages.Grant]:
        return [
            grant
            for grant in self._unseen.get(member.name, [])
            if grant.lease > lease
        ]

    def take_back(
        self, member: Member, message: messages.Ended, are_wanted: bool,
        has_others: bool,
    ) -> None:
        """Numbers the agent certainly did not start go to the others.

        If everything had been dealt out already, dealing begins again. With
        nobody to deal to they count as lost, unless nobody wants them.

        :param are_wanted: nobody has stopped the run
        :param has_others: somebody could still run them
        """
        is_without_end = self._grants.left is None
        is_late = are_wanted and self.is_closed and not is_without_end
        if is_late and not has_others:
            return
        unseen = [g.numbers for g in self._later(member, message.lease)]
        self._unseen.pop(member.name, None)
        taken = member.ledger.give_back([*message.returned, *unseen])
        if taken and are_wanted and (is_late or self._late):
            self._late.append((member, taken))
            self.is_closed = False
        if not self.is_closed:
            self._grants.give_back(taken)

    def lose_late(self) -> bool:
        """Nobody is left: what came back too late counts as lost after all.

        It is lost with the agent that gave it back first. An agent that was
        told that there is no more may have ended before it heard of that.

        :returns: whether this is all that was left
        """
        if not self._late:
            return False
        left = set(numbers_of(self._grants.take_all()))
        for member, runs in self._late:
            lost = left.intersection(numbers_of(runs))
            left -= lost
            for run in progressions(lost):
                member.ledger.grant(run)
        self.is_closed = True
        return not left
