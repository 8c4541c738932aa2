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

"""Runs one iteration and keeps what it did as a row."""

from __future__ import annotations

import inspect
import time
import traceback
import typing as t

from rally.common import clock, utf8
from rally.task import context as context_module
from rally.task import types
from rally.task.load import copied_on_touch, forks, isolation
from rally.task.load.errors import CoroutineNotAwaited
from rally.task.results import row as row_module

if t.TYPE_CHECKING:
    from rally.task import scenario

NS = 1_000_000_000
#: shapes remembered; a scenario that names its actions at random has more
_MAX_SHAPES = 1000
_LAST_S = row_module.LAST_NS / NS
_WALL_BASE_NS = clock.WALL_BASE_NS
_monotonic_ns = time.monotonic_ns
_new_row = tuple.__new__  # a third of the cost of calling the class


class Slot:
    """What a thread that runs iterations is at.

    Others only look, but for the *ticket*: it is there while an iteration
    with a deadline runs, and whoever pops it records that iteration.
    """

    __slots__ = (
        "floor_ns", "scenario", "number", "started_ns", "lag_ns", "ticket",
        "thread", "is_abandoned", "is_fresh",
    )

    def __init__(self, is_fresh: bool = True) -> None:
        self.floor_ns = 0  # no row that comes from here starts before it
        self.scenario: t.Any = None
        self.number = 0
        self.started_ns = 0
        self.lag_ns = 0
        self.ticket: list[int] = []
        self.thread: t.Any = None
        self.is_abandoned = False
        self.is_fresh = is_fresh  # has run nothing yet


def describe(exc: BaseException) -> row_module.Error:
    """Type, message and traceback of *exc*, whatever its class does."""
    try:
        message = utf8.text_of(str(exc))
    except BaseException as e:  # a plugin's exception may fail to print
        message = "its message cannot be shown: %s" % type(e).__name__
    try:
        trace = utf8.text_of("".join(
            traceback.format_exception(type(exc), exc, exc.__traceback__)
        ))
    except BaseException:  # the same
        trace = "".join(traceback.format_tb(exc.__traceback__))
    return type(exc).__name__, message, trace


class IterationRunner:
    """Makes and runs the scenario of each iteration of a workload.

    It never raises: whatever goes wrong is a failed iteration.
    """

    def __init__(
        self,
        scenario_cls: type[scenario.Scenario],
        method_name: str,
        context: t.Mapping[str, t.Any],
        args: t.Mapping[str, t.Any],
        guard: forks.ForkGuard | forks.OnceGuard | None = None,
    ) -> None:
        """:param guard: ends a copy of this process that a scenario forked
            and that comes back
        """
        self._guard = guard or forks.OnceGuard()
        self._scenario_cls = scenario_cls
        self._method_name = method_name
        #: iterations are coroutines: they are run by ``run_async``
        self.is_async = inspect.iscoroutinefunction(
            getattr(scenario_cls, method_name, None)
        )
        shared = dict(context)
        self._dealers = context_module.dealers(shared)
        self._copy_context = isolation.copier(shared)
        self._is_copied_on_touch = isinstance(
            self._copy_context, copied_on_touch.Copier
        )
        self._copy_args = isolation.copier(dict(args))
        self._deferred = [
            name for name, value in args.items()
            if isinstance(value, types.DeferredResource)
        ]
        self._shapes: dict[t.Any, row_module.Shape] = {}

    def run(
        self, number: int, slot: Slot, due_ns: int | None = None
    ) -> row_module.Row:
        """Run iteration *number*.

        :param due_ns: when it was due, nanoseconds since the epoch
        """
        try:
            context, args = self._prepare(number, slot)
        except BaseException as e:  # of a plugin's object
            return _not_begun(number, e)
        error = None
        _start(slot, due_ns)
        try:
            left = self._method_of(slot, context, args)(**args)
            finished = _WALL_BASE_NS + _monotonic_ns()
            if left is not None:
                _refuse_coroutine(left)
        except BaseException as e:  # whatever a plugin raises
            finished = _WALL_BASE_NS + _monotonic_ns()
            error = self._error_of(e)
        return self._end(context, slot, finished, error)

    async def run_async(
        self, number: int, slot: Slot, due_ns: int | None = None
    ) -> row_module.Row:
        """Run iteration *number* of a scenario whose method is ``async``.

        A cancellation is one more error that the scenario may raise.

        :param due_ns: when it was due, nanoseconds since the epoch
        """
        try:
            context, args = self._prepare(number, slot)
        except BaseException as e:  # of a plugin's object
            return _not_begun(number, e)
        error = None
        _start(slot, due_ns)
        try:
            await self._method_of(slot, context, args)(**args)
            finished = _WALL_BASE_NS + _monotonic_ns()
        except BaseException as e:  # whatever a plugin raises
            finished = _WALL_BASE_NS + _monotonic_ns()
            error = self._error_of(e)
        return self._end(context, slot, finished, error)

    def _prepare(
        self, number: int, slot: Slot
    ) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
        """The iteration's own context and arguments.

        :raises BaseException: whatever a plugin's object raises
        """
        slot.number = number
        context = self._copy_context()
        context["iteration"] = number
        for deal in self._dealers:
            deal(context, number)
        return context, self._copy_args()

    def _method_of(
        self, slot: Slot, context: dict[str, t.Any], args: dict[str, t.Any]
    ) -> t.Callable[..., t.Any]:
        """What to call; *args* are complete then."""
        slot.scenario = scenario_inst = self._scenario_cls(context)
        for name in self._deferred:
            args[name] = args[name].resolve(scenario_inst)
        method: t.Callable[..., t.Any] = getattr(
            scenario_inst, self._method_name
        )
        return method

    def _error_of(self, exc: BaseException) -> row_module.Error:
        if self._guard.is_copy:
            self._guard.end(exc)
        return describe(exc)

    def _end(
        self,
        context: dict[str, t.Any],
        slot: Slot,
        finished: int,
        error: row_module.Error | None,
    ) -> row_module.Row:
        if self._guard.is_copy:
            self._guard.end()
        if self._is_copied_on_touch:
            copied_on_touch.release(context)
        ended = self.cut_off(slot, finished, error)
        slot.scenario = None
        return ended

    def cut_off(
        self, slot: Slot, finished: int, error: row_module.Error | None
    ) -> row_module.Row:
        """The row of the iteration that *slot* is in, as it is now."""
        number, started, lag = slot.number, slot.started_ns, slot.lag_ns
        scenario_inst = slot.scenario
        if scenario_inst is None:
            return row_module.Row(
                number, started, finished - started, 0, lag, (), (), error,
                None,
            )
        idle, output = 0, None
        shape: row_module.Shape = ()
        times: tuple[int, ...] = ()
        try:
            actions = scenario_inst._atomic_actions
            if actions:
                shape, times = self._shape_of(actions, started, finished)
            idle_s = scenario_inst.idle_duration()
            if idle_s:
                idle = min(clock.to_ns(idle_s), finished - started)
            left = vars(scenario_inst).get("_output")
            if left and (left["additive"] or left["complete"]):
                output = row_module.plain_output(left)
        except BaseException as e:  # of what a plugin left behind
            error = error or describe(e)
        return _new_row(row_module.Row, (
            number, started, finished - started - idle, idle, lag, shape,
            times, error, output,
        ))

    def _shape_of(
        self, actions: t.Any, started: int, finished: int
    ) -> tuple[row_module.Shape, tuple[t.Any, ...]]:
        found: list[t.Any] = []
        times: list[t.Any] = []
        try:
            _walk(actions, 0, found, times)
        except (LookupError, TypeError, ValueError):
            found, times = [], []
            _walk_odd(actions, 0, started, finished, found, times)
        key = tuple(found)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._new_shape(key)
        return shape, tuple(times)

    def _new_shape(self, key: tuple[t.Any, ...]) -> row_module.Shape:
        """The shape of actions as ``_walk`` finds them."""
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
        shape = tuple(
            row_module.Node(row_module.name_of(name), depth, failed)
            for name, depth, failed in zip(key[::3], key[1::3], key[2::3])
        )
        if all(node.name == name for node, name in zip(shape, key[::3])):
            self._shapes[key] = shape  # not one of names that were cut
        return shape


