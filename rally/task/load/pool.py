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

"""The pool: forks workers, collects what they send, replaces the dead."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
import typing as t

import msgspec

from rally.common import logging
from rally.task.load import builder as builder_module
from rally.task.load import (
    cpus,
    deaths,
    forking,
    forks,
    frames,
    hangs,
    iteration,
    shared,
)
from rally.task.load import gate as gate_module
from rally.task.load import listener as listener_module
from rally.task.load import peer as peer_module
from rally.task.load import plan as plan_module
from rally.task.load import worker as worker_module
from rally.task.results import aggregate as aggregate_module
from rally.task.results import chunk as chunk_module
from rally.task.results.progressions import Lost, progressions
from rally.task.work import ledger

LOG = logging.getLogger(__name__)
READY_DEADLINE_S = 60.0
#: rows do not wait longer than this for a chunk to fill up
MAX_AGE_S = 5.0


class WorkerPool:
    """Makes a load with long-lived worker processes.

    ``run`` blocks until the source is used up or stopped and every worker
    has delivered. Then ``lost`` tells which drawn numbers left no result.
    """

    def __init__(
        self,
        work: worker_module.Work,
        builder: builder_module.ChunkBuilder,
        listener: listener_module.PoolListener,
        sla_config: t.Mapping[str, t.Any],
        gate: gate_module.StartGate | None = None,
    ) -> None:
        """:param gate: None: start as soon as all workers are ready"""
        self._work = work
        self._plan = work.plan
        self._source = work.source
        self._builder = builder
        self._listener = listener
        self._sla_config = sla_config
        self._gate = gate
        self._stands_ready = self._is_over = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK)  # wakes ``run``
        self._words = shared.Words(worker_module.STATE_WORDS)
        self._copies = shared.Counter()
        self._hangs = hangs.HangWatch(self._plan.timeout_s)
        self._workers: dict[int, peer_module.Peer] = {}  # by results_fd
        self._selector = selectors.DefaultSelector()
        self._ring_lock = threading.Lock()
        self._ledger = ledger.Ledger()
        self.deaths = deaths.Deaths()
        self._made = 0
        self._flush_at = 0.0
        self.lost: list[Lost] = []
        self._is_failed = False

    def run(self) -> None:
        """Make the load; returns when it is over."""
        self._source.on_change(self.ring)
        self._selector.register(self._bell, selectors.EVENT_READ)
        try:
            self._fork_all()
            ready_until = time.monotonic() + READY_DEADLINE_S
            while self._workers:
                self._poll(self._next_wait_s(ready_until))
                self._keep_time(ready_until)
        finally:
            self._source.stop()
            self._release()
            self._account()
            forks.tell(self._copies.value, self._listener)
            self._builder.flush()

    def ring(self) -> None:
        """Have all workers look at what has changed; from any thread."""
        with self._ring_lock:
            for worker in self._workers.values():
                # rung already, or dead: nothing to do
                with contextlib.suppress(BlockingIOError, BrokenPipeError):
                    os.write(worker.control_fd, b"!")

    # ---- making workers

    def _fork_all(self) -> None:
        count = self._plan.process_count(len(cpus.usable()))
        shares = plan_module.split_evenly(self._plan.concurrency, count)
        for index, slots in enumerate(shares):
            self._fork(index, slots, is_replacement=False)

    def _fork(self, index: int, slots: int, is_replacement: bool) -> None:
        results_r, results_w = forking.results_pipe()
        control_r, control_w = os.pipe()
        os.set_blocking(control_w, False)
        self._made += 1
        assignment = worker_module.Assignment(
            name="worker-%d" % self._made, index=index, slots=slots,
            is_replacement=is_replacement, results_fd=results_w,
            control_fd=control_r, state=self._words.view,
            watch=shared.Words(1).view, copies=self._copies,
        )
        foreign = [results_r, control_w, self._bell]
        for other in self._workers.values():
            foreign += (other.results_fd, other.control_fd)
        process = forking.fork(self._work, assignment, foreign)
        os.close(results_w)
        os.close(control_r)
        self._welcome(peer_module.Peer(
            name=assignment.name, index=index, slots=slots, process=process,
            exit_fd=os.pidfd_open(process.pid), results_fd=results_r,
            control_fd=control_w, sla_config=self._sla_config,
            watch=assignment.watch,
        ))

    def _welcome(self, worker: peer_module.Peer) -> None:
        """Listen to a new worker."""
        if self._work.sla_config is None:
            worker.counted_here = aggregate_module.Aggregate(
                self._sla_config
            )
        with self._ring_lock:
            self._workers[worker.results_fd] = worker
        self._builder.join(worker.name)
        # the end of the process beside the pipe: a child of the scenario
        # may keep that open
        for fd in (worker.results_fd, worker.exit_fd):
            self._selector.register(fd, selectors.EVENT_READ, worker)

    # ---- time

    def _next_wait_s(self, ready_until: float) -> float | None:
        now = time.monotonic()
        deadlines = [self._flush_at] if self._builder.rows else []
        for worker in self._workers.values():
            if worker.counts_at is not None and not self._is_failed:
                deadlines.append(worker.counts_at)
        look_at = self._hangs.next_look(self._workers.values())
        if look_at is not None:
            deadlines.append(look_at)
        if not self._stands_ready:
            deadlines.append(ready_until)
        elif self._ends_at is not None and not self._source.is_stopped:
            deadlines.append(self._ends_at)
        if not deadlines:
            return None  # every worker's end wakes us
        return max(0.0, min(deadlines) - now)

    @property
    def _ends_at(self) -> float | None:
        """When the duration is over, seconds of the monotonic clock."""
        return self._plan.ends_at_s(self._words.view[worker_module.ZERO])

    def _keep_time(self, ready_until: float) -> None:
        now = time.monotonic()
        if not self._stands_ready:
            is_ready = all(w.is_ready for w in self._workers.values())
            if is_ready or now >= ready_until:
                self._stands_ready = True
                if self._gate is None:
                    self._go(time.monotonic_ns())
                else:
                    self._gate.arrive(self._go)
                    if self._source.is_stopped:  # perhaps nobody was rung
                        self.ring()
        elif (
            self._ends_at is not None and now >= self._ends_at
            and not self._source.is_stopped
        ):  # threads that wait for a number would not notice
            self._source.stop()
        self._count_due(self._workers.values())
        self._hangs.end_hung(self._workers.values(), now)
        if now >= self._flush_at:
            self._builder.flush_complete()
            self._flush_at = now + MAX_AGE_S

    def _go(self, zero_ns: int, is_takeover: bool = False) -> None:
        """Let the workers start at *zero_ns*; from any thread."""
        self._words.view[worker_module.TAKEOVER] = is_takeover
        self._words.view[worker_module.ZERO] = zero_ns
        self.ring()
        with self._ring_lock:
            if not self._is_over:
                os.eventfd_write(self._bell, 1)

    # ---- what workers send

    def _poll(self, timeout_s: float | None) -> None:
        ended = []
        for key, _ in self._selector.select(timeout_s):
            worker = key.data
            if worker is None:  # the gate was opened: there is a deadline
                os.eventfd_read(self._bell)
                continue
            if key.fd == worker.results_fd:
                is_over = self._read(worker)
            else:  # the process has ended: its pipe holds the rest
                is_over = True
                while not self._read(worker, is_last=True):
                    pass
            if is_over and worker not in ended:
                ended.append(worker)
        for worker in ended:
            if worker.results_fd in self._workers:
                self._end(worker)

    def _read(self, worker: peer_module.Peer, is_last: bool = False) -> bool:
        """Take what is in the pipe; True if nothing more can come."""
        if worker.is_broken:
            return True
        try:
            data = os.read(worker.results_fd, forking.PIPE_BYTES)
        except BlockingIOError:
            return is_last
        if not data:
            return True
        try:
            for frame in worker.reader.feed(data):
                self._handle(worker, frame)
        except (msgspec.MsgspecError, chunk_module.ChunkError) as e:
            worker.is_broken = True
            worker.process.kill()
            self._listener.on_problem(
                "What %s sent cannot be read (%s), so it was ended. Does "
                "the scenario write to file descriptors it did not open?"
                % (worker.name, e)
            )
        return worker.is_broken or worker.bye is not None

    def _handle(self, worker: peer_module.Peer, frame: frames.Frame) -> None:
        match frame:
            case frames.Block(
                chunk=data, watermark_ns=watermark_ns, cut_rows=cut_rows
            ):
                if cut_rows:
                    self._listener.on_count("cut_rows", cut_rows)
                self._take(
                    worker, chunk_module.Chunk.unpack(data), watermark_ns
                )
            case frames.WorkerSnapshot(
                number=number, state=state, urgent=urgent
            ):
                worker.number, worker.state = number, state
                worker.uncounted.clear()
                self._put_snapshot(worker, urgent)
            case frames.Event(number=number):
                self._listener.on_event(number)
            case frames.Problem(text=text):
                self._listener.on_problem(text)
            case frames.Failure():
                self._fail(frame)
            case frames.WorkerReady():
                worker.is_ready = True
            case frames.Bye():
                worker.bye = frame

    def _take(
        self,
        worker: peer_module.Peer,
        chunk: chunk_module.Chunk,
        watermark_ns: int,
    ) -> None:
        self._learn_grants()
        settled = self._ledger.store(progressions(chunk.numbers))
        if settled < len(chunk):
            self._listener.on_count("duplicated", len(chunk) - settled)
        if not self._builder.rows:
            self._flush_at = time.monotonic() + MAX_AGE_S
        self._builder.add(worker.name, chunk, watermark_ns)
        worker.uncounted.append(chunk)
        self._count_due([worker])

    def _count_due(self, workers: t.Iterable[peer_module.Peer]) -> None:
        """Make the snapshots of workers that cannot, as they are due."""
        for worker in workers:
            due_at = worker.counts_at
            if due_at is None or self._is_failed:
                continue
            if time.monotonic() >= due_at:
                worker.number += 1
                self._put_snapshot(worker, urgent=False)

    def _put_snapshot(self, worker: peer_module.Peer, urgent: bool) -> None:
        try:
            aggregate = worker.aggregate()
        except Exception as e:  # of a plugin: a criterion of the SLA
            self._fail(frames.Failure(*iteration.describe(e)))
            return
        if worker.counted_here is not None:
            urgent = worker.pace.sent(aggregate.is_passing, time.monotonic())
        self._listener.on_snapshot(
            worker.name, worker.number, aggregate, urgent
        )

    def _fail(self, failure: frames.Failure) -> None:
        """Results cannot be judged: make no more of them."""
        self._is_failed = True
        self._listener.on_failure(failure)
        self._source.stop()

    # ---- ends

    def _end(self, worker: peer_module.Peer) -> None:
        """Account for a worker that delivers nothing more."""
        with self._ring_lock:
            del self._workers[worker.results_fd]
            os.close(worker.control_fd)
        self._selector.unregister(worker.results_fd)
        self._selector.unregister(worker.exit_fd)
        death = worker.end()
        self._builder.leave(worker.name)
        is_told = worker.counted_here is not None and worker.bye is not None
        if (worker.uncounted or is_told) and not self._is_failed:
            worker.number += 1
            self._put_snapshot(worker, urgent=False)
        if worker.bye is not None:
            self._learn_grants()
            self._ledger.give_back(progressions(worker.bye.returned))
            self._source.give_back(worker.bye.returned)
        else:
            self._bury(worker, death)

    def _bury(self, worker: peer_module.Peer, death: str) -> None:
        """Report the death of a worker, and replace it if that helps."""
        self.deaths.add(death)
        is_needed = not (self._source.is_used_up or self._is_time_over)
        if is_needed and self.deaths.may_replace(time.monotonic()):
            self._listener.on_count("replaced_workers", 1)
            outcome = "another worker takes its place"
            self._fork(worker.index, worker.slots, is_replacement=True)
        elif is_needed:
            self.deaths.fatal = death
            self._source.stop()
            outcome = "too many died within ten minutes, so the load stops"
        else:
            outcome = "nothing was left to start"
        text = (
            "%s in the middle of its work: results it had not sent yet are "
            "lost; %s. Look for what ended it in the log of the system "
            "(memory?) and in the scenario (os._exit, a crash in C code?)."
            % (death, outcome)
        )
        LOG.warning(text)
        self._listener.on_problem(text)

    @property
    def _is_time_over(self) -> bool:
        ends_at = self._ends_at  # known as soon as the load has started
        if self._plan.duration_s == 0:
            return True
        return ends_at is not None and time.monotonic() >= ends_at

    def _learn_grants(self) -> None:
        for granted in self._source.take_granted():
            self._ledger.grant(granted)

    def _account(self) -> None:
        """What was drawn and neither delivered nor given back is lost."""
        self._learn_grants()
        self._ledger.give_back(self._source.undrawn())
        missing = self._ledger.outstanding()
        if missing:
            self.lost = [Lost(missing, self.deaths.reason)]

    def _release(self) -> None:
        """Leave nothing behind, whatever happened."""
        for worker in list(self._workers.values()):
            worker.process.kill()
            self._end(worker)
        self._selector.close()
        with self._ring_lock:
            self._is_over = True
            os.close(self._bell)
