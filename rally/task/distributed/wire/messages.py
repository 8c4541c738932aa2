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

import enum
import typing as t

import msgspec

from rally.task.results.head import (
    Count,
    Moment,
    PackedChunk,
    Progression,
    Progressions,
)

#: how every message begins; a new wire form is a new version
PROTOCOL_VERSION = b"rally/6"

NumberRun: t.TypeAlias = Progression
NumberRuns: t.TypeAlias = Progressions
MAX_STARTED = 10_000
#: characters of a text for the user
MAX_TEXT = 20_000
Name: t.TypeAlias = t.Annotated[str, msgspec.Meta(max_length=255)]
#: a public key, in Z85
Key: t.TypeAlias = t.Annotated[
    str, msgspec.Meta(min_length=40, max_length=40)
]
#: keys and values of labels
LABEL = r"[A-Za-z0-9._-]{1,63}"
_LabelPart: t.TypeAlias = t.Annotated[
    str, msgspec.Meta(pattern=r"\A%s\Z" % LABEL)
]
MAX_LABELS = 64
Labels: t.TypeAlias = t.Annotated[
    dict[_LabelPart, _LabelPart], msgspec.Meta(max_length=MAX_LABELS)
]
MAX_MODULES = 10_000
Modules: t.TypeAlias = t.Annotated[
    tuple[Name, ...], msgspec.Meta(max_length=MAX_MODULES)
]
#: files that are sent along with a run
MAX_SHIPPED = 2_000
#: characters of a path
MAX_PATH = 1_000
PathText: t.TypeAlias = t.Annotated[str, msgspec.Meta(max_length=MAX_PATH)]
MAX_DIFFERENCES = 1_000


class Arrival(enum.Enum):
    """What is done about a message of this kind that is lost."""

    CUMULATIVE = "nothing: the next one has it all"
    REPEATED = "its sender repeats it until it sees that it arrived"
    ASKED_FOR = "whoever misses the answer asks again"


class _Message(
    msgspec.Struct,
    frozen=True,
    tag=True,
    forbid_unknown_fields=True,
):
    """Base: the tag on the wire is the class name."""

    ARRIVAL = Arrival.REPEATED  # unless the class says so


# ---- a part of several messages


class CodeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that plugins of the workload come from; see ``provenance``."""

    path: PathText  # below the outermost package that it is in
    digest: Name  # of its content
    package: Name = ""  # the distribution that installed it


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a load process is to import, by name; see ``importing``."""

    task: Name = ""  # a load process serves one task only
    plugins: Modules = ()  # where the plugins of the workload come from
    used: Modules = ()  # what the controller saw them import on first use
    #: what these plugins come from on the controller: an agent needs the same
    files: t.Annotated[
        tuple[CodeFile, ...], msgspec.Meta(max_length=MAX_MODULES)
    ] = ()
    packages: dict[Name, Name] = {}  # distribution -> version
    #: plugin files come with the run: those of the agent's host are not used
    is_shipped: bool = False


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that plugins come from is not as on the controller."""

    is_package: bool  # else a file
    name: PathText
    wanted: Name  # a version, or the digest of a content
    found: Name = ""  # empty: there is none


Differences: t.TypeAlias = t.Annotated[
    tuple[Difference, ...], msgspec.Meta(max_length=MAX_DIFFERENCES)
]


class AgentInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What scenarios find as ``context["agent"]``."""

    name: Name
    index: Count  # of the share that it took, from 0
    count: Count  # of shares
    labels: dict[Name, str] = {}


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments and context of a load, which may be large; by its digest.

    The bytes are fetched in parts, and kept for the next run.
    """

    digest: Name
    size: Count = 0  # bytes


class ShippedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that a load process gets for one run."""

    path: PathText  # in the folder of the run; see ``shipment``
    content: Content


