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

"""What is mutated: valid inputs of every kind, of a run on two agents."""

from __future__ import annotations

import functools
import hashlib
import importlib
import struct
import typing as t

from rally.task.distributed import content, spool
from rally.task.distributed.wire import codec, messages
from rally.task.load import frames
from rally.task.results import aggregate, chunk
from rally.task.results.traffic import Traffic

NS = 1_000_000_000
#: moments of the run
BEGIN_NS = 1_790_000_000 * NS
RUN = "run-1"
VERSION = "6.0.0"
#: public keys: that of a join token, and another one
KEY = "m5VH+RP-)Qg=!lS>n(@%fX]!{.vBHy@VB]wz73LP"
OTHER_KEY = "qdJGb}U?p%yK^cDeK@aiC^i-qwei8Ir]Bub{sU3V"
LOAD_CONTENT = codec.encode_content(messages.LoadContent(
    {"sleep": 1}, {"sleep": 1}, {"users": [{"id": 1}]}
))
CONTENT = content.described(LOAD_CONTENT)
FILE = messages.ShippedFile("plugins/0/probe.py", content.described(b"pass"))
CODE = messages.Code(
    "task", ("a_package.plugins",), ("ssl",),
    (messages.CodeFile("probe.py", FILE.content.digest, "a-package"),),
    {"a-package": "3.0"}, True,
)
SHIPMENT = messages.Shipment(
    (FILE,), (FILE.path,), {"~/rows.csv": FILE.path}
)
DIFFERENCES = (
    messages.Difference(False, "probe.py", FILE.content.digest),
    messages.Difference(True, "a-package", "3.0", "2.9"),
)
NODE = chunk.Node
FIELDS_1 = struct.Struct(">8s64sQQQQqqq")

SLA: dict[str, t.Any] = {
    "failure_rate": {"max": 40},
    "max_seconds_per_iteration": 2,
    "max_avg_duration": 1.5,
    "max_avg_duration_per_atomic": {"boot": 1.5},
    "outliers": {"max": 1, "sigmas": 0.5, "min_iterations": 4},
    "performance_degradation": {"max_degradation": 50},
    "max_percentile_duration": {"percentile": 90, "max": 2},
}
_MODULES = (
    "failure_rate", "iteration_time", "max_average_duration",
    "max_average_duration_per_atomic", "outliers", "performance_degradation",
    "max_percentile_duration",
)


@functools.cache
def load_criteria() -> None:
    for module in _MODULES:
        importlib.import_module("rally.plugins.common.sla." + module)


def rows(count: int, idle_ns: int = 0) -> chunk.Chunk:
    """A chunk with failures, nested actions and outputs."""
    shapes = (
        (NODE("boot", 0, False), NODE("boot.wait", 1, False)),
        (NODE("boot", 0, True),),
        (),
    )
    made = []
    for i in range(count):
        shape = shapes[i % 3]
        error = ("ValueError", "no", "trace") if i % 3 == 1 else None
        output: t.Any = None
        if i % 5 == 0:
            output = {"additive": [{"title": "n", "data": [["a", i]]}],
                      "complete": []}
        made.append(
            chunk.Row(
                i + 1, BEGIN_NS + i * 1_000_003, 50_000_000 + i * 977,
                idle_ns, i % 7, shape, tuple(range(0, 200 * len(shape), 100)),
                error, output,
            )
        )
    return chunk.Chunk.of_rows(made)


@functools.cache
def states() -> list[dict[str, t.Any]]:
    """States of aggregates: empty, exact, idle, beyond the exact limit."""
    load_criteria()
    found = []
    for chunks in ((), (rows(9),), (rows(40, 5),), (rows(1200),)):
        made = aggregate.Aggregate(SLA)
        made.traffic = Traffic(2, 300, 1 << 40)
        for each in chunks:
            made.add_chunk(each)
        made.counters["timed_out"] = len(chunks)
        found.append(made.to_state())
    return found


def chunk_data(sequence: int, part: chunk.Chunk) -> messages.ChunkData:
    return messages.ChunkData(RUN, sequence, part.packed())


@functools.cache
def from_agents() -> list[messages.Message]:
    """One or more of every message that an agent may send."""
    heartbeat = messages.Heartbeat(
        RUN, "running", 1, BEGIN_NS, BEGIN_NS + 1, BEGIN_NS + 2, 5, BEGIN_NS,
        20, 2,
    )
    return [
        messages.Hello("i-1", VERSION, "host", 2, BEGIN_NS, RUN, (RUN, "r"),
                       {"zone": "a"}),
        messages.Ready(RUN),
        messages.Refused(RUN, "it lacks a plugin", DIFFERENCES),
        heartbeat,
        messages.WorkRequest(RUN, 1, 10, BEGIN_NS, 2),
        messages.Events(
            RUN, 0, 0, (
                messages.Report("something happened"),
                messages.Started((1, 2, 3)),
            ),
        ),
        *(
            messages.Snapshot(RUN, 3, True, frames.encode_state(state), 9, 0)
            for state in states()
        ),
        messages.FetchPart(RUN, CONTENT.digest, 0),
        chunk_data(0, rows(9)),
        chunk_data(1, rows(40, 5)),
        messages.ChunkMissing(RUN, 0, "gone"),
        messages.Ended(RUN, 2, ((3, 1, 4), (9, 2, 3)), False, 1, 7,
                       frames.encode_state(states()[1]), "why", "loss"),
        messages.Ended(RUN, 2, (), True, 1, 0, b"", "it died", "", True),
        messages.Enrol(KEY, "node1"),
        messages.Enrol(OTHER_KEY, "node1"),
    ]