def _not_begun(number: int, exc: BaseException) -> row_module.Row:
    """The row of an iteration that got no context."""
    now = clock.now_ns()
    return row_module.Row(number, now, 0, 0, 0, (), (), describe(exc), None)


def _start(slot: Slot, due_ns: int | None) -> None:
    """Its iteration starts; a lag of 0 is for one not due at any moment."""
    slot.started_ns = started = _WALL_BASE_NS + _monotonic_ns()
    slot.lag_ns = 0 if due_ns is None else max(1, started - due_ns)


def _refuse_coroutine(left: t.Any) -> None:
    """An iteration that did nothing yet must not count as done.

    :raises CoroutineNotAwaited: *left*, what ``run`` returned, is one
    """
    if inspect.iscoroutine(left):
        left.close()
        raise CoroutineNotAwaited(name=left.__qualname__)


def _walk(
    actions: t.Any, depth: int, found: list[t.Any], times: list[float]
) -> None:
    """Like ``row.shape_of``, on the hot path.

    :param found: gets name, depth and failure of each action, one after
        the other: a flat tuple of them is found fastest
    :param times: gets start and finish as they are: a chunk converts those
        of all its rows for a tenth of the cost
    :raises LookupError: an action has not finished
    :raises ValueError: its times are not those of ``ActionTimer``
    :raises TypeError: the same
    """
    for action in actions:
        started_s, finished_s = action["started_at"], action["finished_at"]
        # whatever else: times of numbers that are not finite, say
        if not (
            type(started_s) is float
            and 0.0 < started_s <= finished_s < _LAST_S
        ):
            raise ValueError("an odd action")
        found += (action["name"], depth, "failed" in action)
        times += (started_s, finished_s)
        children = action["children"]
        if children:
            _walk(children, depth + 1, found, times)


def _walk_odd(
    actions: t.Any,
    depth: int,
    started_ns: int,
    finished_ns: int,
    found: list[t.Any],
    times: list[int],
) -> None:
    """``_walk`` with what a plugin may do to its actions.

    One that has not finished was cut off: it ends with its iteration, and
    failed.

    :param times: gets integers: that end is known to the nanosecond
    """
    for action in actions:
        is_cut_off = "finished_at" not in action
        found += (action["name"], depth, is_cut_off or "failed" in action)
        finished_s = 0.0 if is_cut_off else float(action["finished_at"])
        times += row_module.times_of(
            (float(action["started_at"]), finished_s), started_ns
        )
        if is_cut_off:
            times[-1] = finished_ns - started_ns
        if max(map(abs, times[-2:])) > row_module.LAST_NS:
            raise ValueError("a time of an action is out of range")
        children = action["children"]
        if children:
            _walk_odd(
                children, depth + 1, started_ns, finished_ns, found, times
            )
