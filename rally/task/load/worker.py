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

"""A worker: a forked process that runs its share of the iterations."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import gc
import os
import signal
import sys
import threading
import time
import typing as t

from rally.common import logging
from rally.task.load import (
    cpus,
    forks,
    frames,
    iteration,
    meter,
    outbox,
    shared,
    worker_threads,
)
from rally.task.load import plan as plan_module
from rally.task.load import source as source_module
from rally.task.results import aggregate as aggregate_module
from rally.task.results import chunk as chunk_module
from rally.task.results import cutting

if t.TYPE_CHECKING:
    from rally.task import scenario
    from rally.task.load import worker_loop

LOG = logging.getLogger(__name__)
_PR_SET_TIMERSLACK = 29  # linux/prctl.h
#: young objects that make the garbage collector look: rows that wait for
#: their block are no garbage
_GC_THRESHOLD = 20_000
#: the word of the first start waits so long before it sets out: on its way
#: to the controller it wakes a dozen threads, of which none should take a
#: CPU from those that start now, perhaps on the same host
FIRST_START_DELAY_S = 0.05
#: words of the shared state: monotonic ns of the start (0: not yet), and
#: whether others, on another host, began the load
ZERO, TAKEOVER, STATE_WORDS = 0, 1, 2


@dataclasses.dataclass(frozen=True)
class Work:
    """What the workers of a pool do."""

    scenario_cls: type[scenario.Scenario]
    method_name: str
    context: t.Mapping[str, t.Any]
    args: t.Mapping[str, t.Any]
    plan: plan_module.LoadPlan
    source: source_module.IterationSource
    sla_config: t.Mapping[str, t.Any] | None  # None: the pool counts
    all_events: bool  # else only that of the first iteration here
    log_prefix: str = ""


@dataclasses.dataclass(frozen=True)
class Assignment:
    """What one worker of a pool is given."""

    name: str
    index: int
    slots: int
    is_replacement: bool
    results_fd: int
    control_fd: int
    state: memoryview  # shared words, written by the pool
    #: shared word, see ``WorkerThreads``; written by this worker
    watch: memoryview
    copies: shared.Counter  # forked by scenarios, and came back


class _PipeSink:
    """Sends what the outbox has to the pool."""

    def __init__(self, writer: frames.FrameWriter) -> None:
        self._write = writer.write

    def send_block(
        self, chunk: chunk_module.Chunk, watermark_ns: int
    ) -> None:
        waiting: cutting.ChunkPart | None = None
        for part in cutting.parts(chunk):
            if waiting is not None:  # more rows follow, perhaps earlier ones
                self._send_part(waiting, 0)
            waiting = part
        if waiting is not None:
            self._send_part(waiting, watermark_ns)

    def _send_part(self, part: cutting.ChunkPart, watermark_ns: int) -> None:
        self._write(frames.Block(part.data, watermark_ns, part.cut_rows))

    def send_snapshot(
        self,
        number: int,
        aggregate: aggregate_module.Aggregate,
        urgent: bool,
    ) -> None:
        state = frames.encode_state(aggregate.to_state())
        self._write(frames.WorkerSnapshot(number, state, urgent))

    def send_failure(self, exc: BaseException) -> None:
        self._write(frames.Failure(*iteration.describe(exc)))


def main(
    work: Work, assignment: Assignment, foreign_fds: t.Iterable[int]
) -> None:
    """The life of a worker process; never returns.

    :param foreign_fds: descriptors of the pool and of other workers
    """
    status = 1
    try:
        for fd in foreign_fds:
            os.close(fd)
        _settle_in(assignment)
        _work(work, assignment)
        status = 0
    except OSError as e:  # mostly: the pool is gone
        LOG.debug("Worker %s ends: %s" % (assignment.name, e))
    except BaseException as e:  # top of the process
        LOG.error(
            "Worker %s broke down: %s" % (assignment.name, e), exc_info=e
        )
    finally:
        _exit(status)


def _exit(status: int) -> t.NoReturn:
    """End the process, whatever its threads hang in."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _settle_in(assignment: Assignment) -> None:
    """Make this process good at running iterations."""
    # these reach all that runs in a terminal; what they mean is decided by
    # whoever has the load
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cpus.bind(assignment.index, assignment.slots)
    # due moments are met to 1 us instead of 50; threads inherit it
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1000, 0, 0, 0)
    gc.freeze()  # what was there before the fork is not garbage
    gc.set_threshold(_GC_THRESHOLD, 20, 20)