@functools.cache
def from_controller() -> list[messages.Message]:
    return [
        messages.Welcome(VERSION, RUN, CODE),
        messages.Rejected("another version"),
        messages.Prepare(
            RUN, "Dummy.dummy", CONTENT, "constant",
            {"times": 10, "concurrency": 2}, SLA, 1000, False,
            messages.AgentInfo("node1", 1, 2, {"zone": "a"}),
            {"dummy": {"delay": 0.5}}, CODE, SHIPMENT, 2, 7,
        ),
        messages.Beat(RUN, BEGIN_NS, 5.0, BEGIN_NS, 2),
        messages.Part(CONTENT.digest, 0, LOAD_CONTENT),
        messages.Grant(RUN, 1, (1, 2, 50), 10),
        messages.Start(RUN, BEGIN_NS),
        messages.Close(RUN, 1),
        messages.Stop(RUN, "aborted"),
        messages.Done(RUN),
        messages.Fetch(RUN, 0),
        messages.Ack(RUN, 0),
        messages.Enrolled(KEY, "node1"),
        messages.Enrolled(KEY, "", "they have come"),
        messages.FleetAnswer("n0", "running", 1, (
            messages.AgentRow(
                "n1", "running", "host", VERSION, {"zone": "a"}, 2, 4, 100,
                9.5, 0.4, 0.001, 0.0001, 0.0002, 3, 1,
            ),
        ), True),
    ]


@functools.cache
def of_load() -> list[messages.LoadMessage]:
    """What an agent and its load process say over their pipe."""
    prepare = t.cast(messages.Prepare, from_controller()[2])
    return [
        messages.Load(
            prepare, LOAD_CONTENT, "/spool", {FILE.content.digest: b"pass"}
        ),
        messages.LoadWarm(CODE),
        messages.LoadStart(BEGIN_NS),
        messages.LoadRenew(BEGIN_NS),
        messages.LoadReady(),
        messages.LoadRefused("no", DIFFERENCES),
        messages.LoadLow(10, 2),
        messages.LoadSpooled(3),
        messages.LoadStatus(10, 2),
        messages.LoadEnded(
            ((3, 1, 4),), 2, 7, frames.encode_state(states()[1]), "why",
            is_reusable=True,
        ),
    ]


@functools.cache
def of_workers() -> list[frames.Frame]:
    """What worker processes say over theirs."""
    return [
        frames.WorkerReady(),
        frames.Block(rows(9).pack(), BEGIN_NS),
        frames.WorkerSnapshot(1, frames.encode_state(states()[1]), False),
        frames.Event(3),
        frames.Problem("slow"),
        frames.Failure("ValueError", "no", "trace"),
        frames.Bye([4, 5]),
    ]


def _spooled(sequence: int, part: chunk.Chunk) -> bytes:
    kept = spool.SpooledChunk(sequence, part.packed())
    return b"".join(spool.pack(RUN, kept))


def spooled_1(sequence: int, part: chunk.Chunk) -> bytes:
    """A file of version 1 of the format."""
    payload = part.to_bytes()
    fields = FIELDS_1.pack(
        spool.MAGIC_1, RUN.encode(), sequence, len(payload), len(part),
        part.failed_count, part.first_ns, part.last_ns, part.finished_ns,
    )
    return sealed(fields + bytes(spool.DIGEST_BYTES) + payload)


def sealed(data: bytes) -> bytes:
    """A damaged file of a spool, with a checksum that is right."""
    is_first = data.startswith(spool.MAGIC_1)
    size = (
        FIELDS_1.size if is_first
        else spool.HEADER_BYTES - spool.DIGEST_BYTES
    )
    fields, body = data[:size], data[size + spool.DIGEST_BYTES:]
    digest = hashlib.blake2b(fields, digest_size=spool.DIGEST_BYTES)
    digest.update(body)
    return fields + digest.digest() + body


@functools.cache
def of(target: str) -> list[bytes]:
    """Valid inputs of a target."""
    load_criteria()
    match target:
        case "codec":
            return [
                codec.encode(message).removeprefix(messages.PROTOCOL_VERSION)
                for message in [*from_agents(), *from_controller()]
            ]
        case "aggregate":
            return [frames.encode_state(state) for state in states()]
        case "load_pipe":
            return [codec.encode_load(message) for message in of_load()]
        case "worker_pipe":
            return [frames.encode_state(frame) for frame in of_workers()]
        case "chunk":
            return [rows(9).to_bytes(), rows(40, 5).to_bytes()]
        case "packed":
            return [rows(9).pack(), rows(40, 5).pack()]
        case "spool":
            return [
                *(_spooled(i, rows(n)) for i, n in enumerate((1, 9, 40))),
                spooled_1(7, rows(9)),
            ]
        case "spool_folder":  # the first byte names the file
            return [
                bytes([name]) + each
                for name in range(6) for each in of("spool")[:2]
            ]
    raise ValueError(target)
