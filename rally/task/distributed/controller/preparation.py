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

"""How agents begin: all at one moment, or later in place of another one."""

from __future__ import annotations

from rally import exceptions
from rally.common.counting import counted, listed
from rally.task.distributed import notices
from rally.task.distributed.commands import Command, Say, Send
from rally.task.distributed.controller import failover, failures, refusals
from rally.task.distributed.controller.membership import (
    AgentEvent,
    AgentState,
    Member,
)
from rally.task.distributed.controller.run import Phase, Run
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel

#: between the decision to start and the start, beside two round trips: ten
#: agents that shared two CPUs needed up to 50 ms to pass the word on
START_DELAY_NS = 100_000_000
#: and for each agent that is to be told
TELL_NS = 500_000
MEBI = 1 << 20


class Preparation:
    """Gathers, prepares and starts agents; lets spares take over."""

    def __init__(self, run: Run) -> None:
        self._run = run
        plan = run.plan
        self._contents = {
            **plan.shipped, plan.prepare.content.digest: plan.content
        }
        #: agent and digest -> up to which byte it was asked for
        self._sent: dict[tuple[str, str], int] = {}
        self._failed: dict[str, notices.AgentLeft] = {}
        self.pending = ""  # why some that are started do not run yet
        self._refusals = refusals.Refusals()

    # ---- gathering and preparing

    def gather(self, now: int) -> list[Command]:
        """Prepare the first that came, once there are enough.

        Whoever gets no share of the concurrency stays a spare.
        """
        run = self._run
        spares = run.registry.spares
        if len(spares) < run.plan.wanted:
            return self._stop_if_in_vain()
        sizes = run.plan.selection.sizes(
            (member.group or "" for member in spares), run.plan.wanted
        )
        if sizes is None:
            return []
        run.failover.deal(sizes)
        run.phase = Phase.PREPARING
        run.deadline_ns = now + run.plan.prepare_ns
        return run.failover.appoint(now)

    def failed(self, notice: notices.AgentLeft) -> list[Command]:
        """One of those that are waited for does not come."""
        self._failed[notice.agent] = notice
        return self._stop_if_in_vain()

    def _stop_if_in_vain(self) -> list[Command]:
        """Nobody is waited for once it is known of all whether they come."""
        run, failed = self._run, self._missing()
        known = len(run.registry.spares) + len(failed)
        if not failed or known < run.plan.wanted:
            return []
        return run.stop("not enough agents", self._not_enough())

    def _missing(self) -> list[notices.AgentLeft]:
        """Those that failed, and did not come in spite of it."""
        here = self._run.members
        return [each for name, each in sorted(self._failed.items())
                if name not in here]

    @property
    def is_done(self) -> bool:
        """Whether all agents of the run stand ready."""
        active = self._run.registry.active
        return bool(active) and all(map(failover.is_prepared, active))

    def part(
        self, member: Member, message: messages.FetchPart, now: int
    ) -> list[Command]:
        """A part of a content that *member* asks for."""
        plan = self._run.plan
        content = self._contents.get(message.digest, b"")
        at = message.index * messages.PART_BYTES
        data = content[at:at + messages.PART_BYTES]
        # there may be secrets in it: for those who need it
        if member.state is not AgentState.PREPARING or not data:
            return []
        key = member.name, message.digest
        self._sent[key] = max(self._sent.get(key, 0), at + len(data))
        # it is not late: it is being sent to
        member.prepare_by_ns = now + plan.prepare_ns
        if self._run.phase is Phase.PREPARING:
            self._run.deadline_ns = now + plan.prepare_ns
        part = messages.Part(message.digest, message.index, data)
        return [Send(member.name, Channel.RESULTS, part)]

    @property
    def progress(self) -> str:
        """How far it is; empty: there is nothing worth mentioning."""
        if self._run.phase is Phase.GATHERING:
            return self.pending
        count = len(self._run.registry.in_state(AgentState.PREPARING))
        size = sum(map(len, self._contents.values()))
        if size < MEBI or not count:
            return ""
        agents = len(self._run.registry.active)
        return "%d of %d MiB sent" % (
            -(-sum(self._sent.values()) // MEBI), -(-agents * size // MEBI),
        )

    def ready(self, member: Member) -> list[Command]:
        if member.state is AgentState.PREPARING:
            self._run.registry.advance(member, AgentEvent.PREPARED)
        return []

    def refused(
        self, member: Member, reason: str, now: int,
        differences: tuple[messages.Difference, ...] = (),
    ) -> list[Command]:
        """*member* cannot take part: that ends a run that has not begun."""
        run = self._run
        if member.state is not AgentState.PREPARING:
            return []
        run.registry.advance(member, AgentEvent.REFUSED)
        member.reason = reason
        run.failover.dismiss(member)
        if run.phase is Phase.RUNNING:
            return [
                Say("agent %s cannot take over: %s"
                    % (member.name, reason), True),
                *run.stop_without(member, reason),
            ]
        self._refusals.add(member.name, reason, differences, now)
        return self.conclude(now)

    def conclude(self, now: int) -> list[Command]:
        """End a run that agents refused, once others have had their say."""
        run, found = self._run, self._refusals
        if not found or run.phase is Phase.RUNNING or (
            run.phase is Phase.PREPARING and not found.is_late(now)
            and run.registry.in_state(AgentState.PREPARING)
        ):
            return []
        return run.stop(
            "it cannot run on agent %s" % found.agents, found.failure()
        )

    def missed_deadline(self) -> list[Command]:
        """The phase has taken too long."""
        run = self._run
        if run.phase is Phase.GATHERING:
            return run.stop("not enough agents", self._not_enough())
        if run.phase is Phase.PREPARING:
            late = run.registry.in_state(AgentState.PREPARING)
            return run.stop(
                "agents were not ready in time",
                failures.AgentCannotRun(
                    agent=listed([member.name for member in late]),
                    reason=self._too_slow(),
                ),
            )
        return []

    def _too_slow(self) -> str:
        return "it was not ready within %g s" % self._run.plan.prepare_s

    def _not_enough(self) -> exceptions.RallyException:
        run = self._run
        joined = run.registry.in_state(AgentState.JOINED)
        came = [m.name for m in joined if m.group is not None]
        if run.plan.provider:
            return failures.AgentsDidNotCome(
                provider=run.plan.provider,
                agents=counted(run.plan.wanted, "agent"),
                count=len(came),
                wait_s=run.plan.wait_s,
                table=failures.table(
                    [(each.agent, each.reason, each.tail)
                     for each in self._missing()]
                    + [(name, "it was refused: %s" % reason, "") for
                       name, reason in sorted(run.registry.rejected.items())]
                ),
                pending=self.pending and " Pending: %s." % self.pending,
            )
        return failures.NotEnoughAgents(
            wanted=(
                counted(run.plan.wanted, "agent was", "agents were")
            ),
            count=len(came),
            wait_s=run.plan.wait_s,
            came=listed(came) or "none",
            address=run.plan.address,
            rejected="".join(
                "; agent %s was refused: %s" % item
                for item in sorted(run.registry.rejected.items())
            ) + run.plan.selection.shortfall([m.labels for m in joined]),
        )

    # ---- the start

    def start(self, now: int) -> list[Command]:
        """All agents are prepared: start them at the same moment."""
        run = self._run
        ready = run.failover.due(now)
        round_trip = max(m.clock.round_trip_ns or 0 for m in ready)
        run.start_ns = (
            now + START_DELAY_NS + TELL_NS * len(ready) + 2 * round_trip
        )
        run.phase = Phase.RUNNING
        run.leasing.begin(run.start_ns)
        for member in ready:
            self._begin(member, run.start_ns)
        commands = run.leasing.grant(now)
        for member in ready:
            commands += [
                self.start_of(member), run.registry.beat(member, now)
            ]
        names = refusals.some(member.name for member in ready)
        return [*commands, Say("the load starts on %s" % names)]

    def _begin(self, member: Member, start_ns: int) -> str:
        """*member* makes load from now on; returns whom it replaces."""
        self._run.registry.advance(member, AgentEvent.STARTED)
        member.start_at_ns = start_ns + member.clock.offset_ns
        self._run.leasing.joins(member)
        return self._run.failover.begins(member)

    def start_of(self, member: Member) -> Send:
        start = messages.Start(
            self._run.id, member.start_at_ns or 0, member.is_takeover
        )
        return self._run.registry.to(member, start)

    # ---- taking over

    def take_over(self, now: int) -> list[Command]:
        """Agents beyond those that began do the work of those that left."""
        run = self._run
        if run.leasing.is_closed:
            at_work = run.registry.in_state(
                AgentState.RUNNING, AgentState.DELIVERING
            )
            # one that ends may return what it did not start
            is_over = all(member.ended for member in at_work)
            return run.withdraw_successors() if is_over else []
        commands: list[Command] = []
        for member in run.failover.late(now):
            over = messages.Done(run.id)
            commands.append(run.registry.to(member, over))
            commands += self.refused(member, self._too_slow(), now)
        if run.phase is not Phase.RUNNING:
            return commands
        if run.failover.is_wanted and run.leasing.is_worth_joining(now):
            commands += run.failover.appoint(now)
        for member in run.failover.due(now):
            member.is_takeover = True
            before = self._begin(member, run.start_ns or now)
            place = "again" if before == member.name else (
                "in place of agent %s" % before
            )
            commands += [
                self.start_of(member), run.registry.beat(member, now),
                Say("agent %s makes load %s" % (member.name, place)),
            ]
        return commands
