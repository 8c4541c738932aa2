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

"""The threads of one worker process that run iterations.

A fixed set of them draws numbers; one more is made only in place of a thread
that hangs beyond its timeout, or, in the open model, when fewer than two are
left to wait for the next due moment.
"""

from __future__ import annotations

import collections
import select
import sys
import threading
import traceback
import typing as t

from rally import exceptions
from rally.common import clock, logging, utils
from rally.task.load import drawing, iteration, switching
from rally.task.load import outbox as outbox_module
from rally.task.load import plan as plan_module
from rally.task.load import source as source_module
from rally.task.results import row as row_module

LOG = logging.getLogger(__name__)
NEVER_NS = 1 << 62
#: in the open model so many threads stand ready for what is due next
STANDBY = 2
#: the end of a wait is slept, which is more exact and costs a fraction of
#: waiting for the stop too; a stop is seen so much later at worst
SHORT_WAIT_NS = 20_000_000
#: how long a thread that hung waits for the exception meant for it
INTERRUPT_WAIT_S = 5.0


class WorkerThreads:
    """Runs the share of one process in a load."""

    def __init__(
        self,
        plan: plan_module.LoadPlan,
        slots: int,
        source: source_module.IterationSource,
        runner: iteration.IterationRunner,
        outbox: outbox_module.Outbox,
        on_start: t.Callable[[int], None],
        on_problem: t.Callable[[str], None],
        watch: memoryview | None = None,
        on_go: t.Callable[[int], None] = lambda zero_ns: None,
    ) -> None:
        """:param slots: iterations that may run at once in this process

        :param on_start: called with the number of each iteration
        :param watch: a shared word, where the watchdog notes when it will
            look again, monotonic ns; 0: no more
        :param on_go: called with the zero of schedule and duration
        """
        self._watch_word = memoryview(bytearray(8)).cast("q")
        if watch is not None:
            self._watch_word = watch
        self._plan = plan
        self._max_slots = slots
        self._source = source
        self._runner = runner
        self._outbox = outbox
        self._on_start = on_start
        self._on_problem = on_problem
        self._on_go = on_go
        self._lock = threading.Lock()
        self._slots: list[iteration.Slot] = []
        self._abandoned: list[threading.Thread] = []
        self._drawn: collections.deque[int] = collections.deque()
        self._draw_ahead = drawing.DrawAhead()
        # no process draws ahead what another may soon want
        self._spare = 4 * plan.concurrency
        self._unstarted: list[int] = []
        self._standing: collections.deque[None] = collections.deque()
        self._more = threading.Semaphore(0)  # threads to make
        self._go = threading.Event()
        self._stop = threading.Event()
        self._done = threading.Event()
        self._zero_ns = 0  # since the epoch
        self._end_ns = NEVER_NS

    # ---- for the process

    def assemble(self) -> None:
        """Make the threads; they wait for ``go``."""
        switching.begin(self._plan.is_open)
        first = self._max_slots
        if self._plan.is_open:
            first = min(first, STANDBY)
            self._thread(self._enlarge, "enlarge")
        if self._plan.timeout_s:
            self._thread(self._watch, "watchdog")
        for _ in range(first):
            self._add_slot(is_fresh=True)

    def go(self, zero_ns: int, is_fresh: bool) -> None:
        """Start.

        :param zero_ns: zero of schedule and duration, monotonic clock
        :param is_fresh: not in place of another process; then each thread
            runs one iteration even if no duration is left
        """
        self._zero_ns = clock.WALL_BASE_NS + zero_ns
        if self._plan.duration_s is not None:
            self._end_ns = self._zero_ns + clock.to_ns(self._plan.duration_s)
        for slot in self._slots:
            slot.is_fresh = is_fresh
        self._on_go(zero_ns)
        if is_fresh and not self._plan.is_open:
            self._draw_first()
        self._go.set()

    def _draw_first(self) -> None:
        """Draw for all threads at once, which start together.

        In each call of its own a thread would hand the interpreter over to
        another one that only just begins.
        """
        while (missing := len(self._slots) - len(self._drawn)) > 0:
            numbers = self._source.draw_now(missing)
            if not numbers:  # none are there; a thread waits for them
                return
            self._drawn.extend(numbers)

    def wake(self) -> None:
        """The source has changed."""
        if self._source.is_stopped:
            self._stop.set()
            self._go.set()  # perhaps it never started
        self._source.wake()

    def join(self) -> list[int]:
        """Wait for the end.

        :returns: numbers that were drawn but not started
        """
        self._done.wait()
        for thread in self._abandoned:
            if thread.is_alive():
                self._outbox.count("abandoned_threads")
        return [*self._unstarted, *self._drawn, *self._source.held()]

    def slot_count(self) -> int:
        """Threads that run iterations, or could."""
        return len(self._slots)

    def watermark_ns(self) -> int:
        """No iteration that is not in the outbox yet started before it."""
        now = clock.now_ns()  # first: a slot that looks idle starts later
        return min([now, *(slot.floor_ns for slot in self._slots)])

    # ---- threads

    @staticmethod
    def _thread(
        target: t.Callable[..., None], name: str, *args: t.Any
    ) -> None:
        threading.Thread(
            target=target, name=name, args=args, daemon=True
        ).start()

    def _add_slot(self, is_fresh: bool) -> None:
        slot = iteration.Slot(is_fresh)
        slot.floor_ns = NEVER_NS
        with self._lock:
            if self._done.is_set():
                return
            self._slots = [*self._slots, slot]
            switching.grown_to(len(self._slots))
        try:
            self._thread(self._run_slot, "iterations", slot)
        except RuntimeError as e:
            self._leave(slot)
            self._on_problem(
                "A worker process cannot start another thread (%s), so fewer "
                "iterations run at once than were asked for. Raise the "
                "limit of processes (ulimit -u), or lower the concurrency."
                % e
            )

    def _run_slot(self, slot: iteration.Slot) -> None:
        slot.thread = threading.current_thread()
        try:
            self._go.wait()
            if not self._wait_until(self._zero_ns):
                return
            if self._plan.is_open:
                self._run_open(slot)
            else:
                self._run_closed(slot)
        except exceptions.ThreadTimeoutException:
            if not slot.is_abandoned:
                raise
        except BrokenPipeError as e:  # the pool is gone: the process ends
            LOG.debug("A thread ends: %s" % e)
        finally:
            self._leave(slot)

    def _leave(self, slot: iteration.Slot) -> None:
        with self._lock:
            self._slots = [s for s in self._slots if s is not slot]
            if not self._slots:
                self._done.set()
                self._more.release()

    def _wait_until(self, due_ns: int) -> bool:
        """Sleep until this moment; False if the load stops before."""
        left_ns = due_ns - clock.now_ns()
        if left_ns > SHORT_WAIT_NS:
            if self._stop.wait((left_ns - SHORT_WAIT_NS) / 1e9):
                return False
            left_ns = due_ns - clock.now_ns()
        if left_ns > 0:
            # not time.sleep, which fails where libfaketime sets the clock
            select.select((), (), (), left_ns / 1e9)
        return not self._stop.is_set()

    # ---- closed model

    def _run_closed(self, slot: iteration.Slot) -> None:
        drawn, may_start = self._drawn, self._source.may_start
        run = self._run_timed if self._plan.timeout_s else self._run
        end_ns = self._end_ns
        while end_ns == NEVER_NS or clock.now_ns() < end_ns or slot.is_fresh:
            try:
                number = drawn.popleft()
            except IndexError:
                if not self._draw(slot):
                    return
                continue
            if not may_start(number):
                self._unstarted.append(number)
                return
            slot.is_fresh = False
            if not run(slot, number, None):
                return

    def _draw(self, slot: iteration.Slot) -> bool:
        """Draw for this process; False: there are no more numbers.

        As many as it is likely to start within a millisecond, but one at a
        time while its threads start, and when few are left for all.
        """
        slot.floor_ns = NEVER_NS
        ahead = self._draw_ahead.want()
        want = 1 if slot.is_fresh else ahead
        numbers = self._source.draw_many(want, self._spare)
        slot.floor_ns = clock.now_ns()
        self._drawn.extend(numbers)
        self._draw_ahead.drew(len(numbers))
        return bool(numbers)

    # ---- open model

    def _run_open(self, slot: iteration.Slot) -> None:
        schedule = self._plan.schedule
        assert schedule is not None
        run = self._run_timed if self._plan.timeout_s else self._run
        while True:
            slot.floor_ns = NEVER_NS
            self._standing.append(None)
            free_ns = clock.now_ns()
            is_full = len(self._slots) >= self._max_slots
            numbers = self._source.draw_many(1)
            if not numbers:
                return
            number = numbers[0]
            due_ns = self._zero_ns + schedule.due_ns(number - 1)
            if due_ns < free_ns and is_full:
                self._outbox.late_for_a_slot(free_ns - due_ns)
            slot.floor_ns = max(due_ns, clock.now_ns())
            if not (
                self._wait_until(due_ns) and self._source.may_start(number)
            ):
                self._unstarted.append(number)
                return
            self._standing.popleft()
            if len(self._standing) < STANDBY:
                self._more.release()
            if not run(slot, number, due_ns):
                return

    def _enlarge(self) -> None:
        """Make threads as they are asked for."""
        while True:
            self._more.acquire()
            if self._done.is_set():
                return
            if (
                len(self._standing) < STANDBY
                and len(self._slots) < self._max_slots
            ):
                self._add_slot(is_fresh=False)

    # ---- one iteration

    def _run(
        self, slot: iteration.Slot, number: int, due_ns: int | None
    ) -> bool:
        """Run iteration *number*; False if this thread was given up."""
        self._on_start(number)
        self._keep(slot, self._runner.run(number, slot, due_ns))
        return True

    def _run_timed(
        self, slot: iteration.Slot, number: int, due_ns: int | None
    ) -> bool:
        """``_run`` an iteration that the watchdog may end."""
        self._on_start(number)
        slot.number, slot.started_ns = number, clock.now_ns()
        slot.ticket.append(number)
        row = self._runner.run(number, slot, due_ns)
        try:
            slot.ticket.pop()
        except IndexError:  # the watchdog has recorded it
            # the exception for this thread is on its way: meet it here
            threading.Event().wait(INTERRUPT_WAIT_S)
            return False
        self._keep(slot, row)
        return True

    def _keep(self, slot: iteration.Slot, row: row_module.Row) -> None:
        """The iteration of *slot* left *row*."""
        self._outbox.put(row)
        slot.floor_ns = row.started_ns + row.duration_ns + row.idle_ns

    def _watch(self) -> None:
        """End the iterations that run beyond the timeout."""
        timeout_ns = clock.to_ns(self._plan.timeout_s or 0)
        while not self._done.is_set():
            now = clock.now_ns()
            # what starts from now on ends later than any deadline here
            next_ns = now + timeout_ns
            for slot in self._slots:
                if not slot.ticket:
                    continue
                deadline_ns = slot.started_ns + timeout_ns
                if deadline_ns <= now:
                    self._cut_off(slot)
                else:
                    next_ns = min(next_ns, deadline_ns)
            self._watch_word[0] = next_ns - clock.WALL_BASE_NS
            self._done.wait((next_ns - clock.now_ns()) / 1e9)
        self._watch_word[0] = 0

    def _cut_off(self, slot: iteration.Slot) -> None:
        """Record the iteration of *slot* as failed, and replace its thread.
        """
        try:
            slot.ticket.pop()
        except IndexError:  # it ended just in time
            return
        slot.is_abandoned = True
        self._abandoned.append(slot.thread)
        ident = slot.thread.ident or 0
        exc = exceptions.ThreadTimeoutException()
        error = row_module.error_of(
            (type(exc).__name__, exc.format_message(), _stack_of(ident))
        )
        row = self._runner.cut_off(slot, clock.now_ns(), error)
        utils.terminate_thread(ident)
        self._outbox.count("timed_out")
        self._outbox.put(row)
        self._add_slot(is_fresh=False)
        self._leave(slot)


def _stack_of(ident: int) -> str:
    """Where a thread is, as a traceback."""
    frame = sys._current_frames().get(ident)
    if frame is None:
        return ""
    lines = traceback.format_stack(frame)
    return "Traceback (most recent call last):\n" + "".join(lines)
