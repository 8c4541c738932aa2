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


"""The agents that a task has started for itself, and where they dial.

To start them takes seconds to minutes, so the workloads of a task share
them: one after the other is lent the transport. In between somebody answers
the agents, so that they stay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import threading
import time
import types
import typing as t
import weakref

import msgspec

from rally.common import logging, version
from rally.task import agent_provider
from rally.task.distributed import fleet_folders, notices, reception, spool
from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel

LOG = logging.getLogger(__name__)

#: an agent that no controller has answered for so long ends
GIVE_UP_AFTER_S = 600.0
#: of so many agents it is shown what they printed at last
MAX_TAILS, TAILS_S = 5, 20.0
LOOPBACK = "tcp://127.0.0.1:*"

Tell: t.TypeAlias = t.Callable[[t.Any], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a workload says about the agents that it wants started."""

    task: str  # uuid
    provider: str
    config: t.Mapping[str, t.Any]
    listen: str | None  # address of the control channel; None: the default
    advertise: str | None  # where agents dial; None: this host


class Fleet:
    """A context manager: agents of one provider, and their ports.

    ``want`` has them started, ``lent`` gives them to a run.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._listener: Tell | None = None  # of the run that has them
        self._failed: dict[str, agent_provider.Failed] = {}
        self._pending: agent_provider.Pending | None = None  # the last
        self.last_run = ""  # had them before, and is over
        self._claim: int | None = None
        self._left: list[str] = []  # what could not be ended
        itself = weakref.ref(self)

        def let_go() -> None:
            fleet = itself()
            if fleet is not None:
                fleet._give_back()

        # such as a worker, which may outlive this process
        os.register_at_fork(after_in_child=let_go)

    def _give_back(self) -> None:
        """End the claim of the folder."""
        claim, self._claim = self._claim, None
        if claim is not None:
            os.close(claim)

    def __enter__(self) -> Fleet:
        provider_cls = agent_provider.AgentProvider.get(self._wanted.provider)
        fleet_folders.sweep(time.time())
        with contextlib.ExitStack() as stack:
            self.path = fleet_folders.make(provider_cls)
            stack.callback(self._remove_folder)
            self._claim = spool.lock(self.path)
            stack.callback(self._give_back)
            note = self._note(provider_cls)
            fleet_folders.write_note(self.path, note)
            self.transport = reception.listen(
                note.listen, self.path / fleet_folders.KEYS
            )
            stack.callback(self.transport.close)
            if not channels.split_address(note.listen)[1]:
                # for an operator: the port is known now
                note = msgspec.structs.replace(
                    note, listen=self.transport.endpoints[Channel.CONTROL]
                )
                fleet_folders.write_note(self.path, note)
            self._reception = reception.Reception(
                self.transport, version.__version__
            )
            self._reception.open()
            stack.callback(self._reception.close)
            self._provider = provider_cls(
                note.config, self._order(note), self._told
            )
            stack.callback(self._end)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: types.TracebackType | None,
    ) -> None:
        self._stack.close()

    def _note(
        self, provider_cls: type[agent_provider.AgentProvider]
    ) -> fleet_folders.Note:
        wanted = self._wanted
        listen = wanted.listen or reception.DEFAULT_ADDRESS
        if not provider_cls.OUTLIVES_CONTROLLER:
            listen = LOOPBACK
        return fleet_folders.Note(
            task=wanted.task, provider=wanted.provider,
            config=dict(wanted.config), listen=listen,
            controller=wanted.advertise or channels.address_to_dial(
                listen, socket.gethostname()
            ),
            give_up_after_s=GIVE_UP_AFTER_S,
        )

    def _order(self, note: fleet_folders.Note) -> agent_provider.Order:
        return dataclasses.replace(
            note.order(self.path),
            join=fleet_folders.token(self.path, note),
            endpoints=tuple(
                self.transport.endpoints[channel] for channel in Channel
            ),
            authorize=lambda name: keys.authorize(
                name, self.path / fleet_folders.KEYS
            ),
        )

    def _end(self) -> None:
        count = self._provider.count(self._wanted.config)
        self._left = ["a person did not wait for their end"]
        self._left = self._provider.end(
            time.monotonic() + fleet_folders.end_s(count)
        )
        for problem in self._left:
            LOG.warning("%s agents: %s" % (self._wanted.provider, problem))

    def _remove_folder(self) -> None:
        """Unless something is left to be ended: ``sweep`` will try it."""
        if self._left:
            (self.path / fleet_folders.ENDED_FILE).touch()
        else:
            fleet_folders.remove(self.path)

    # ---- how many there are

    def want(self, code: messages.Code) -> None:
        """Have all of them; does not wait until they are ready.

        :param code: what they may import until there is a run
        """
        self._reception.expect(code)
        with self._lock:
            self._failed.clear()
            self._pending = None
        self._provider.start()

    def _told(self, news: agent_provider.Pending | agent_provider.Failed
              ) -> None:
        """Hear from the provider; in any thread."""
        with self._lock:
            if isinstance(news, agent_provider.Failed):
                self._failed[news.agent] = news
            else:
                self._pending = news
            if self._listener is not None:
                self._listener(_notice(news))
                return
        LOG.info(
            "%s agents: %s%s" % (
                self._wanted.provider, news.reason,
                " (%s)" % news.agent
                if isinstance(news, agent_provider.Failed) else "",
            )
        )

    # ---- runs

    @contextlib.contextmanager
    def lent(self, run: str) -> t.Iterator[list[channels.Received]]:
        """Lend agents and transport to *run*; yields the hellos so far."""
        (self.path / (fleet_folders.RUN + run)).touch()
        with self._reception.lent() as hellos:
            self.transport.counters.clear()
            try:
                yield [
                    each for each in hellos
                    if self._provider.has(each.peer, each.message.instance)
                ]
            finally:
                self.last_run = run
                with self._lock:
                    self._listener = None

    def report_to(self, tell: Tell) -> None:
        """Have *tell* called when one ends in this run, or ended before, and
        with why not all run yet."""
        with self._lock:
            self._listener = tell
            if self._pending is not None:
                tell(_notice(self._pending))
            for failed in self._failed.values():
                tell(_notice(failed))

    def explain(
        self, came: t.Collection[str], lost: t.Iterable[str]
    ) -> t.Iterator[str]:
        """What those printed at last that were lost, or never came."""
        silent = [
            name for name in self._provider.names()
            if name not in came and name not in self._failed
        ]
        until_s = time.monotonic() + TAILS_S
        for name in [*lost, *silent][:MAX_TAILS]:
            if time.monotonic() > until_s:
                return
            tail = self._provider.tail(name)
            if tail:
                yield "agent %s printed at last:\n%s" % (name, tail)

    def retire(self, names: t.Collection[str]) -> None:
        """These are not fit for another run as they are."""
        self._provider.retire(names)


def _notice(
    news: agent_provider.Pending | agent_provider.Failed
) -> notices.ControllerNotice:
    if isinstance(news, agent_provider.Failed):
        return notices.AgentLeft(news.agent, news.reason, news.tail)
    return notices.AgentsPending(news.reason)
