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

"""Who has which share of the load, and who takes over a share that is free.

The concurrency of the inner runner is dealt out in shares. An agent makes
load on one share, and a share never has more than one such agent: the next
one begins when nothing of the one before can run any more.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from rally.task.distributed.commands import Command, Say
from rally.task.distributed.controller.membership import (
    AgentEvent,
    AgentState,
    Member,
)
from rally.task.distributed.controller.plan import NS
from rally.task.distributed.controller.registry import Registry

#: exchanges with each agent before it starts: the best of them gives the
#: offset of its clock
CLOCK_SAMPLES = 8
#: a share that nobody of its group has taken for so long may go to others
GROUP_PATIENCE_NS = 30 * NS
#: two clocks drift apart by less
DRIFT = 0.001


@dataclasses.dataclass
class Share:
    """A part of the concurrency."""

    position: int
    config: dict[str, t.Any]  # of the runner
    concurrency: int
    group: str = ""  # whose agents may have it
    holder: str = ""  # iterations of this agent may run
    successor: str = ""  # this agent is to take it over
    is_given_up: bool = True  # its holder gets no more work
    before: str = ""  # who had it last
    lost_ns: int | None = None  # when its holder was lost
    fence_ns: int = 0  # from then on a lost holder starts nothing
    guess_ns: int = 0  # of a lost holder's iterations, if none has ended
    missed_ns: int | None = None  # since when nobody of its group is there

    @property
    def is_wanting(self) -> bool:
        """Whether it was given up, and has no successor yet."""
        return self.is_given_up and not self.successor

    def is_open(self, now: int) -> bool:
        """Whether agents of other groups may have it."""
        return self.missed_ns is not None and (
            now - self.missed_ns >= GROUP_PATIENCE_NS
        )

    def is_free(self, now: int, longest_ns: int | None) -> bool:
        """Whether no iteration of its holder can run any more.

        :param longest_ns: what an iteration takes at the most; 0: nobody
            has seen one end; None: nor yet, but somebody will
        """
        if not self.holder:
            return True
        if self.lost_ns is None or longest_ns is None:
            return False
        over_ns = self.fence_ns + (longest_ns or self.guess_ns)
        return now >= max(self.lost_ns, over_ns)

    def empty(self) -> None:
        """Nothing of its holder runs."""
        self.before, self.holder = self.holder, ""
        self.is_given_up = True

    def pass_on(self) -> None:
        """The successor begins."""
        self.before = self.holder or self.before
        self.holder, self.successor = self.successor, ""
        self.is_given_up, self.lost_ns = False, None
        self.missed_ns = None


class Failover:
    """The shares of a run.

    How long a lost agent's iterations may go on nobody can know. They are
    over after the inner runner's ``timeout``, if it has one. Else the
    longest iteration of the run so far is the measure: one that takes longer
    than any before may overlap with those of the successor. If none has
    ended, and nobody is left to see one end, those of the lost agent are
    taken to last as long again as they have.

    A share is taken over within its group, so that groups keep their weights.
    If nobody of the group is there for a while, the concurrency that was asked
    for counts more in a closed model, and a spare of any group may have it.
    """

    def __init__(self, registry: Registry) -> None:
        plan = registry.plan
        self._registry = registry
        self._limit_ns = int((plan.iteration_timeout_s or 0) * NS)
        self._longest_ns = 0
        #: sentences about groups whose part of the load nobody makes
        self.shortfalls: list[str] = []
        self._short: set[str] = set()  # these groups
        self._concurrency = 0  # of all shares
        self._held: dict[str, Share] = {}  # by its holder
        self._promised: dict[str, Share] = {}  # by its successor
        self._unclaimed: dict[int, Share] = {}  # by position; want an agent
        self.deal(None)

    def deal(self, sizes: t.Mapping[str, int] | None) -> None:
        """Make the shares; nobody has one yet.

        :param sizes: how many agents of each group are to begin
        """
        self._unclaimed = {
            position: Share(
                position, share.config, share.concurrency, share.group
            )
            for position, share in enumerate(
                self._registry.plan.dealt(sizes)
            )
            if share.config is not None
        }
        self._registry.share_count = len(self._unclaimed)
        self._concurrency = sum(
            share.concurrency for share in self._unclaimed.values()
        )

    def observe(self, longest_ns: int) -> None:
        """An iteration took this long, from start to end."""
        self._longest_ns = max(self._longest_ns, longest_ns)

    @property
    def has_candidates(self) -> bool:
        """Whether anybody could take over a share, or is about to."""
        return bool(self._registry.spares or self.successors)

    @property
    def is_wanted(self) -> bool:
        """Whether a share that was given up has no successor yet."""
        return bool(self._unclaimed)

    @property
    def successors(self) -> list[Member]:
        """Who prepares to take over."""
        return [
            self._registry.members[share.successor]
            for share in self._in_order(self._promised.values())
        ]

    @staticmethod
    def _in_order(shares: t.Iterable[Share]) -> list[Share]:
        return sorted(shares, key=lambda share: share.position)

    def _note(self, share: Share) -> None:
        """Keep *share* among those that want an agent if it does."""
        if share.is_wanting:
            self._unclaimed[share.position] = share
        else:
            self._unclaimed.pop(share.position, None)

    def appoint(self, now: int) -> list[Command]:
        """Let spares prepare for the shares that are given up."""
        commands: list[Command] = []
        for share, member in self._matches(now):
            share.successor = member.name
            self._promised[member.name] = share
            self._note(share)
            member.share = share.config
            member.concurrency = share.concurrency
            member.position = share.position
            member.prepare_by_ns = now + self._registry.plan.prepare_ns
            self._registry.advance(member, AgentEvent.ASKED_TO_PREPARE)
            commands.append(self._registry.order(member))
            before = share.holder or share.before
            if before == member.name:
                commands.append(
                    Say("agent %s prepares to go on" % member.name)
                )
            elif before:
                commands.append(
                    Say("agent %s prepares to take over from agent %s"
                        % (member.name, before))
                )
        return [*commands, *self._tell_shortfalls(now)]

    def _matches(self, now: int) -> list[tuple[Share, Member]]:
        """Spares for the shares that want a successor."""
        spares: dict[str | None, collections.deque[Member]] = {}
        for member in self._registry.spares:
            spares.setdefault(member.group, collections.deque()).append(
                member
            )
        matches, others = [], []
        for share in self._in_order(self._unclaimed.values()):
            if spares.get(share.group):
                matches.append((share, spares[share.group].popleft()))
            else:
                others.append(share)
        left = collections.deque(
            member for waiting in spares.values() for member in waiting
        )
        # an open model keeps its rate, and is to keep its weights once
        # somebody of the group is back
        may_cross = (
            self._registry.plan.needs_groups or not self._registry.working
        )
        present = {
            share.group
            for share in (*self._held.values(), *self._promised.values())
            if not share.is_wanting
        } if others else frozenset()
        for share in others:
            if share.group in present:
                share.missed_ns = None
            elif share.missed_ns is None:
                share.missed_ns = now
            if left and may_cross and share.is_open(now):
                matches.append((share, left.popleft()))
        return matches

    def _tell_shortfalls(self, now: int) -> list[Command]:
        """Say, once for each group, that nobody makes its part."""
        plan = self._registry.plan
        unused: collections.Counter[str] = collections.Counter()
        for share in self._in_order(self._unclaimed.values()):
            if share.is_open(now):
                unused[share.group] += share.concurrency
        commands: list[Command] = []
        for group, count in unused.items():
            if plan.needs_groups and group not in self._short:
                self._short.add(group)
                self.shortfalls.append(
                    "no agent was there for %d s that could make the part of "
                    "%s=%s: a concurrency of %d was missing, of %d" % (
                        GROUP_PATIENCE_NS // NS, plan.selection.by, group,
                        count, self._concurrency,
                    )
                )
                commands.append(Say(
                    "The load is smaller than what was asked for: %s. An "
                    "agent with that label, or a spare of another group, "
                    "takes it over at once." % self.shortfalls[-1], True,
                ))
        return commands

    def due(self, now: int) -> list[Member]:
        """Successors that may begin."""
        if not self._promised:
            return []
        longest_ns: int | None = self._limit_ns or self._longest_ns
        if not longest_ns and self._registry.working:
            longest_ns = None
        return [
            self._registry.members[share.successor]
            for share in self._in_order(self._promised.values())
            if share.is_free(now, longest_ns)
            and is_prepared(self._registry.members[share.successor])
        ]

    def late(self, now: int) -> list[Member]:
        """Successors whose preparation has taken too long."""
        return [
            member
            for member in self.successors
            if member.state is AgentState.PREPARING
            and now >= member.prepare_by_ns
        ]

    def begins(self, member: Member) -> str:
        """*member* makes load from now on; returns whom it replaces."""
        share = self._promised.pop(member.name)
        self._held.pop(share.holder, None)
        share.pass_on()
        self._held[member.name] = share
        self._note(share)
        return share.before

    def gives_up(self, member: Member) -> None:
        """*member* gets no more work; its iterations may still run."""
        share = self._held.get(member.name)
        if share is not None:
            share.is_given_up = True
            self._note(share)

    def ends(self, member: Member) -> None:
        """No iteration of *member* runs, if it had begun."""
        if member.name in self._promised:  # perhaps it was lost before
            self.dismiss(member)
            return
        share = self._held.pop(member.name, None)
        if share is not None:
            share.empty()
            self._note(share)

    def loses(self, member: Member, start_ns: int, now: int) -> None:
        """*member* was lost.

        :param start_ns: when the load began, or was to begin
        """
        self.gives_up(member)
        share = self._held.get(member.name)
        if share is not None and share.lost_ns is None:
            # from then on it gets no lease; the one it has counts from a
            # heartbeat that was sent before it was heard
            lease_ns = int(self._registry.plan.lease_ns * (1 + DRIFT))
            trip_ns = member.clock.round_trip_ns or 0
            share.lost_ns = now
            share.fence_ns = member.heard_ns + lease_ns + trip_ns
            share.guess_ns = max(0, member.heard_ns - start_ns)
        self.dismiss(member)

    def dismiss(self, member: Member) -> None:
        """*member* will not take over."""
        share = self._promised.pop(member.name, None)
        if share is not None:
            share.successor = ""
            self._note(share)


def is_prepared(member: Member) -> bool:
    """Whether *member* can start, and its clock is known."""
    return (
        member.state is AgentState.READY
        and member.clock.count >= CLOCK_SAMPLES
    )
