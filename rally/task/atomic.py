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

"""Atomic actions: the timed steps of a scenario, a context or a service.

They form a tree. It is kept as plain dicts in a plain list, because plugins
read and share that list (a service gets the list of its scenario).
"""

from __future__ import annotations

import collections
import contextvars
import functools
import inspect
import time
import typing as t

import typing_extensions as te

from rally.common import clock, utils

_WALL_BASE_NS = clock.WALL_BASE_NS
_monotonic_ns = time.monotonic_ns

_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])


class AtomicAction(te.TypedDict):
    """One timed step; timestamps are seconds since the epoch."""

    name: str
    children: list[AtomicAction]
    started_at: float
    finished_at: te.NotRequired[float]  # absent while it runs
    failed: te.NotRequired[bool]  # present only after an exception


class MergedAtomicAction(te.TypedDict):
    """All steps of one name under one parent."""

    duration: float  # sum, seconds
    count: int
    children: MergedAtomicActions
    failed: te.NotRequired[bool]  # present if any of them failed


MergedAtomicActions: t.TypeAlias = (
    "collections.OrderedDict[str, MergedAtomicAction]"
)


class _Open(t.NamedTuple):
    """An action that some coroutine is in, and the one around it."""

    actions: ConcurrentActions  # of whom it is
    action: AtomicAction
    outer: _Open | None


_innermost: contextvars.ContextVar[_Open | None] = contextvars.ContextVar(
    "rally_atomic_action", default=None
)


class ConcurrentActions(list[AtomicAction]):
    """Actions of coroutines, which may run side by side in one iteration.

    So the last action that has not ended is not always the one around the
    next: each task of asyncio knows its own, and passes it on to the tasks
    that it makes.
    """

    def begin(self, action: AtomicAction) -> None:
        """Put *action* below the innermost one that has not ended."""
        outer = around = _innermost.get()
        while around is not None and (
            around.actions is not self or "finished_at" in around.action
        ):
            around = around.outer
        (self if around is None else around.action["children"]).append(action)
        _innermost.set(_Open(self, action, outer))

    def end(self, action: AtomicAction) -> None:
        """*action* is no longer the innermost one."""
        innermost = _innermost.get()
        if innermost is not None and innermost.action is action:
            _innermost.set(innermost.outer)


class ActionTimerMixin:
    """Something whose steps are timed."""

    _new_actions: t.ClassVar[type[list[AtomicAction]]] = list

    def __init_subclass__(cls, **kwargs: t.Any) -> None:
        super().__init_subclass__(**kwargs)
        if inspect.iscoroutinefunction(getattr(cls, "run", None)):
            cls._new_actions = ConcurrentActions

    def __init__(self) -> None:
        super().__init__()
        self._atomic_actions: list[AtomicAction] = self._new_actions()

    def atomic_actions(self) -> list[AtomicAction]:
        """The live list: it grows while actions run."""
        return self._atomic_actions

    def reset_atomic_actions(self) -> None:
        """Begin a new list; who holds the old one keeps it as it is."""
        self._atomic_actions = self._new_actions()


def _innermost_of(actions: list[AtomicAction]) -> list[AtomicAction]:
    """The list to which an action that begins now belongs.

    That is the children of the innermost unfinished action.
    """
    while actions:
        last = actions[-1]
        if "finished_at" in last:
            break
        actions = last["children"]
    return actions


class ActionTimer(utils.Timer):
    """Times one action: ``with ActionTimer(self, "boot_server"): ...``.

    In coroutines ``async with`` does the same.

    Written out flat: each call and each look-up in here is paid for by every
    atomic action of a run.
    """

    __slots__ = ("_action", "_actions")

    def __init__(self, instance: t.Any, name: str) -> None:
        """Prepare the timer.

        :param instance: an ``ActionTimerMixin``, or a service
        :param name: name of the action
        """
        self._actions: list[AtomicAction] = instance._atomic_actions
        self._action: AtomicAction = {  # type: ignore[typeddict-item]
            "name": name,
            "children": [],
        }

    def __enter__(self) -> ActionTimer:
        actions = self._actions
        action = self._action
        if type(actions) is ConcurrentActions:
            actions.begin(action)
        else:
            if actions:
                actions = _innermost_of(actions)
            actions.append(action)
        self.error = None
        self.start_ns = start_ns = _WALL_BASE_NS + _monotonic_ns()
        action["started_at"] = start_ns / 1e9
        return self

    def __exit__(self, type_: t.Any, value: t.Any, tb: t.Any) -> None:
        self.finish_ns = finish_ns = _WALL_BASE_NS + _monotonic_ns()
        action = self._action
        action["finished_at"] = finish_ns / 1e9
        if type_ is not None:
            self.error = (type_, value, tb)
            action["failed"] = True
        if type(self._actions) is ConcurrentActions:
            self._actions.end(action)

    async def __aenter__(self) -> ActionTimer:
        return self.__enter__()

    async def __aexit__(self, type_: t.Any, value: t.Any, tb: t.Any) -> None:
        self.__exit__(type_, value, tb)


def action_timer(name: str) -> t.Callable[[_F], _F]:
    """Time each call of a method, or coroutine, as one atomic action.

    :param name: name of the action
    """

    def wrap(func: _F) -> _F:
        if inspect.iscoroutinefunction(func):
            @functools.wraps(func)
            async def timed_async(
                self: t.Any, *args: t.Any, **kwargs: t.Any
            ) -> t.Any:
                with ActionTimer(self, name):
                    return await func(self, *args, **kwargs)

            return t.cast(_F, timed_async)

        @functools.wraps(func)
        def timed(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
            actions: list[AtomicAction] = self._atomic_actions
            if type(actions) is ConcurrentActions:
                with ActionTimer(self, name):
                    return func(self, *args, **kwargs)
            # the same without an object: it halves what an action costs
            action: AtomicAction = {  # type: ignore[typeddict-item]
                "name": name,
                "children": [],
            }
            (_innermost_of(actions) if actions else actions).append(action)
            action["started_at"] = (_WALL_BASE_NS + _monotonic_ns()) / 1e9
            try:
                left = func(self, *args, **kwargs)
            except BaseException:
                action["finished_at"] = (
                    _WALL_BASE_NS + _monotonic_ns()
                ) / 1e9
                action["failed"] = True
                raise
            action["finished_at"] = (_WALL_BASE_NS + _monotonic_ns()) / 1e9
            return left

        return t.cast(_F, timed)

    return wrap


def merge_atomic_actions(
    atomic_actions: t.Iterable[AtomicAction],
    root: MergedAtomicActions | None = None,
    depth: int = 0,
    depth_of_processing: int = 2,
) -> MergedAtomicActions:
    """Sum up actions of equal name, in order of their first appearance.

    :param atomic_actions: actions of one level
    :param root: what to add to; a new one if None
    :param depth: of this level
    :param depth_of_processing: deepest level whose actions are kept
    """
    merged = collections.OrderedDict() if root is None else root
    for action in atomic_actions:
        entry = merged.setdefault(
            action["name"],
            {
                "duration": 0.0,
                "count": 0,
                "children": collections.OrderedDict(),
            },
        )
        entry["duration"] += action["finished_at"] - action["started_at"]
        entry["count"] += 1
        if action.get("failed", False):
            entry["failed"] = True
        if depth < depth_of_processing:
            merge_atomic_actions(
                action["children"],
                root=entry["children"],
                depth=depth + 1,
                depth_of_processing=depth_of_processing,
            )
    return merged
