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

"""What must hold of any bytes, one function for each door they come in by.

A target gives whether the bytes were taken. It raises for a defect only: an
exception other than the documented one, or a value that hurts later on.
"""

from __future__ import annotations

import json
import pathlib
import tempfile
import typing as t

import msgspec

from rally.common import portable
from rally.task.distributed import (
    commands,
    notices,
    run_sink,
    spool,
)
from rally.task.distributed.controller import failover, plan
from rally.task.distributed.controller import machine as controller
from rally.task.distributed.security import keys, roll, tokens
from rally.task.distributed.wire import channels, codec, link, messages
from rally.task.load import frames
from rally.task.results import aggregate, chunk, head, progressions, stored
from rally.task.work import grants
from tests.fuzz import seeds
from tests.fuzz.seeds import BEGIN_NS, NS, RUN, VERSION

INT64 = range(-(2**63), 2**63)
LENGTH_BYTES = 4


def codec_target(body: bytes) -> bool:
    """A message of a peer with a valid key."""
    try:
        message = codec.decode(messages.PROTOCOL_VERSION + body)
    except codec.ProtocolError:
        return False
    again = codec.encode(message)
    if codec.encode(codec.decode(again)) != again:
        raise AssertionError("it changed on its way: %r" % (message,))
    _tell_controller(message)
    if isinstance(message, messages.Enrol):
        _apply(message)
    return True


def _apply(message: messages.Enrol) -> None:
    """It comes by a join token, and again."""
    token = tokens.Token(seeds.KEY, "now", "2999-01-01T00:00:00+00:00", 1)
    known = roll.Roll((), (), (), [seeds.KEY])
    asked = roll.Application(token, "10.0.0.1", message.key, message.name)
    answer, entry = known.admit(asked, "now")
    codec.encode(answer)
    if bool(answer.name) != (entry is not None):
        raise AssertionError("%r was told without being let in" % (message,))
    if entry is not None:
        keys.check_name(entry.name)
        if known.admit(asked, "now") != (answer, None):
            raise AssertionError("%r was counted twice" % (message,))


def _tell_controller(message: messages.Message) -> None:
    """A run in full swing hears it, and goes on."""
    machine, now = running()
    for command in machine.handle(said("a1", message), now):
        _obey(machine, command, now)
    machine.handle(said("a1", message), now + 1)
    machine.expire(now + NS)
    for member in machine.members.values():
        json.dumps(run_sink.describe(member))
    for lost in machine.registry.lost():
        progressions.count_of(lost.numbers)


def said(peer: str, message: messages.Message) -> channels.Received:
    """*message* as it comes from an agent."""
    return channels.Received(peer, channels.Channel.CONTROL, message)


def running(now: int = BEGIN_NS) -> tuple[controller.Controller, int]:
    """A controller with two agents that have work and have made chunks."""
    prepare = t.cast(messages.Prepare, seeds.from_controller()[2])
    run_plan = plan.RunPlan(
        prepare, [{"concurrency": 2}] * 2, [2, 2], VERSION, "tcp://c:9790"
    )
    machine = controller.Controller(
        run_plan, grants.ClosedGranting(1000, None), now
    )
    for name in ("a1", "a2"):
        hello = messages.Hello("i", VERSION, "h", 2, now)
        machine.handle(said(name, hello), now)
    for name in ("a1", "a2"):
        machine.handle(said(name, messages.Ready(RUN)), now)
    beat = messages.Heartbeat(RUN, "running", 1, now, now, now, 0, now, 4, 2)
    for _ in range(failover.CLOCK_SAMPLES):
        for name in ("a1", "a2"):
            machine.handle(said(name, beat), now)
    if machine.phase is not controller.Phase.RUNNING:
        raise AssertionError("it is %s" % machine.phase)
    return machine, now


def aggregate_target(body: bytes) -> bool:
    """The state of an aggregate, of an agent or a worker process."""
    try:
        state = frames.decode_state(body)
        received = aggregate.Aggregate.from_state(seeds.SLA, state)
        received.checker.try_out()
    except (ValueError, RecursionError, portable.MalformedState):
        return False  # msgspec decodes it as part of a message, else
    use_aggregate(received.shifted(5))
    return True


def _obey(
    machine: controller.Controller, command: commands.Command, now: int
) -> None:
    """What service, engine and database do about it."""
    if isinstance(command, commands.Observe):
        try:
            state = aggregate.Aggregate(seeds.SLA).restored_from(
                command.state
            )
            state.checker.try_out()
        except portable.MalformedState:
            return
        use_aggregate(state.shifted(command.clock_offset_ns))
    elif isinstance(command, commands.StoreChunk):
        machine.handle(_stored_or_refused(command.delivered), now)


