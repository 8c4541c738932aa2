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

"""The agent: messages in, commands out.

No I/O, no threads, no clock: ``now`` is given, nanoseconds since the epoch
on the agent's clock. The agent holds at most one run. Its lease is enforced
in the load process itself, in memory that the workers share: a frozen or
dead agent process renews nothing, so nothing is started.
"""

from __future__ import annotations

import typing as t

from rally.task.distributed import notices
from rally.task.distributed.agent import (
    delivering,
    held_run,
    liveness,
    shutdown,
    spare_load,
)
from rally.task.distributed.agent.state import (
    TRANSITIONS,
    IllegalEvent,
    LoadEvent,
    LoadState,
)
from rally.task.distributed.commands import (
    Command,
    DiscardSpool,
    EndLoad,
    Say,
    Send,
    StartLoad,
    TellLoad,
)
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel

__all__ = ["Agent", "IllegalEvent", "LoadEvent", "LoadState", "TRANSITIONS"]


class Agent(delivering.Delivering):
    """State machine of one agent."""

    def __init__(
        self,
        instance: str,
        rally_version: str,
        host: str,
        cpus: int,
        now: int,
        spooled: t.Mapping[str, int] | None = None,
        torn: t.Mapping[str, int] | None = None,
    ) -> None:
        """:param spooled: and *torn*: see ``HeldRun``"""
        self.state = LoadState.DIALING
        self.finished = False
        self._held = held_run.HeldRun(spooled or {}, torn or {})
        self._hello = messages.Hello(instance, rally_version, host, cpus, now)
        self._presence = liveness.Presence(now)
        self._rejection = ""
        self._spare = spare_load.SpareLoad()
        self._shutdown = shutdown.Shutdown()
        self._handlers = self._table()

    def _table(self) -> dict[type, t.Callable[..., list[Command]]]:
        return {
            messages.Welcome: self._on_welcome,
            messages.Rejected: self._on_rejected,
            messages.Prepare: self._on_prepare,
            messages.Beat: self._on_beat,
            messages.Grant: self._on_grant,
            messages.Start: self._on_start,
            messages.Close: self._on_close,
            messages.Stop: self._on_stop,
            messages.Done: self._on_done,
            messages.Fetch: self._on_fetch,
            messages.Ack: self._on_ack,
            messages.LoadReady: self._on_load_ready,
            messages.LoadRefused: self._on_load_refused,
            messages.LoadLow: self._on_load_low,
            messages.LoadStatus: self._on_load_status,
            messages.LoadSpooled: self._on_load_spooled,
            messages.LoadEnded: self._on_load_ended,
            messages.Snapshot: self._pass_on,
            messages.Started: self._pass_on,
            messages.Report: self._on_report,
            notices.LoadGone: self._on_load_gone,
            notices.SpoolFound: self._on_spool_found,
            notices.ShutdownAsked: self._on_shutdown,
        }

    # ---- the interface to the shell

    @property
    def run(self) -> str:
        """The run it works for; empty without one."""
        return self._held.run

    def next_deadline(self) -> int:
        """When ``expire`` wants to be called at the latest."""
        deadline = self._presence.next_deadline(self._is_dialing)
        return self._shutdown.deadline(deadline)

    @property
    def _is_dialing(self) -> bool:
        return self.state is LoadState.DIALING

    def handle(
        self,
        message: messages.Message | messages.LoadMessage | notices.Notice,
        now: int,
    ) -> list[Command]:
        """What to do about *message*, whoever it came from."""
        handler = self._handlers.get(type(message))
        return handler(message, now) if handler else []

    def expire(self, now: int) -> list[Command]:
        """What is due by now."""
        commands: list[Command] = []
        if self._shutdown.is_over(self._held, self._presence, now):
            self.finished = True
            return [EndLoad()]
        commands += self._wind_up(now)
        commands += self._spare.expire(now)
        if self._presence.is_controller_gone(now):
            commands += self._controller_gone()
        if self._presence.must_say_hello(self._is_dialing, now):
            commands.append(self._say_hello(now))
        return commands

    def connected(self, now: int) -> list[Command]:
        """The control channel has just been (re)established."""
        return [self._say_hello(now)]

    def hello(self, now: int = 0) -> messages.Hello:
        """How this agent introduces itself, on any channel."""
        return messages.Hello(
            self._hello.instance, self._hello.rally_version,
            self._hello.host, self._hello.cpus, now, self.run,
            self._held.spooled_runs,
        )

    def _say_hello(self, now: int) -> Send:
        self._presence.said_hello(now)
        return self._to(self.hello(now))

    @staticmethod
    def _to(
        message: messages.Message, channel: Channel = Channel.CONTROL
    ) -> Send:
        return Send("", channel, message)

    def _advance(self, event: LoadEvent) -> None:
        try:
            self.state = TRANSITIONS[self.state, event]
        except KeyError:
            raise IllegalEvent(
                state=self.state.value, event=event.value
            ) from None

    def _may(self, event: LoadEvent) -> bool:
        return (self.state, event) in TRANSITIONS

    # ---- joining

    def _on_welcome(
        self, message: messages.Welcome, now: int
    ) -> list[Command]:
        self._presence.hear(now)
        self._rejection = ""
        commands: list[Command] = []
        if self.state is LoadState.DIALING:
            self._advance(LoadEvent.WELCOMED)
            commands.append(Say("the controller accepted this agent"))
        if self.state is LoadState.JOINED:
            commands += self._spare.warm(message.code, now)
        return commands

    def _on_rejected(
        self, message: messages.Rejected, now: int
    ) -> list[Command]:
        if message.reason == self._rejection:
            return []
        self._rejection = message.reason
        text = "the controller refused this agent: %s" % message.reason
        return [Say(text, True)]

    def _controller_gone(self) -> list[Command]:
        if self._may(LoadEvent.CONTROLLER_GONE):
            self._advance(LoadEvent.CONTROLLER_GONE)
            return [Say("the controller is gone; dialing again")]
        stop = self._stop_load("the controller is gone")
        return stop and [
            Say("the controller is gone: the load stops, what was done "
                "stays in the spool", True),
            *stop,
        ]

    # ---- preparing

    def _on_prepare(
        self, message: messages.Prepare, now: int
    ) -> list[Command]:
        self._presence.hear(now)
        if message.run == self.run:
            if self.state is LoadState.READY:
                return [self._to(messages.Ready(self.run))]
            return []
        if self.state is not LoadState.JOINED:
            return []
        self._held.begin(message.run, message.code.task)
        self._advance(LoadEvent.TOLD_TO_PREPARE)
        return [
            Say("run %s: preparing %s" % (self.run, message.scenario)),
            *self._spare.take(message.code.task),
            StartLoad(message),
        ]

    def _on_load_ready(
        self, message: messages.LoadReady, now: int
    ) -> list[Command]:
        if self.state is not LoadState.PREPARING:
            return []
        self._advance(LoadEvent.PREPARED)
        return [self._to(messages.Ready(self.run))]

    def _on_load_refused(
        self, message: messages.LoadRefused, now: int
    ) -> list[Command]:
        refused = messages.Refused(self.run, message.reason)
        if self._may(LoadEvent.REFUSED):
            self._advance(LoadEvent.REFUSED)
        run = self.run
        self._held.forget(run)
        self.finished = self._shutdown.is_asked
        text = "run %s cannot be prepared: %s" % (run, message.reason)
        return [
            self._to(refused), Say(text, True), EndLoad(), DiscardSpool(run)
        ]

    # ---- running

    def _on_beat(self, message: messages.Beat, now: int) -> list[Command]:
        self._presence.hear(now)
        heartbeat = self._held.heartbeat(self.state.value, message, now)
        commands: list[Command] = [self._to(heartbeat)]
        if message.run == self.run and message.lease_s > 0:
            deadline = self._presence.lease_end(message, now)
            commands.append(TellLoad(messages.LoadRenew(deadline)))
        if self._held.ended is not None and message.run == self.run:
            commands.append(self._to(self._held.ended))
        if self._presence.must_attach(now):
            commands += [
                self._to(self.hello(now), channel)
                for channel in (Channel.AGGREGATES, Channel.RESULTS)
            ]
        return commands

    def _on_grant(self, message: messages.Grant, now: int) -> list[Command]:
        self._presence.hear(now)
        is_open = not self._shutdown.is_asked and self.state in (
            LoadState.READY, LoadState.RUNNING
        )
        if not is_open or not self._held.takes(message):
            return []
        return [TellLoad(message)]

    def _on_start(self, message: messages.Start, now: int) -> list[Command]:
        self._presence.hear(now)
        if message.run != self.run or self.state is not LoadState.READY:
            return []
        self._advance(LoadEvent.STARTED)
        start = messages.LoadStart(message.at_ns, message.is_takeover)
        return [TellLoad(start)]

    def _on_close(self, message: messages.Close, now: int) -> list[Command]:
        self._presence.hear(now)
        is_open = message.run == self.run and self.state is LoadState.RUNNING
        if not is_open or message.lease != self._held.lease:
            return []  # it will be said again
        self._held.is_closed = True
        return [TellLoad(message)]

    def _on_stop(self, message: messages.Stop, now: int) -> list[Command]:
        self._presence.hear(now)
        if message.run != self.run or self.state in (
            LoadState.DIALING, LoadState.JOINED
        ):
            # not running here (any more): what the spool has is all
            return [self._to(self._held.abandoned(message.run))]
        stop = self._stop_load(message.reason)
        text = "run %s: the load stops: %s" % (self.run, message.reason)
        return stop and [Say(text), *stop]

    def _on_load_low(
        self, message: messages.LoadLow, now: int
    ) -> list[Command]:
        self._held.progressed(message, now)
        return [self._to(self._held.work_request())]

    def _on_load_status(
        self, message: messages.LoadStatus, now: int
    ) -> list[Command]:
        self._held.progressed(message, now)
        return []

    def _pass_on(
        self, message: messages.Snapshot | messages.Started, now: int
    ) -> list[Command]:
        return [self._to(message, Channel.AGGREGATES)]

    def _on_report(
        self, message: messages.Report, now: int
    ) -> list[Command]:
        return [self._to(message), Say(message.text, True)]

    # ---- the end

    def _on_load_ended(
        self, message: messages.LoadEnded, now: int
    ) -> list[Command]:
        can_end = self._may(LoadEvent.LOAD_ENDED)
        if can_end and message.is_reusable and self._held.task:
            self._spare.keep(self._held.task, now)
        return self._end(self._held.ended_by(message))

    def _on_load_gone(
        self, message: notices.LoadGone, now: int
    ) -> list[Command]:
        if self._spare.is_there:
            self._spare.lose()
            return [Say("while it waited, %s" % message.reason, True)]
        if self._held.ended is not None or not self._may(LoadEvent.LOAD_ENDED):
            return []  # it had said all it had to say
        # it may have died between keeping a chunk and saying so
        self._held.found(self.run, message.spooled, message.torn)
        return [
            Say(message.reason, True),
            *self._end(self._held.abandoned(self.run, message.reason)),
        ]

    def _end(self, ended: messages.Ended) -> list[Command]:
        if not self._may(LoadEvent.LOAD_ENDED):
            return []
        self._advance(LoadEvent.LOAD_ENDED)
        self._held.ended = ended
        return [
            self._to(ended),
            *([] if self._spare.is_there else [EndLoad()]),
            Say("run %s: the load is over; %d chunk(s) were spooled"
                % (self.run, ended.spooled)),
        ]

    def _on_done(self, message: messages.Done, now: int) -> list[Command]:
        self._presence.hear(now)
        is_ours = message.run == self.run
        self._held.forget(message.run)
        commands: list[Command] = [DiscardSpool(message.run)]
        if is_ours or self.state is LoadState.JOINED:
            if self._may(LoadEvent.RUN_OVER):
                self._advance(LoadEvent.RUN_OVER)
                commands.append(self._say_hello(now))  # the next may wait
            if not self._spare.is_there:
                commands.append(EndLoad())
            commands.append(Say("run %s is over" % message.run))
            self._presence.forget_run()
        self.finished = self._shutdown.is_asked
        return commands

    def _on_shutdown(
        self, message: notices.ShutdownAsked, now: int
    ) -> list[Command]:
        if self.state in (LoadState.DIALING, LoadState.JOINED):
            self.finished = True
            return []
        self._shutdown.ask(now)
        return self._wind_up(now)

    def _wind_up(self, now: int) -> list[Command]:
        if not self._shutdown.stops_load(self._held, now):
            return []
        return self._stop_load("the agent ends")

    def _stop_load(self, reason: str) -> list[Command]:
        if not self._may(LoadEvent.STOPPED):
            return []
        self._advance(LoadEvent.STOPPED)
        return [TellLoad(messages.Stop(self.run, reason))]
