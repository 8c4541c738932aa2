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

"""Every message of a distributed run.

Two families: what controller and agent say to each other over ZeroMQ
(``Message``), and what an agent and its load process say over a pipe
(``LoadMessage``).

Times that end in ``_ns`` are nanoseconds since the epoch on the clock of the
host that the name says, see ``rally.common.clock``.
"""

from __future__ import annotations

import typing as t

import msgspec

from rally.task.results.head import (
    Count,
    Moment,
    PackedChunk,
    Progression,
    Progressions,
)

#: first frame of every message; a new wire form is a new version
PROTOCOL_VERSION = b"rally/3"

NumberRun: t.TypeAlias = Progression
NumberRuns: t.TypeAlias = Progressions
MAX_STARTED = 10_000
Name: t.TypeAlias = t.Annotated[str, msgspec.Meta(max_length=255)]
MAX_MODULES = 10_000
Modules: t.TypeAlias = t.Annotated[
    tuple[Name, ...], msgspec.Meta(max_length=MAX_MODULES)
]


class _Message(
    msgspec.Struct,
    frozen=True,
    tag=True,
    forbid_unknown_fields=True,
):
    """Base: the tag on the wire is the class name."""


# ---- a part of several messages


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a load process is to import, by name; see ``importing``."""

    task: Name = ""  # a load process serves one task only
    plugins: Modules = ()  # where the plugins of the workload come from
    used: Modules = ()  # what the controller saw them import on first use


# ---- control channel, agent to controller


class Hello(_Message, frozen=True):
    """I am here. Repeated until answered."""

    instance: Name  # made anew by every agent process
    rally_version: Name
    host: Name
    cpus: Count
    sent_ns: Moment  # agent's clock
    run: Name = ""  # the run it still works for
    spooled: tuple[Name, ...] = ()  # runs of which it keeps chunks


class Ready(_Message, frozen=True):
    """Prepared: plugins loaded, arguments checked, workers stand ready."""

    run: Name


class Refused(_Message, frozen=True):
    """Cannot take part in the run."""

    run: Name
    reason: str


class Heartbeat(_Message, frozen=True):
    """Answer to a Beat; says also how far the load is."""

    run: Name
    state: Name  # see ``agent.LoadState``
    lease: Count  # number of its newest lease
    echo_ns: Moment  # sent_ns of the Beat, controller's clock
    received_ns: Moment  # agent's clock
    sent_ns: Moment  # agent's clock
    drawn: Count  # iterations started so far ...
    drawn_ns: Moment  # ... and when that was so, agent's clock
    remaining: Count  # granted and not started
    spooled: Count  # chunks spooled so far


class WorkRequest(_Message, frozen=True):
    """The numbers granted run low."""

    run: Name
    lease: Count  # the newest lease it has
    drawn: Count
    drawn_ns: Moment
    remaining: Count


class Report(_Message, frozen=True):
    """Something a person should know; the run goes on."""

    run: Name
    text: str


class Ended(_Message, frozen=True):
    """The load process is over; ``spooled`` chunks are all there will be."""

    run: Name
    spooled: Count
    returned: NumberRuns  # granted, certainly not started
    abandoned: bool  # the load process died: the rest may have been started
    lease: Count  # the newest lease it had
    number: Count  # of the last snapshot
    aggregate: dict[str, t.Any]
    reason: str = ""  # why it ended early
    loss: str = ""  # why some of the iterations left no result
    is_fatal: bool = False  # the reason is one to stop the whole run
    torn: Count = 0  # chunks that were begun or kept, and are damaged


# ---- control channel, controller to agent


class Welcome(_Message, frozen=True):
    """Accepted: the agent may be asked to take part."""

    rally_version: Name
    run: Name  # empty: it has none for agents yet
    code: Code = Code()  # worth importing until there is one


class Rejected(_Message, frozen=True):
    """Not accepted; the agent says why and keeps dialing."""

    reason: str


class Prepare(_Message, frozen=True):
    """Everything an agent needs to know of the load it is to make."""

    run: Name
    scenario: Name
    given_args: dict[str, t.Any]  # as in the task file, to be checked
    args: t.Any  # with resources looked up, see ``context_codec``
    context: t.Any  # see ``context_codec``
    runner_type: Name
    runner: dict[str, t.Any]  # this agent's share
    sla: dict[str, t.Any]
    chunk_size: Count
    iteration_events: bool
    first_cpu: Count = 0
    #: of plugins, by section and name, where they are not as by default; the
    #: values of a section as ``context_codec`` carries them
    options: dict[str, t.Any] = {}
    code: Code = Code()


class Beat(_Message, frozen=True):
    """Sign of life of the controller; renews the lease."""

    run: Name
    sent_ns: Moment  # controller's clock
    lease_s: t.Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class Grant(_Message, frozen=True):
    """A lease: these iterations are yours to start."""

    run: Name
    lease: Count  # counts up, per agent
    numbers: NumberRun
    low: Count  # ask for more when fewer remain


class Start(_Message, frozen=True):
    """Begin at this moment."""

    run: Name
    at_ns: Moment  # agent's clock
    is_takeover: bool = False  # the load began without this agent, then


class Close(_Message, frozen=True):
    """No more leases: finish what is granted, then end."""

    run: Name
    lease: Count  # the last one: without it, more is to come


class Stop(_Message, frozen=True):
    """Start nothing more; running iterations finish."""

    run: Name
    reason: str


class Done(_Message, frozen=True):
    """All chunks are in the database; forget the run."""

    run: Name


# ---- aggregates channel, agent to controller


class Snapshot(_Message, frozen=True):
    """State of everything the agent did so far (cumulative)."""

    run: Name
    number: Count
    urgent: bool  # its local verdict turned to failed
    aggregate: dict[str, t.Any]
    longest_ns: Count = 0  # from start to end of one iteration, at the most


class Started(_Message, frozen=True):
    """Iterations that have just been started, for hooks."""

    run: Name
    numbers: t.Annotated[
        tuple[Count, ...], msgspec.Meta(max_length=MAX_STARTED)
    ]


# ---- results channel


class Fetch(_Message, frozen=True):
    """Controller: send this chunk."""

    run: Name
    sequence: Count


class ChunkData(_Message, frozen=True):
    """Agent: one chunk, byte for byte as it was spooled."""

    run: Name
    sequence: Count
    chunk: PackedChunk  # agent's clock


class ChunkMissing(_Message, frozen=True):
    """Agent: that chunk cannot be read back."""

    run: Name
    sequence: Count
    reason: str


class Ack(_Message, frozen=True):
    """Controller: this chunk is in the database, the spool may drop it."""

    run: Name
    sequence: Count


# ---- control channel, operator and controller


class DrainAsked(_Message, frozen=True):
    """Operator: let this agent end its part of the run, losing nothing."""

    agent: Name


class DrainAnswer(_Message, frozen=True):
    """Controller: what becomes of it. Asking again does no harm."""

    agent: Name
    is_accepted: bool
    is_over: bool  # it holds nothing of this run any more
    text: str  # a sentence


Message: t.TypeAlias = (
    Hello | Ready | Refused | Heartbeat | WorkRequest | Report | Ended
    | Welcome | Rejected | Prepare | Beat | Grant | Start | Close | Stop
    | Done | Snapshot | Started | Fetch | ChunkData | ChunkMissing | Ack
    | DrainAsked | DrainAnswer
)


# ---- between an agent and its load process


class Load(_Message, frozen=True):
    """Agent: prepare this load, spool into this folder."""

    prepare: Prepare
    spool: str


class LoadWarm(_Message, frozen=True):
    """Agent: import this; a load will follow."""

    code: Code


class LoadStart(_Message, frozen=True):
    """Agent: begin at this moment."""

    at_ns: Moment
    is_takeover: bool = False  # see ``Start``


class LoadRenew(_Message, frozen=True):
    """Agent: work may be started until this moment."""

    deadline_ns: Moment


class LoadReady(_Message, frozen=True):
    """Load process: prepared."""


class LoadRefused(_Message, frozen=True):
    """Load process: cannot be prepared."""

    reason: str


class LoadLow(_Message, frozen=True):
    """Load process: the numbers granted run low."""

    drawn: Count
    remaining: Count


class LoadSpooled(_Message, frozen=True):
    """Load process: this chunk is on disk."""

    sequence: Count


class LoadStatus(_Message, frozen=True):
    """Load process: how far it is."""

    drawn: Count
    remaining: Count


class LoadEnded(_Message, frozen=True):
    """Load process: all iterations are over, all chunks are on disk."""

    returned: NumberRuns
    spooled: Count
    number: Count
    aggregate: dict[str, t.Any]
    reason: str = ""
    loss: str = ""
    is_fatal: bool = False
    lease: Count | None = None  # the newest it took; None: all it was told of
    #: nothing of the load is left in the process: it can make another one
    is_reusable: bool = False


LoadMessage: t.TypeAlias = (
    Load | LoadWarm | LoadStart | LoadRenew | Grant | Close | Stop
    | LoadReady | LoadRefused | LoadLow | LoadSpooled | LoadStatus | Snapshot
    | Started | Report | LoadEnded
)