class Shipment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files that a load process gets for one run."""

    files: t.Annotated[
        tuple[ShippedFile, ...], msgspec.Meta(max_length=MAX_SHIPPED)
    ]
    #: files and folders of them that are loaded as plugins
    plugins: t.Annotated[
        tuple[PathText, ...], msgspec.Meta(max_length=MAX_SHIPPED)
    ] = ()
    #: others, by the names that scenarios know them by
    extra: t.Annotated[
        dict[PathText, PathText], msgspec.Meta(max_length=MAX_SHIPPED)
    ] = {}


#: bytes of one part of a content
PART_BYTES = 1 << 20


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
    labels: Labels = {}  # those that it gives itself


class Ready(_Message, frozen=True):
    """Prepared: plugins loaded, arguments checked, workers stand ready."""

    run: Name


class Refused(_Message, frozen=True):
    """Cannot take part in the run."""

    run: Name
    reason: str
    differences: Differences = ()


class Heartbeat(_Message, frozen=True):
    """Answer to a Beat, with the progress of the load."""

    ARRIVAL = Arrival.CUMULATIVE

    run: Name
    state: Name  # a ``LoadState``
    lease: Count  # number of its newest lease
    echo_ns: Moment  # sent_ns of the Beat, controller's clock
    received_ns: Moment  # agent's clock
    sent_ns: Moment  # agent's clock
    drawn: Count  # iterations started so far ...
    drawn_ns: Moment  # ... and when that was so, agent's clock
    remaining: Count  # granted and not started
    spooled: Count  # chunks spooled so far


class WorkRequest(_Message, frozen=True):
    """The granted numbers are running low."""

    run: Name
    lease: Count  # the newest lease it has
    drawn: Count
    drawn_ns: Moment
    remaining: Count


class Started(_Message, frozen=True):
    """Iterations that have just been started, for hooks; an event."""

    numbers: t.Annotated[
        tuple[Count, ...], msgspec.Meta(max_length=MAX_STARTED)
    ]


class Report(_Message, frozen=True):
    """Something a user should know; the run goes on. An event."""

    text: str


class Events(_Message, frozen=True):
    """What happened on an agent, in order, until a Beat has noted it."""

    run: Name
    oldest: Count  # number of the first that is still kept, counted from 0
    first: Count  # number of the first of these
    events: tuple[Started | Report, ...]


class Ended(_Message, frozen=True):
    """The load process is over; ``spooled`` chunks are all there will be."""

    run: Name
    spooled: Count
    returned: NumberRuns  # granted, certainly not started
    abandoned: bool  # the load process died: the rest may have been started
    lease: Count  # the newest lease it had
    number: Count  # of the last snapshot
    aggregate: bytes = b""  # the last one; empty: its rows are to be counted
    reason: str = ""  # why it ended early
    loss: str = ""  # why some of the iterations left no result
    is_fatal: bool = False  # the reason is one to stop the whole run
    torn: Count = 0  # chunks that were begun or kept, and are damaged
    events: Count = 0  # how many there were


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
    content: Content  # a ``LoadContent``
    runner_type: Name
    #: this agent's share, and criteria, as ``context_codec`` carries them
    runner: dict[str, t.Any]
    sla: dict[str, t.Any]
    chunk_size: Count
    iteration_events: bool
    agent: AgentInfo | None = None  # None: the order is for no agent yet
    #: of plugins, by section and name, where they are not as by default; the
    #: values of a section as ``context_codec`` carries them
    options: dict[str, t.Any] = {}
    code: Code = Code()
    shipment: Shipment | None = None
    #: how often this agent began in this run before, and the number of the
    #: first chunk that it may make now
    epoch: Count = 0
    first_chunk: Count = 0


class Beat(_Message, frozen=True):
    """Sign of life of the controller; renews the lease.

    The lease lasts ``lease_s`` from when the agent sent the newest heartbeat
    that the controller has heard: so nothing depends on how long a message
    takes, and no clock is compared with another.
    """

    ARRIVAL = Arrival.CUMULATIVE

    run: Name
    sent_ns: Moment  # controller's clock
    lease_s: t.Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 0.0
    heard_ns: Moment = 0  # sent_ns of that heartbeat, agent's clock
    noted: Count = 0  # events that need not be said again


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
    """State of everything the agent did in an epoch so far."""

    ARRIVAL = Arrival.CUMULATIVE

    run: Name
    number: Count
    urgent: bool  # its local verdict has just turned to failed
    aggregate: bytes  # ``Aggregate.to_bytes``; read by whoever judges
    longest_ns: Count = 0  # from start to end of one iteration, at the most
    epoch: Count = 0  # as in ``Prepare``: nothing before it is counted here


# ---- results channel


class Fetch(_Message, frozen=True):
    """Controller: send this chunk."""

    run: Name
    sequence: Count


class ChunkData(_Message, frozen=True):
    """Agent: one chunk, byte for byte as it was spooled."""

    ARRIVAL = Arrival.ASKED_FOR

    run: Name
    sequence: Count
    chunk: PackedChunk  # agent's clock


class ChunkMissing(_Message, frozen=True):
    """Agent: that chunk cannot be read back."""

    ARRIVAL = Arrival.ASKED_FOR

    run: Name
    sequence: Count
    reason: str


class Ack(_Message, frozen=True):
    """Controller: this chunk is in the database, the spool may drop it."""

    run: Name
    sequence: Count


class FetchPart(_Message, frozen=True):
    """Agent: send this part of a content."""

    run: Name
    digest: Name
    index: Count


class Part(_Message, frozen=True):
    """Controller: a part of a content, ``PART_BYTES`` but for the last."""

    ARRIVAL = Arrival.ASKED_FOR

    digest: Name
    index: Count
    data: bytes


# ---- control channel, operator and controller


class DrainAsked(_Message, frozen=True):
    """Operator: let this agent end its part of the run, losing nothing."""

    agent: Name


class DrainAnswer(_Message, frozen=True):
    """Controller: what becomes of it. Asking again does no harm."""

    ARRIVAL = Arrival.ASKED_FOR

    agent: Name
    is_accepted: bool
    is_over: bool  # it holds nothing of this run any more
    text: str  # a sentence


# ---- control channel, with the key of a join token instead of an agent's


class Enrol(_Message, frozen=True):
    """Applicant: let this key in, under this name if nobody has had it."""

    key: Key  # public half of a pair that it has made
    name: Name


class Enrolled(_Message, frozen=True):
    """Controller: what became of it. Asking again does no harm."""

    ARRIVAL = Arrival.ASKED_FOR

    key: Key
    name: Name = ""  # the agent's from now on; empty: it may not join
    reason: str = ""  # why it may not


# ---- control channel, operator and controller


class AgentRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a controller knows of an agent, for people."""

    name: Name
    state: Name
    host: Name
    version: Name
    labels: dict[Name, str]
    cpus: Count
    share: Count = 0  # iterations that it may run at once
    iterations: Count = 0
    rate: float = 0.0  # iterations per second
    cpu_share: float | None = None  # of the CPUs of its workers, 0 to 1
    clock_offset_s: float | None = None
    clock_error_s: float | None = None
    round_trip_s: float | None = None
    spooled_chunks: Count = 0  # that are not stored yet
    lost: Count = 0  # iterations


