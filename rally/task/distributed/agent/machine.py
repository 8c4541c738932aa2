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

import enum
import typing as t

import msgspec

from rally import exceptions
from rally.common.counting import counted
from rally.task.distributed import notices
from rally.task.distributed import shipment as shipment_module
from rally.task.distributed.agent import (
    event_log,
    held_run,
    incoming,
    liveness,
    load_watch,
    shutdown,
    spare_load,
)
from rally.task.distributed.commands import (
    Command,
    DiscardSpool,
    EndLoad,
    KillLoad,
    RemoveChunk,
    Say,
    Send,
    SendChunk,
    StartLoad,
    TellLoad,
)
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel, Delivery

Event: t.TypeAlias = (
    channels.Received | channels.ConnectionEvent | messages.LoadMessage
    | notices.AgentNotice
)


class LoadState(enum.Enum):
    """What an agent is doing. The controller sees it in each heartbeat."""

    DIALING = "dialing"  # nobody has answered yet
    JOINED = "joined"  # accepted; holds no run
    PREPARING = "preparing"  # its load process imports, checks, forks
    READY = "ready"  # waits for the start
    RUNNING = "running"  # makes load while its lease lasts
    STOPPING = "stopping"  # starts nothing more; iterations finish
    DELIVERING = "delivering"  # load is over; chunks wait to be collected


class LoadEvent(enum.Enum):
    """What moves an agent on."""

    WELCOMED = "welcomed"
    TOLD_TO_PREPARE = "told to prepare"
    PREPARED = "prepared"
    REFUSED = "refused"
    STARTED = "started"
    STOPPED = "stopped"
    LOAD_ENDED = "load ended"
    RUN_OVER = "run over"
    CONTROLLER_GONE = "controller gone"


_S, _E = LoadState, LoadEvent
TRANSITIONS: t.Mapping[tuple[LoadState, LoadEvent], LoadState] = {
    (_S.DIALING, _E.WELCOMED): _S.JOINED,
    (_S.JOINED, _E.TOLD_TO_PREPARE): _S.PREPARING,
    (_S.JOINED, _E.CONTROLLER_GONE): _S.DIALING,
    (_S.JOINED, _E.RUN_OVER): _S.DIALING,
    (_S.PREPARING, _E.PREPARED): _S.READY,
    (_S.PREPARING, _E.REFUSED): _S.JOINED,
    (_S.PREPARING, _E.STOPPED): _S.STOPPING,
    (_S.PREPARING, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.PREPARING, _E.RUN_OVER): _S.DIALING,
    (_S.READY, _E.STARTED): _S.RUNNING,
    (_S.READY, _E.STOPPED): _S.STOPPING,
    (_S.READY, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.READY, _E.RUN_OVER): _S.DIALING,
    (_S.RUNNING, _E.STOPPED): _S.STOPPING,
    (_S.RUNNING, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.RUNNING, _E.RUN_OVER): _S.DIALING,
    # the stop came while its load process was still preparing
    (_S.STOPPING, _E.REFUSED): _S.JOINED,
    (_S.STOPPING, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.STOPPING, _E.RUN_OVER): _S.DIALING,
    (_S.DELIVERING, _E.RUN_OVER): _S.DIALING,
    (_S.DELIVERING, _E.CONTROLLER_GONE): _S.DIALING,
}


class IllegalEvent(exceptions.RallyException):
    error_code = 144
    msg_fmt = (
        "An agent that is %(state)s cannot take the event '%(event)s'. This "
        "is a defect of Rally; report it together with the agent's log."
    )


class RunProgress(t.NamedTuple):
    """How far an agent is with a run."""

    lease: int  # number of its newest one
    drawn: int  # iterations started
    remaining: int  # granted and not started