def _work(work: Work, assignment: Assignment) -> None:
    writer = frames.FrameWriter(assignment.results_fd)
    threads: worker_threads.WorkerThreads | worker_loop.WorkerLoop
    first = _FirstStart(writer)
    one = iteration.IterationRunner(
        work.scenario_cls, work.method_name, work.context, work.args,
        forks.ForkGuard(assignment.copies),
    )
    gauge = meter.Meter(lambda: threads.slot_count())
    box = outbox.Outbox(
        _PipeSink(writer), work.sla_config, lambda: threads.watermark_ns(),
        gauge,
    )

    def begin(zero_ns: int) -> None:
        first.begin(zero_ns)
        gauge.begin(zero_ns)

    kind = _loop_or_threads(one)
    threads = kind(
        work.plan, assignment.slots, work.source, one, box,
        _start_hook(work, writer, first),
        lambda text: writer.write(frames.Problem(text)), assignment.watch,
        begin,
    )
    box.start()
    threads.assemble()
    threading.Thread(
        target=_obey, args=(assignment, threads), name="control", daemon=True
    ).start()
    writer.write(frames.WorkerReady())
    unstarted = threads.join()
    first.tell_now()
    box.close()
    traffic = dataclasses.astuple(box.traffic())
    writer.write(frames.Bye(unstarted, traffic))


def _loop_or_threads(
    one: iteration.IterationRunner,
) -> type[worker_threads.WorkerThreads] | type[worker_loop.WorkerLoop]:
    """What runs the iterations of a process."""
    if not one.is_async:
        return worker_threads.WorkerThreads
    from rally.task.load import worker_loop  # and with it asyncio

    return worker_loop.WorkerLoop


class _FirstStart:
    """Tells the pool, a little later, which iteration started first.

    Its thread is there before the start: to make one waits until that has
    had a CPU, which is what the iterations that start then compete for.
    """

    def __init__(self, writer: frames.FrameWriter) -> None:
        self._writer = writer
        self._untold: list[int] = []
        self._begun = threading.Event()
        self._started = threading.Event()
        self._zero_ns = 0
        threading.Thread(
            target=self._tell_later, name="first start", daemon=True
        ).start()

    def begin(self, zero_ns: int) -> None:
        """The load starts at *zero_ns* of the monotonic clock."""
        self._zero_ns = zero_ns
        self._begun.set()

    def note(self, number: int) -> None:
        """Iteration *number* is the first that starts here."""
        self._untold.append(number)
        self._started.set()

    def _tell_later(self) -> None:
        self._begun.wait()
        passed_s = (time.monotonic_ns() - self._zero_ns) / 1e9
        # not time.sleep, which fails where libfaketime sets the clock
        threading.Event().wait(max(0.0, FIRST_START_DELAY_S - passed_s))
        self._started.wait()
        self.tell_now()

    def tell_now(self) -> None:
        with contextlib.suppress(IndexError, OSError):  # told; nobody listens
            self._writer.write(frames.Event(self._untold.pop()))


def _start_hook(
    work: Work, writer: frames.FrameWriter, first: _FirstStart
) -> t.Callable[[int], None]:
    """What is done when an iteration starts."""
    told: list[int] = []
    is_debug = LOG.isEnabledFor(logging.DEBUG)

    def tell_all(number: int) -> None:
        writer.write(frames.Event(number))

    def tell_first(number: int) -> None:
        if not told:
            told.append(number)
            first.note(number)

    def log_too(number: int) -> None:
        LOG.debug("%s | ITER: %s START" % (work.log_prefix, number))
        tell(number)

    tell = tell_all if work.all_events else tell_first
    return log_too if is_debug else tell


def _obey(
    assignment: Assignment,
    threads: worker_threads.WorkerThreads | worker_loop.WorkerLoop,
) -> None:
    """Pass on what the pool rings for; end with it."""
    has_started = False
    while True:
        if assignment.state[ZERO] and not has_started:
            has_started = True
            is_late = assignment.is_replacement or assignment.state[TAKEOVER]
            threads.go(assignment.state[ZERO], not is_late)
        if not _is_rung(assignment.control_fd):
            os._exit(1)  # the pool is gone: no load without a master
        threads.wake()


def _is_rung(control_fd: int) -> bool:
    """Wait for a ring; False: there is nobody left to ring."""
    try:
        return bool(os.read(control_fd, 4096))
    except OSError:
        return False
