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

"""An operator asks for an agent to be drained: who may go, and when."""

from __future__ import annotations

from rally.common.counting import listed
from rally.task.distributed.commands import Command, Say, Send
from rally.task.distributed.controller.membership import AgentState, Member
from rally.task.distributed.controller.run import Phase, Run
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel

#: why an agent in this state cannot be drained
CANNOT = {
    AgentState.LOST: "it is lost: nothing more is granted to it anyway",
    AgentState.RETURNED: "it was lost, and only delivers what it has",
    AgentState.REFUSED: "it could not take part in this run",
}
DEALT_OUT = (
    "everything is dealt out already: agent %s ends as soon as it has done "
    "what it has"
)


class DrainRequests:
    """Decides whether an agent may go, and answers the operator."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def handle(
        self, operator: str, message: messages.DrainAsked
    ) -> list[Command]:
        member = self._run.members.get(message.agent)
        if member is None:
            text = "no agent of this name takes part in the run; there are %s"
            names = listed(sorted(self._run.members)) or "none so far"
            answer = _answer(message.agent, False, text % names)
            return [Send(operator, Channel.CONTROL, answer)]
        answer, commands = self._drain(member)
        return [Send(operator, Channel.CONTROL, answer), *commands]

    def _drain(
        self, member: Member
    ) -> tuple[messages.DrainAnswer, list[Command]]:
        name, state = member.name, member.state
        if state in CANNOT:
            return _answer(name, False, CANNOT[state]), []
        if state is AgentState.DONE:
            text = "agent %s has been drained" % name
            return _answer(name, True, text, is_over=True), []
        if state is AgentState.DELIVERING:
            return _answer(name, True, "agent %s is draining" % name), []
        if self._run.phase is Phase.STOPPING:
            text = "the run is stopping, and with it every agent"
            return _answer(name, False, text), []
        if state is AgentState.RUNNING:
            return self._drain_running(member)
        return self._drain_idle(member)

    def _drain_running(
        self, member: Member
    ) -> tuple[messages.DrainAnswer, list[Command]]:
        name = member.name
        if self._run.leasing.is_closed or member.ended:
            return _answer(name, True, DEALT_OUT % name), []
        if not self._can_do_without(member):
            return _answer(name, False, (
                "work is left, and there would be nobody to do it. Start "
                "another agent first, or end the task with `rally task "
                "abort`"
            )), []
        text = "agent %s starts nothing more; others do the rest" % name
        return _answer(name, True, text), [
            Say("agent %s is drained, as an operator asked" % name),
            *self._run.let_go(member, "an operator asked to drain the agent"),
        ]

    def _drain_idle(
        self, member: Member
    ) -> tuple[messages.DrainAnswer, list[Command]]:
        """It holds no work; and is to get none."""
        run = self._run
        if run.phase is Phase.PREPARING and member.share is not None:
            text = "the load is about to begin. Ask again when it runs"
            return _answer(member.name, False, text), []
        if run.phase is Phase.RUNNING and not self._can_do_without(member):
            text = "work is left, and there is nobody else to do it"
            return _answer(member.name, False, text), []
        run.registry.leaving.add(member.name)
        commands: list[Command] = []
        if member in run.failover.successors:
            commands += run.withdraw(member)
        text = "agent %s holds no work, and gets none in this run"
        return _answer(
            member.name, True, text % member.name, is_over=True
        ), commands

    def _can_do_without(self, member: Member) -> bool:
        run = self._run
        others = [
            *run.registry.working, *run.registry.spares,
            *run.failover.successors,
        ]
        return any(other is not member for other in others)


def _answer(
    name: str, is_accepted: bool, text: str, is_over: bool = False
) -> messages.DrainAnswer:
    return messages.DrainAnswer(name, is_accepted, is_over, text)