class Agent:
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
        unfit: str = "",
        labels: t.Mapping[str, str] | None = None,
        give_up_after_s: float | None = None,
        takes_plugins: bool = True,
    ) -> None:
        """:param spooled: and *torn*: see ``HeldRun``

        :param unfit: why it can make no load, only deliver what it has
        :param labels: that it gives itself
        :param give_up_after_s: it ends once no controller has been heard for
            so long; None: never
        :param takes_plugins: whether a controller may send some with a run
        """
        self.state = LoadState.DIALING
        self.finished = False
        self._held = held_run.HeldRun(spooled or {}, torn or {})
        self._hello = messages.Hello(
            instance, rally_version, host, cpus, now,
            labels=dict(labels or {}),
        )
        self._unfit = unfit
        self._takes_plugins = takes_plugins
        self._liveness = liveness.Liveness(now, give_up_after_s)
        self._rejection = ""
        self._is_missed = False  # its controller, and that was said
        self._spare = spare_load.SpareLoad()
        self._shutdown = shutdown.Shutdown()
        self._load_watch = load_watch.LoadWatch(now)
        self._events = event_log.EventLog()
        self._prepare: messages.Prepare | None = None  # waits for content
        self._incoming: incoming.Incoming | None = None
        self._contents: dict[str, bytes] = {}  # of the last run, by digest
        self._needed_ns = now  # when they were, last
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
            messages.Part: self._on_part,
            messages.LoadReady: self._on_load_ready,
            messages.LoadRefused: self._on_load_refused,
            messages.LoadLow: self._on_load_low,
            messages.LoadStatus: self._on_load_status,
            messages.LoadSpooled: self._on_load_spooled,
            messages.LoadEnded: self._on_load_ended,
            messages.Snapshot: self._pass_on,
            messages.Started: self._on_event,
            messages.Report: self._on_report,
            channels.ConnectionEvent: self._on_connection,
            notices.NotSent: self._on_not_sent,
            notices.LoadGone: self._on_load_gone,
            notices.SpoolFound: self._on_spool_found,
            notices.ShutdownAsked: self._on_shutdown,
        }

    # ---- the interface to the shell

    @property
    def run(self) -> str:
        """The run it works for; empty without one."""
        return self._held.run

    @property
    def progress(self) -> RunProgress:
        """How far it is with the run it works for."""
        held = self._held
        return RunProgress(held.lease, held.drawn, held.remaining)

    def next_deadline(self) -> int:
        """When ``expire`` wants to be called at the latest."""
        deadline = self._liveness.next_deadline(self._is_dialing)
        if self._makes_load:
            deadline = min(deadline, self._load_watch.next_look)
        return self._shutdown.deadline(deadline)

    @property
    def _makes_load(self) -> bool:
        """Whether its load process should be heard."""
        return self.state in (LoadState.RUNNING, LoadState.STOPPING)

    @property
    def _is_free(self) -> bool:
        """Whether it holds no run."""
        return self.state in (LoadState.DIALING, LoadState.JOINED)

    @property
    def _is_dialing(self) -> bool:
        return self.state is LoadState.DIALING

    def handle(self, event: Event, now: int) -> list[Command]:
        """What to do about *event*, whoever it came from."""
        message: t.Any = event
        if isinstance(event, channels.Received):
            message = event.message
        elif isinstance(event, messages.LoadMessage):
            self._load_watch.hear()
        handler = self._handlers.get(type(message))
        return handler(message, now) if handler else []

    def expire(self, now: int) -> list[Command]:
        """What is due by now."""
        commands: list[Command] = []
        if self._shutdown.is_over(self._held, self._liveness, now):
            self.finished = True
            return [EndLoad()]
        commands += self._give_up(now)
        commands += self._wind_up(now)
        commands += self._spare.expire(now)
        commands += self._watch_load(now)
        if self._is_free and now - self._needed_ns >= spare_load.KEEP_NS:
            self._contents = {}  # there are secrets in it
        if self._incoming is not None:
            commands += self._incoming.expire(now)
        if self._liveness.is_controller_gone(now):
            commands += self._controller_gone(now)
        if self._liveness.must_say_hello(self._is_dialing, now):
            commands.append(self._say_hello(now))
        return commands

    def _watch_load(self, now: int) -> list[Command]:
        """Kill a load process that hangs; what follows is ``LoadGone``."""
        if not self._makes_load or not self._load_watch.finds_it_hung(now):
            return []
        return [KillLoad(
            "was killed because it hung: it said nothing for %d s"
            % load_watch.LOOKS
        )]

    def _on_connection(
        self, event: channels.ConnectionEvent, now: int
    ) -> list[Command]:
        """A hello on each channel tells the controller where to answer."""
        if event.change is not channels.ConnectionChange.CONNECTED:
            return []
        if event.channel is Channel.CONTROL:
            return [self._say_hello(now)]
        return [self._to(self.hello(now), event.channel)]

    def _on_not_sent(
        self, notice: notices.NotSent, now: int
    ) -> list[Command]:
        """Most is said or asked for again; what is too large never fits."""
        message = notice.message
        if notice.why is not Delivery.TOO_LARGE:
            return []
        if isinstance(message, messages.ChunkData):
            return [self._to(messages.ChunkMissing(
                message.run, message.sequence,
                "chunk %d is too large to be sent" % message.sequence,
            ))]
        if isinstance(message, messages.Ended) and message.aggregate:
            # the controller counts its rows instead
            self._held.ended = msgspec.structs.replace(
                message, aggregate=b""
            )
            return [self._to(self._held.ended)]
        return []

    def hello(self, now: int = 0) -> messages.Hello:
        """How this agent introduces itself, on any channel."""
        return msgspec.structs.replace(
            self._hello, sent_ns=now, run=self.run,
            spooled=self._held.spooled_runs,
        )

    def _say_hello(self, now: int) -> Send:
        self._liveness.said_hello(now)
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
        self._liveness.hear(now)
        self._rejection = ""
        self._is_missed = False
        commands = self._leave_run_for(message.run, now)
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

    def _controller_gone(self, now: int) -> list[Command]:
        if self._may(LoadEvent.CONTROLLER_GONE):
            self._advance(LoadEvent.CONTROLLER_GONE)
            return [Say("the controller is gone; dialing again")]
        if self._is_dialing:
            return []  # it waits for nobody in particular
        if not self._liveness.has_given_up(now):
            first, self._is_missed = not self._is_missed, True
            return [
                Say("the controller is silent: nothing is started until it "
                    "is heard again; what was done stays in the spool", True)
            ] if first else []
        stop = self._stop_load("the controller is gone")
        return stop and [
            Say("the controller is gone for good: the load ends", True),
            *stop,
        ]

    def _leave_run_for(self, run: str, now: int) -> list[Command]:
        """The controller has *run*: if it is another one, ours is gone.

        There is one controller at an address at a time. What it said of the
        run before may be late, so ours has to be silent, too.
        """
        if run == self.run:
            self._liveness.hear_run(now)
        if run in ("", self.run) or self.state in (
            LoadState.DIALING, LoadState.JOINED
        ) or not self._liveness.is_run_silent(now):
            return []
        if self.state is LoadState.DELIVERING:
            self._advance(LoadEvent.CONTROLLER_GONE)
            return [Say("run %s is over for this agent; what it kept of it "
                        "stays in the spool" % self.run, True)]
        return self._stop_load("its controller has made room for another")

    # ---- preparing

    def _on_prepare(
        self, message: messages.Prepare, now: int
    ) -> list[Command]:
        self._liveness.hear(now)
        if message.run == self.run:
            if self.state is LoadState.READY:
                return [self._to(messages.Ready(self.run))]
            return []
        if self.state is not LoadState.JOINED:
            return []
        if unfit := self._unfit or self._problem_with(message.shipment):
            return [
                self._to(messages.Refused(message.run, unfit)),
                Say("run %s is refused: %s" % (message.run, unfit), True),
            ]
        self._held.begin(
            message.run, message.code.task, message.first_chunk
        )
        self._liveness.hear_run(now)
        self._events = event_log.EventLog()
        self._advance(LoadEvent.TOLD_TO_PREPARE)
        return [
            Say("run %s: preparing %s" % (self.run, message.scenario)),
            *self._fetch_contents(message, now),
        ]

    def _problem_with(self, shipment: messages.Shipment | None) -> str:
        """Why it does not take what comes with a run; empty: it does."""
        if shipment is None:
            return ""
        if not self._takes_plugins:
            return ("it takes no plugins from a controller, since it was "
                    "started with --no-shipping")
        problem = shipment_module.problem_with(shipment)
        return problem and "what is shipped is not taken: %s" % problem

    def _fetch_contents(
        self, prepare: messages.Prepare, now: int
    ) -> list[Command]:
        """Begin the load once its contents are here."""
        wanted = [
            prepare.content, *shipment_module.contents(prepare.shipment)
        ]
        digests = {content.digest for content in wanted}
        self._contents = {
            digest: data for digest, data in self._contents.items()
            if digest in digests
        }
        self._prepare = prepare
        self._incoming = incoming.Incoming(prepare.run, [
            content for content in wanted
            if content.digest not in self._contents
        ])
        return [*self._incoming.begin(now), *self._start_if_complete()]

    def _on_part(self, part: messages.Part, now: int) -> list[Command]:
        self._liveness.hear(now)
        if self._incoming is None:
            return []
        return [
            *self._incoming.take(part, now), *self._start_if_complete()
        ]

    def _start_if_complete(self) -> list[Command]:
        prepare = self._prepare
        if self._incoming is None or prepare is None or (
            not self._incoming.is_complete
        ):
            return []
        fetched = self._incoming.contents()
        self._forget_incoming()
        if fetched is None:
            return self._refuse(
                "the content it received does not match its digest"
            )
        self._contents.update(fetched)
        shipped = {
            content.digest: self._contents[content.digest]
            for content in shipment_module.contents(prepare.shipment)
        }
        return [
            *self._spare.take(prepare.code.task),
            StartLoad(
                prepare, self._contents[prepare.content.digest], shipped
            ),
        ]

    def _forget_incoming(self) -> None:
        self._incoming = self._prepare = None

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
        return self._refuse(message.reason, message.differences)

    def _refuse(
        self, reason: str,
        differences: tuple[messages.Difference, ...] = (),
    ) -> list[Command]:
        refused = messages.Refused(self.run, reason, differences)
        if self._may(LoadEvent.REFUSED):
            self._advance(LoadEvent.REFUSED)
        run = self.run
        self._held.forget(run)
        self.finished = self._shutdown.is_asked
        text = "run %s cannot be prepared: %s" % (run, reason)
        return [
            self._to(refused), Say(text, True), EndLoad(), DiscardSpool(run)
        ]

    # ---- running

    def _on_beat(self, message: messages.Beat, now: int) -> list[Command]:
        self._liveness.hear(now)
        self._is_missed = False
        heartbeat = self._held.heartbeat(self.state.value, message, now)
        commands: list[Command] = [
            self._to(heartbeat), *self._leave_run_for(message.run, now)
        ]
        if message.run == self.run:
            commands += self._on_own_beat(message, now)
        if self._liveness.must_attach(now):
            commands += [
                self._to(self.hello(now), channel)
                for channel in (Channel.AGGREGATES, Channel.RESULTS)
            ]
        return commands

    def _on_own_beat(
        self, beat: messages.Beat, now: int
    ) -> list[Command]:
        """A beat of the run it works for."""
        commands: list[Command] = [
            self._to(events)
            for events in self._events.noted(beat.noted, self.run, now)
        ]
        if beat.lease_s > 0 and beat.heard_ns:
            deadline = beat.heard_ns + int(beat.lease_s * liveness.NS)
            commands.append(TellLoad(messages.LoadRenew(deadline)))
        if self._held.ended is not None:
            commands.append(self._to(self._held.ended))
        return commands

    def _on_grant(self, message: messages.Grant, now: int) -> list[Command]:
        self._liveness.hear(now)
        is_open = not self._shutdown.is_asked and self.state in (
            LoadState.READY, LoadState.RUNNING
        )
        if not is_open or not self._held.takes(message):
            return []
        return [TellLoad(message)]

    def _on_start(self, message: messages.Start, now: int) -> list[Command]:
        self._liveness.hear(now)
        if message.run != self.run or self.state is not LoadState.READY:
            return []
        self._advance(LoadEvent.STARTED)
        self._load_watch = load_watch.LoadWatch(now)
        start = messages.LoadStart(message.at_ns, message.is_takeover)
        return [TellLoad(start)]

    def _on_close(self, message: messages.Close, now: int) -> list[Command]:
        self._liveness.hear(now)
        is_open = message.run == self.run and self.state is LoadState.RUNNING
        if not is_open or message.lease != self._held.lease:
            return []  # it will be said again
        self._held.is_closed = True
        return [TellLoad(message)]

    def _on_stop(self, message: messages.Stop, now: int) -> list[Command]:
        self._liveness.hear(now)
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
        self, message: messages.Snapshot, now: int
    ) -> list[Command]:
        return [self._to(message, Channel.AGGREGATES)]

    def _on_event(
        self, message: messages.Started | messages.Report, now: int
    ) -> list[Command]:
        return [
            self._to(events)
            for events in self._events.add(message, self.run, now)
        ]

    def _on_report(
        self, message: messages.Report, now: int
    ) -> list[Command]:
        return [*self._on_event(message, now), Say(message.text, True)]

    # ---- chunks

    def _on_spool_found(
        self, message: notices.SpoolFound, now: int
    ) -> list[Command]:
        self._held.found(message.run, message.spooled, message.torn)
        return []

    def _on_load_spooled(
        self, message: messages.LoadSpooled, now: int
    ) -> list[Command]:
        self._held.spooled(message.sequence + 1)
        return []

    def _on_fetch(self, message: messages.Fetch, now: int) -> list[Command]:
        self._liveness.hear(now)
        return [SendChunk(message.run, message.sequence)]

    def _on_ack(self, message: messages.Ack, now: int) -> list[Command]:
        self._liveness.hear(now)
        self._held.stored(message)
        return [RemoveChunk(message.run, message.sequence)]

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
        if not ended.abandoned:
            ended = msgspec.structs.replace(
                ended, events=self._events.count
            )
        self._held.ended = ended
        return [
            self._to(ended),
            *([] if self._spare.is_there else [EndLoad()]),
            Say("run %s: the load is over; %s spooled"
                % (self.run,
                   counted(ended.spooled, "chunk was", "chunks were"))),
        ]

    def _on_done(self, message: messages.Done, now: int) -> list[Command]:
        self._liveness.hear(now)
        is_ours = message.run == self.run
        self._held.forget(message.run)
        commands: list[Command] = [DiscardSpool(message.run)]
        if is_ours:
            self._needed_ns = now
            self._forget_incoming()
        if is_ours or self.state is LoadState.JOINED:
            if self._may(LoadEvent.RUN_OVER):
                self._advance(LoadEvent.RUN_OVER)
            if not self._shutdown.is_asked:  # the next run may wait
                commands.append(self._say_hello(now))
            if not self._spare.is_there:
                commands.append(EndLoad())
            # others may go on with it
            commands.append(
                Say("run %s is over for this agent" % message.run)
            )
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

    def _give_up(self, now: int) -> list[Command]:
        """End, as if somebody had asked for it, if nobody needs this agent.
        """
        is_over = self._liveness.runs_out_of_patience(now)
        if not is_over or self._shutdown.is_asked:
            return []
        return [
            Say("no controller was heard for so long that the agent ends; "
                "what it could not deliver stays in its spool"),
            *self._on_shutdown(notices.ShutdownAsked(), now),
        ]

    def _wind_up(self, now: int) -> list[Command]:
        if not self._shutdown.stops_load(self._held, now):
            return []
        stop = self._stop_load("the agent ends")
        return stop and [
            Say("the agent ends: the load stops, iterations that run may "
                "finish"),
            *stop,
        ]

    def _stop_load(self, reason: str) -> list[Command]:
        if not self._may(LoadEvent.STOPPED):
            return []
        self._advance(LoadEvent.STOPPED)
        self._load_watch.hear()  # it has this long to begin with that
        if self._incoming is not None:  # there is no load yet
            self._forget_incoming()
            return self._end(self._held.ended_by(messages.LoadEnded((), 0, 0)))
        return [TellLoad(messages.Stop(self.run, reason))]
