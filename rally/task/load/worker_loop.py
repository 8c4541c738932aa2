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

"""The event loop of one worker process that runs ``async`` iterations.

It has the interface of ``WorkerThreads``. Nothing waits for a number in a
slot of its own: whenever something ends or changes, ``_fill`` starts what may
start now, so ten thousand idle slots cost nothing.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import threading
import traceback
import typing as t

from rally import exceptions
from rally.common import clock, logging
from rally.task.load import (
    drawing,
    iteration,
    loop_clock,
    loop_probe,
    switching,
)
from rally.task.load import outbox as outbox_module
from rally.task.load import plan as plan_module
from rally.task.load import source as source_module
from rally.task.results import row as row_module

LOG = logging.getLogger(__name__)
NEVER_NS = 1 << 62
#: how long coroutines that were cancelled may take to clean up at the end
CLEAN_UP_S = 5.0


class WorkerLoop:
    """Runs the share of one process in a load, as coroutines.

    ``join`` runs the loop, in the thread that calls it. What other threads
    call hands over to the loop, but for ``watermark_ns``.
    """

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
        """For the parameters see ``WorkerThreads``."""
        self._watch_word = memoryview(bytearray(8)).cast("q")
        if watch is not None:
            self._watch_word = watch
        self._plan = plan
        self._is_open = plan.is_open
        self._timeout_ns = clock.to_ns(plan.timeout_s or 0)
        self._source = source
        self._runner = runner
        self._outbox = outbox
        self._on_start = on_start
        self._on_problem = on_problem
        self._on_go = on_go
        self._free = slots  # iterations that may start beside the others
        self._used: list[iteration.Slot] = []  # of iterations that ended
        #: those with an iteration, by its start; C code, and its first one
        #: is found at once even after many were taken out
        self._running: collections.OrderedDict[iteration.Slot, None]
        self._running = collections.OrderedDict()
        self._floor_ns = NEVER_NS  # start of the first of them
        self._abandoned: set[asyncio.Task[None]] = set()
        self._drawn: collections.deque[int] = collections.deque()
        self._draw_ahead = drawing.DrawAhead()
        # no process draws ahead what another may soon want
        self._spare = 4 * plan.concurrency
        self._due_ns: int | None = None  # of the first drawn (open model)
        self._freed_ns = 0  # since when no longer all slots were taken
        self._unstarted: list[int] = []
        self._owed = 0  # iterations to start even if no duration is left
        self._zero_ns = 0  # since the epoch
        self._end_ns = NEVER_NS
        self._has_begun = self._is_over = self._is_fill_due = False
        self._room_asked_ns = 0
        self._failure: BaseException | None = None

    # ---- for the process

    def assemble(self) -> None:
        """Make the loop; it waits for ``go``."""
        switching.begin(self._plan.is_open)
        self._loop = asyncio.new_event_loop()
        #: what iterations put into context variables is not in this one
        self._clean = contextvars.copy_context()
        self._done = asyncio.Event()
        self._due_clock = loop_clock.LoopClock(self._loop, self._fill)
        self._probe = loop_probe.LoopProbe(
            self._loop, threading.get_ident(), self._outbox.ran_late,
            self._on_problem,
        )

    def go(self, zero_ns: int, is_fresh: bool) -> None:
        """Start; see ``WorkerThreads.go``."""
        self._zero_ns = clock.WALL_BASE_NS + zero_ns
        if self._plan.duration_s is not None:
            self._end_ns = self._zero_ns + clock.to_ns(self._plan.duration_s)
        self._owed = self._free if is_fresh else 0
        self._on_go(zero_ns)
        self._tell(self._begin)

    def wake(self) -> None:
        """The source has changed."""
        self._source.wake()
        self._tell(self._look_at_source)

    def join(self) -> list[int]:
        """Run the loop to the end of the load.

        :returns: numbers that were drawn but not started
        """
        self._probe.start()
        while not self._done.is_set():
            self._run_until(self._done.wait())
        self._probe.stop()
        self._due_clock.close()
        self._watch_word[0] = 0
        if self._failure is not None:
            raise self._failure
        if self._abandoned:
            self._run_until(asyncio.wait(self._abandoned, timeout=CLEAN_UP_S))
        for _ in self._abandoned:
            self._outbox.count("abandoned_coroutines")
        return [*self._unstarted, *self._drawn, *self._source.held()]

    def _run_until(self, done: t.Coroutine[t.Any, t.Any, t.Any]) -> None:
        """Run the loop until *done* is, or a task ends the program."""
        try:
            self._loop.run_until_complete(done)
        except (SystemExit, KeyboardInterrupt) as e:
            # of a task that a scenario made, which asyncio lets through;
            # whoever awaits that task gets it too
            LOG.debug("A task of a scenario raised %r" % e)

    def slot_count(self) -> int:
        """Threads that run iterations."""
        return 1

    def watermark_ns(self) -> int:
        """No iteration that is not in the outbox yet started before it."""
        now = clock.now_ns()  # first: what is not running yet starts later
        return min(now, self._floor_ns)

    # ---- on the loop

    def _tell(self, what: t.Callable[[], None]) -> None:
        """Have *what* called by the loop; from any thread."""
        self._loop.call_soon_threadsafe(what)

    def _begin(self) -> None:
        if clock.now_ns() < self._zero_ns:
            self._due_clock.call_at(self._zero_ns, self._begin)
            return
        self._has_begun = True
        if self._timeout_ns:
            self._watch()
        self._fill()

    def _look_at_source(self) -> None:
        if self._source.is_stopped:
            self._has_begun = True  # perhaps it never started
        self._fill()

    def _fill(self) -> None:
        """Start all that may start now; end if nothing ever will.

        Not called by an iteration: the tasks that are made here would see
        its context variables.
        """
        self._is_fill_due = False
        if not self._has_begun:
            return
        try:
            while self._free and not self._is_over and self._has_room():
                number = self._next()
                if number is None:
                    break
                self._start(number)
        except BaseException as e:  # top of the loop
            self._failure = e
            self._done.set()
        if self._is_over and not self._running:
            self._done.set()

    def _has_room(self) -> bool:
        if self._room_asked_ns:
            return False
        if self._outbox.has_room(self._tell_of_room):
            return True
        self._room_asked_ns = clock.now_ns()
        return False

    def _tell_of_room(self) -> None:
        self._tell(self._on_room)

    def _on_room(self) -> None:
        self._outbox.held(clock.now_ns() - self._room_asked_ns)
        self._room_asked_ns = 0
        self._fill()

    # ---- numbers

    def _next(self) -> int | None:
        """The number to start now, if there is one."""
        is_open = self._is_open
        if (
            self._end_ns != NEVER_NS and not (is_open or self._owed)
            and clock.now_ns() >= self._end_ns
        ):
            self._is_over = True
            return None
        if not self._drawn and not self._draw():
            return None
        number = self._drawn[0]
        if is_open and not self._is_due(number):
            return None
        may_start = self._source.may_start_now(number)
        if may_start is None:  # a ring will come
            return None
        self._drawn.popleft()
        if not may_start:
            self._unstarted.append(number)
            self._is_over = True
            return None
        return number

    def _draw(self) -> bool:
        """Draw for this process; False: there is nothing to start now."""
        want, spare = 1, 1
        if not self._is_open:
            ahead = self._draw_ahead.want()
            want = min(self._free, drawing.MAX_DRAW_AHEAD)
            if want == 1 and not self._owed:  # else all of them start now
                want, spare = ahead, self._spare
        numbers = self._source.draw_now(want, spare)
        if numbers is None:  # a ring will come
            return False
        self._draw_ahead.drew(len(numbers))
        self._drawn.extend(numbers)
        self._is_over = not numbers
        return bool(numbers)

    def _is_due(self, number: int) -> bool:
        schedule = self._plan.schedule
        assert schedule is not None
        if self._due_ns is None:
            self._due_ns = self._zero_ns + schedule.due_ns(number - 1)
            if self._due_ns < self._freed_ns:
                self._outbox.late_for_a_slot(self._freed_ns - self._due_ns)
        if clock.now_ns() >= self._due_ns or self._source.is_stopped:
            return True
        self._due_clock.call_at(self._due_ns, self._fill)
        return False

    # ---- one iteration

    def _start(self, number: int) -> None:
        self._free -= 1
        slot = self._used.pop() if self._used else iteration.Slot()
        due_ns, self._due_ns = self._due_ns, None
        if self._owed:
            self._owed -= 1
        slot.number, slot.lag_ns = number, 0
        slot.floor_ns = slot.started_ns = clock.now_ns()
        if not self._running:
            self._floor_ns = slot.floor_ns
        self._running[slot] = None
        slot.ticket.append(number)
        self._on_start(number)
        # the class itself: no name is made up, and no factory asked for
        slot.thread = asyncio.Task(
            self._iterate(slot, number, due_ns), loop=self._loop,
            name="iteration",
        )

    async def _iterate(
        self, slot: iteration.Slot, number: int, due_ns: int | None
    ) -> None:
        row = await self._runner.run_async(number, slot, due_ns)
        if not slot.ticket:  # the watch has recorded it
            return
        slot.ticket.pop()
        self._outbox.offer(row)
        self._leave(slot, slot)
        if not self._is_fill_due:  # once for all that end in a turn of it
            self._is_fill_due = True
            self._loop.call_soon(self._fill, context=self._clean)

    def _leave(self, slot: iteration.Slot, free: iteration.Slot) -> None:
        """The iteration of *slot* has left a row; *free* takes the next."""
        if not self._free:
            self._freed_ns = clock.now_ns()
        self._free += 1
        self._used.append(free)
        del self._running[slot]
        if slot.floor_ns <= self._floor_ns:
            first = next(iter(self._running), None)
            self._floor_ns = NEVER_NS if first is None else first.floor_ns

    # ---- timeouts

    def _watch(self) -> None:
        """End the iterations that run beyond the timeout."""
        now = clock.now_ns()
        # what starts from now on ends later than any deadline here
        next_ns = now + self._timeout_ns
        for slot in list(self._running):
            deadline_ns = slot.started_ns + self._timeout_ns
            if deadline_ns > now:  # so are those of all that started later
                next_ns = deadline_ns
                break
            self._cut_off(slot)
        if not self._done.is_set():
            at_ns = next_ns - clock.WALL_BASE_NS
            self._watch_word[0] = at_ns
            self._loop.call_at(at_ns / 1e9, self._watch)
        self._fill()

    def _cut_off(self, slot: iteration.Slot) -> None:
        """Record the iteration of *slot* as failed, and cancel it."""
        slot.ticket.pop()
        task = slot.thread
        exc = exceptions.ThreadTimeoutException()
        error = row_module.error_of(
            (type(exc).__name__, exc.format_message(), _stack_of(task))
        )
        row = self._runner.cut_off(slot, clock.now_ns(), error)
        task.cancel()
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)
        self._outbox.count("timed_out")
        self._outbox.offer(row)
        self._leave(slot, iteration.Slot())


def _stack_of(task: asyncio.Task[t.Any]) -> str:
    """Where the coroutine of a task waits, as a traceback."""
    frames, awaited = [], t.cast(t.Any, task.get_coro())
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        frames.append((frame, frame.f_lineno))
        awaited = awaited.cr_await
    lines = traceback.StackSummary.extract(iter(frames)).format()
    return "Traceback (most recent call last):\n" + "".join(lines)
