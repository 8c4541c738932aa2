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

"""What an operator asks of a running controller, from its own host.

The controller's secret key proves that the operator is its owner.
"""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from rally import exceptions
from rally.common import clock
from rally.task.distributed import (
    commands,
    endpoint_ports,
    fleet_folders,
    serve,
)
from rally.task.distributed.security import key_files, keys
from rally.task.distributed.wire import (
    agent_transport,
    channels,
    codec,
    messages,
)
from rally.task.distributed.wire.channels import Channel, ConnectionChange

#: how long a controller may take to answer
ANSWER_S = 10.0
#: what a connection that brings no answer has come to
WHY: t.Mapping[ConnectionChange, str] = {
    ConnectionChange.CONNECTED: "it is silent; perhaps it runs no task",
    ConnectionChange.UNREACHABLE: "nobody listens there",
    ConnectionChange.REFUSED: "it has another key",
    ConnectionChange.MISMATCHED: "it has another key, or is no controller",
    ConnectionChange.SILENT: "it takes connections, and does not answer",
}
#: an answer that does not come, or is not final, is asked for again
AGAIN_S = 1.0
NS = 1_000_000_000


class NoController(exceptions.RallyException):
    error_code = 148
    msg_fmt = (
        "No controller answered at %(address)s (%(reason)s), so nothing was "
        "asked of it. A controller listens only while a distributed task "
        "runs. Run this command then, on the controller's host and with its "
        "keys, and name its address with --controller if the task has an "
        "option `listen`."
    )


class DrainRefused(exceptions.RallyException):
    """What to do: see who is there with `rally agent list`. If no other agent
    could do the work that is left, let one more join first.
    """

    error_code = 149
    msg_fmt = "Agent %(agent)s is not drained: %(reason)s."


class StillDraining(exceptions.RallyException):
    error_code = 146
    msg_fmt = (
        "Agent %(agent)s is still draining after %(wait_s)g s: %(text)s. It "
        "gets no more work, but iterations that it has started go on until "
        "they end, and then its results are collected. Ask again with --wait."
    )


def drain(
    agent: str, address: str, folder: pathlib.Path | None, wait_s: float,
    answer_s: float = ANSWER_S,
) -> str:
    """Ask a running controller to drain *agent*.

    :param address: of its control channel
    :param folder: with the controller's keys
    :param wait_s: how long to wait until it has been drained
    :param answer_s: how long to wait for an answer
    :returns: what the controller says
    :raises NoController: it says nothing
    :raises DrainRefused: it cannot be done
    :raises StillDraining: it was not done within *wait_s*
    """
    keys.check_name(agent)
    end = operator_end(address, folder)
    talk = _Conversation(agent, wait_s, answer_s, clock.now_ns())
    with contextlib.closing(end):
        serve.serve(talk, endpoint_ports.AgentEndpoint(end))
    answer = talk.answer
    if answer is None:
        raise NoController(address=address, reason=talk.why)
    if not answer.is_accepted:
        raise DrainRefused(agent=agent, reason=answer.text)
    if wait_s and not answer.is_over:
        raise StillDraining(agent=agent, wait_s=wait_s, text=answer.text)
    return answer.text


def operator_end(
    address: str, folder: pathlib.Path | None
) -> agent_transport.AgentTransport:
    """A connection to a running controller, of its owner.

    :param folder: with its keys; None: those of the fleet that a task here
        has started, or else the default
    :raises NoController: there is no key to prove that with
    """
    try:
        key = keys.operator_key(
            folder or fleet_folders.keys_in_use(address)
        )
    except key_files.KeyFileMissing as e:
        reason = "key %(path)s cannot be read: %(reason)s" % e.kwargs
        raise NoController(address=address, reason=reason) from None
    return agent_transport.AgentTransport(
        {Channel.CONTROL: address}, key, codec.encode, codec.decode
    )


class _Conversation:
    """Asks until the controller has answered, and the drain is over."""

    def __init__(
        self, agent: str, wait_s: float, answer_s: float, now: int
    ) -> None:
        self.answer: messages.DrainAnswer | None = None
        self.why = "nobody listens there"
        self._agent = agent
        self._answer_by_ns = now + int(answer_s * NS)
        self._until_ns = now + int(wait_s * NS)
        self._asked_ns = 0
        self._again_ns = int(min(AGAIN_S, answer_s) * NS)
        self._now = now

    @property
    def finished(self) -> bool:
        if self.answer is None:
            return self._now >= self._answer_by_ns
        is_final = self.answer.is_over or not self.answer.is_accepted
        return is_final or self._now >= self._until_ns

    def next_deadline(self) -> int:
        end_ns = (
            self._answer_by_ns if self.answer is None else self._until_ns
        )
        return min(self._asked_ns + self._again_ns, end_ns)

    def expire(self, now: int) -> list[commands.Send]:
        """Ask, unless that was just done."""
        self._now = now
        if self.finished or now < self._asked_ns + self._again_ns:
            return []
        return self._ask(now)

    def handle(self, event: t.Any, now: int) -> list[commands.Send]:
        self._now = now
        if isinstance(event, channels.ConnectionEvent):
            return self._on_change(event.change, now)
        if isinstance(event, channels.Received) and (
            isinstance(event.message, messages.DrainAnswer)
            and event.message.agent == self._agent
        ):
            self.answer = event.message
        return []

    def _on_change(
        self, change: ConnectionChange, now: int
    ) -> list[commands.Send]:
        self.why = WHY.get(change, change.value)
        if change is ConnectionChange.CONNECTED:
            return self._ask(now)
        if self.answer is not None:
            self.answer = messages.DrainAnswer(
                self._agent, True, True, "the run is over"
            )
        return []

    def _ask(self, now: int) -> list[commands.Send]:
        self._asked_ns = now
        asked = messages.DrainAsked(self._agent)
        return [commands.Send("", Channel.CONTROL, asked)]