#: rows in one answer
FLEET_PAGE = 100


class FleetAsked(_Message, frozen=True):
    """Operator: which agents are there?"""

    after: Name = ""  # those whose names come after this one


class FleetAnswer(_Message, frozen=True):
    """Controller: some of them, in the order of their names."""

    ARRIVAL = Arrival.ASKED_FOR

    after: Name  # as it was asked
    phase: str  # of the run, in words
    count: Count  # of all agents
    agents: tuple[AgentRow, ...]
    is_last: bool  # there is nobody after them


Message: t.TypeAlias = (
    Hello | Ready | Refused | Heartbeat | WorkRequest | Events | Ended
    | Welcome | Rejected | Prepare | Beat | Grant | Start | Close | Stop
    | Done | Snapshot | Fetch | ChunkData | ChunkMissing | Ack | FetchPart
    | Part | DrainAsked | DrainAnswer | Enrol | Enrolled | FleetAsked
    | FleetAnswer
)


# ---- between an agent and its load process


class LoadContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments and context of a load; the content of a Prepare."""

    given_args: t.Any  # as in the task file, see ``context_codec``
    args: t.Any  # with resources looked up, see ``context_codec``
    context: t.Any  # see ``context_codec``


class Load(_Message, frozen=True):
    """Agent: prepare this load, spool into this folder."""

    prepare: Prepare
    content: bytes  # a ``LoadContent``
    spool: str
    #: contents of what is shipped, by digest
    shipped: dict[Name, bytes] = {}


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
    differences: Differences = ()


class LoadLow(_Message, frozen=True):
    """Load process: the granted numbers are running low."""

    drawn: Count
    remaining: Count


class LoadSpooled(_Message, frozen=True):
    """Load process: this chunk is on disk."""

    sequence: Count


class LoadStatus(_Message, frozen=True):
    """Load process: its progress."""

    drawn: Count
    remaining: Count


class LoadEnded(_Message, frozen=True):
    """Load process: all iterations are over, all chunks are on disk."""

    returned: NumberRuns
    spooled: Count
    number: Count
    aggregate: bytes = b""
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
