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

import pathlib
import time
import typing as t

from rally import exceptions
from rally.task.distributed.security import key_files, keys
from rally.task.distributed.wire import channels, codec, messages, transport
from rally.task.distributed.wire.channels import Channel, ConnectionChange

#: how long a controller may take to answer
ANSWER_S = 10.0
#: what a connection that brings no answer has come to
WHY: t.Mapping[ConnectionChange, str] = {
    ConnectionChange.CONNECTED: "it is silent; perhaps it runs no task",
    ConnectionChange.UNREACHABLE: "nobody listens there",
    ConnectionChange.REFUSED: "it has another key",
    ConnectionChange.MISMATCHED: "it has another key, or is no controller",
}
#: an answer that does not come, or is not final, is asked for again
AGAIN_S = 1.0


class NoController(exceptions.RallyException):
    error_code = 148
    msg_fmt = (
        "No controller answered at %(address)s (%(reason)s), so nothing was "
        "asked of it. A controller listens only while a distributed task "
        "runs. Run this command on its host, with its keys, and name its "
        "address with --controller if the task has an option `listen`."
    )


class DrainRefused(exceptions.RallyException):
    error_code = 149
    msg_fmt = "Agent %(agent)s is not drained: %(reason)s."


class StillDraining(exceptions.RallyException):
    error_code = 146
    msg_fmt = (
        "Agent %(agent)s still drains after %(wait_s)g s: %(text)s. It gets "
        "no more work, but iterations that it has started go on until they "
        "end, and then its results are fetched. Ask again with --wait."
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
    try:
        key = keys.operator_key(folder)
    except key_files.KeyFileMissing as e:
        reason = "key %(path)s cannot be read: %(reason)s" % e.kwargs
        raise NoController(address=address, reason=reason) from None
    end = transport.AgentTransport(
        {Channel.CONTROL: address}, key, codec.encode, codec.decode
    )
    try:
        answer = _Conversation(end, agent, address, answer_s).ask(wait_s)
    finally:
        end.close()
    if not answer.is_accepted:
        raise DrainRefused(agent=agent, reason=answer.text)
    if wait_s and not answer.is_over:
        raise StillDraining(agent=agent, wait_s=wait_s, text=answer.text)
    return answer.text


class _Conversation:
    """Asks until the controller has answered, and the drain is over."""

    def __init__(
        self, end: channels.AgentEnd, agent: str, address: str,
        answer_s: float,
    ) -> None:
        self._end = end
        self._agent = agent
        self._address = address
        self._answer_s = answer_s
        self._answer: messages.DrainAnswer | None = None
        self._why = "nobody listens there"

    def ask(self, wait_s: float) -> messages.DrainAnswer:
        began = time.monotonic()
        while not self._is_settled(wait_s, time.monotonic() - began):
            self._hear(self._end.receive(min(AGAIN_S, self._answer_s)))
        if self._answer is None:
            raise NoController(address=self._address, reason=self._why)
        return self._answer

    def _is_settled(self, wait_s: float, waited_s: float) -> bool:
        if self._answer is None:
            return waited_s >= self._answer_s
        is_final = self._answer.is_over or not self._answer.is_accepted
        return is_final or waited_s >= wait_s

    def _hear(self, incoming: list[channels.Incoming]) -> None:
        for each in incoming:
            if isinstance(each, channels.ConnectionEvent):
                self._note(each.change)
            elif isinstance(each, channels.Received) and (
                isinstance(each.message, messages.DrainAnswer)
                and each.message.agent == self._agent
            ):
                self._answer = each.message
                return
        self._end.send(Channel.CONTROL, messages.DrainAsked(self._agent))

    def _note(self, change: ConnectionChange) -> None:
        self._why = WHY.get(change, change.value)
        has_left = change is not ConnectionChange.CONNECTED
        if has_left and self._answer is not None:
            self._answer = messages.DrainAnswer(
                self._agent, True, True, "the run is over"
            )