def _stored_or_refused(
    delivered: head.DeliveredChunk
) -> notices.Stored | notices.ChunkRefused:
    try:
        delivered.chunk.check()
    except chunk.ChunkError as e:
        return notices.ChunkRefused(
            delivered.agent, delivered.sequence, str(e)
        )
    offset_ns = delivered.clock_offset_ns
    row = stored.envelope(
        delivered.chunk, delivered.sequence, delivered.agent, offset_ns
    )
    for value in (row.sequence, row.count, row.failed, row.first_ns,
                  row.last_ns, row.finished_ns, row.clock_offset_ns,
                  row.first_ns - row.clock_offset_ns):
        if value not in INT64:
            raise AssertionError("%d does not fit a column" % value)
    chunk_target(row.payload, offset_ns)
    return notices.Stored(delivered.agent, delivered.sequence)


def use_aggregate(received: aggregate.Aggregate) -> None:
    """What the engine and reports do with it."""
    merged = aggregate.Aggregate(seeds.SLA)
    merged.add_chunk(seeds.rows(9))
    merged.merge(received)
    merged.merge(received)
    json.dumps(merged.table.to_dict())
    json.dumps(merged.checker.results())
    json.dumps(merged.to_state())
    merged.durations.percentiles([0.5, 0.95, 0.99])
    merged.lag.percentiles([0.5, 1.0])


def chunk_target(data: bytes, offset_ns: int = 5) -> bool:
    """Results of a peer, of a spool, of the database."""
    try:
        rows = chunk.Chunk.from_bytes(data)
    except chunk.ChunkError:
        return False
    _use_rows(rows.shifted(offset_ns))
    return True


def packed_target(data: bytes) -> bool:
    """The same, of a worker process."""
    try:
        rows = chunk.Chunk.unpack(data)
    except chunk.ChunkError:
        return False
    _use_rows(rows)
    return True


def _use_rows(rows: chunk.Chunk) -> None:
    if len(rows) > 100_000:
        return  # they would be right, but take their time
    list(rows)
    made = aggregate.Aggregate(seeds.SLA)
    made.add_chunk(rows)
    use_aggregate(made)
    if chunk.Chunk.from_bytes(rows.to_bytes()) != rows:
        raise AssertionError("a chunk is not what it was packed from")


class _OneRead:
    """A socket that has received something."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def recv(self, size: int) -> bytes:
        return self._data


def load_pipe_target(body: bytes) -> bool:
    """What a load process, or what runs in it, wrote to its agent."""
    data = len(body).to_bytes(LENGTH_BYTES, "big") + body
    taken: list[t.Any] = []
    for each in (body, data):
        try:
            ours = link.Link(t.cast(t.Any, _OneRead(each)))
            taken = list(ours.receive() or ())
        except codec.ProtocolError:
            taken = []
    return bool(taken)


def worker_pipe_target(body: bytes) -> bool:
    """What a worker process, or what runs in it, wrote to its pool."""
    data = len(body).to_bytes(LENGTH_BYTES, "little") + body
    taken: list[t.Any] = []
    for each in (body, data):
        try:
            taken = list(frames.FrameReader().feed(each))
        except msgspec.MsgspecError:
            taken = []
    return bool(taken)


def spool_target(data: bytes) -> bool:
    """A file in a spool."""
    try:
        spooled = spool.unpack(RUN, data)
    except ValueError:
        return False
    again = b"".join(spool.pack(RUN, spooled))
    if data.startswith(spool.MAGIC_1):
        if spool.unpack(RUN, again) != spooled:
            raise AssertionError("it is another chunk in the new form")
    elif again != data:
        raise AssertionError("it was not packed here")
    return True


def spool_folder_target(data: bytes) -> bool:
    """A folder that an earlier process left; the first byte names a file."""
    names = ("000000000000.chunk", "000000000007.chunk", "1.chunk", "x",
             ".000000000001.chunk.y.unfinished", "000000000000.chunk.torn")
    with tempfile.TemporaryDirectory(prefix="rally-fuzz-") as folder:
        kept = spool.Spool(folder, RUN)
        name = names[data[0] % len(names)] if data else names[0]
        (pathlib.Path(folder) / RUN / name).write_bytes(data[1:])
        found = kept.recover()
        if list(found.sequences) != kept.sequences():
            raise AssertionError("%r is not what is there" % (found,))
        return bool(found.sequences)


TARGETS: t.Mapping[str, t.Callable[[bytes], bool]] = {
    "codec": codec_target,
    "aggregate": aggregate_target,
    "chunk": chunk_target,
    "packed": packed_target,
    "load_pipe": load_pipe_target,
    "worker_pipe": worker_pipe_target,
    "spool": spool_target,
    "spool_folder": spool_folder_target,
}
