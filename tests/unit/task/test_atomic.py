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

"""Tests of the timers of atomic actions."""

from __future__ import annotations

import asyncio
import contextlib
import typing as t

import hypothesis
from hypothesis import strategies as st

from rally.task import atomic
from tests.unit import test

# a tree of actions: a list of (name, is it to fail, tree of its children)
trees: t.Any = st.recursive(
    st.just([]),
    lambda children: st.lists(
        st.tuples(st.sampled_from("abc"), st.booleans(), children),
        max_size=3,
    ),
    max_leaves=8,
)


class _Failure(Exception):
    pass


def _play(instance: atomic.ActionTimerMixin, tree: t.Any) -> None:
    """Run nested actions of the shape of *tree*."""
    for name, is_to_fail, children in tree:
        try:
            with atomic.ActionTimer(instance, name):
                _play(instance, children)
                if is_to_fail:
                    raise _Failure()
        except _Failure:
            pass


def _shape(actions: t.Any) -> t.Any:
    return [
        (a["name"], a.get("failed", False), _shape(a["children"]))
        for a in actions
    ]


class ActionTimerTestCase(test.TestCase):
    @hypothesis.settings(max_examples=60)
    @hypothesis.given(tree=trees)
    def test_actions_nest_as_their_blocks_do(self, tree: t.Any) -> None:
        instance = atomic.ActionTimerMixin()
        _play(instance, tree)
        self.assertEqual(list(tree), _shape(instance.atomic_actions()))

    def test_an_action_has_just_the_keys_of_the_results(self) -> None:
        instance = atomic.ActionTimerMixin()
        with atomic.ActionTimer(instance, "step"):
            running = dict(instance.atomic_actions()[0])
        (finished,) = instance.atomic_actions()
        self.assertEqual(["name", "children", "started_at"], list(running))
        self.assertEqual(
            ["name", "children", "started_at", "finished_at"], list(finished)
        )
        self.assertIsInstance(finished["started_at"], float)
        self.assertGreaterEqual(
            finished["finished_at"], finished["started_at"]
        )

    def test_the_timer_knows_its_duration_and_its_error(self) -> None:
        instance = atomic.ActionTimerMixin()
        timer = atomic.ActionTimer(instance, "step")
        with self.assertRaisesRegex(_Failure, "^$"), timer:
            raise _Failure()
        (action,) = instance.atomic_actions()
        self.assertEqual(action["started_at"], timer.timestamp())
        self.assertEqual(action["finished_at"], timer.finish_timestamp())
        self.assertGreaterEqual(timer.duration(), 0)
        self.assertIs(_Failure, (timer.error or [None])[0])

    def test_a_service_adds_to_the_list_of_its_scenario(self) -> None:
        scenario = atomic.ActionTimerMixin()
        service = atomic.ActionTimerMixin()
        service._atomic_actions = scenario.atomic_actions()
        with (
            atomic.ActionTimer(scenario, "outer"),
            atomic.ActionTimer(service, "inner"),
        ):
            pass
        self.assertEqual(
            [("outer", False, [("inner", False, [])])],
            _shape(scenario.atomic_actions()),
        )

    def test_a_decorated_method_is_an_action(self) -> None:
        class Instance(atomic.ActionTimerMixin):
            @atomic.action_timer("sum")
            def sum(self, a: int, b: int = 1) -> int:
                """Docs."""
                return a + b

        instance = Instance()
        self.assertEqual(5, instance.sum(2, b=3))
        self.assertEqual("Docs.", Instance.sum.__doc__)
        self.assertEqual(
            [("sum", False, [])], _shape(instance.atomic_actions())
        )

    def test_a_reset_leaves_the_old_list_to_its_holder(self) -> None:
        instance = atomic.ActionTimerMixin()
        with atomic.ActionTimer(instance, "step"):
            pass
        kept = instance.atomic_actions()
        instance.reset_atomic_actions()
        self.assertEqual([], instance.atomic_actions())
        self.assertEqual([("step", False, [])], _shape(kept))


def _action(
    name: str,
    duration: float,
    children: t.Sequence[t.Any] = (),
    failed: bool = False,
) -> t.Any:
    action: dict[str, t.Any] = {
        "name": name,
        "children": list(children),
        "started_at": 1.0,
        "finished_at": 1.0 + duration,
    }
    if failed:
        action["failed"] = True
    return action


class MergeAtomicActionsTestCase(test.TestCase):
    def test_equal_names_are_summed_up_in_order_of_appearance(self) -> None:
        merged = atomic.merge_atomic_actions(
            [
                _action("b", 1),
                _action("a", 2),
                _action("b", 4, failed=True),
                _action("b", 8),
            ]
        )
        self.assertEqual(["b", "a"], list(merged))
        self.assertEqual(
            {"duration": 13.0, "count": 3, "children": {}, "failed": True},
            merged["b"],
        )
        self.assertEqual(
            {"duration": 2.0, "count": 1, "children": {}}, merged["a"]
        )

    def test_two_levels_of_children_are_kept(self) -> None:
        deep = _action("d", 1)
        for name in "cba":
            deep = _action(name, 1, [deep])
        merged = atomic.merge_atomic_actions([deep])
        grandchildren = merged["a"]["children"]["b"]["children"]
        self.assertEqual(["c"], list(grandchildren))
        self.assertEqual({}, grandchildren["c"]["children"])

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        shares=st.lists(
            st.lists(
                st.builds(_action, st.sampled_from("abc"), st.integers(0, 9))
            ),
            max_size=4,
        )
    )
    def test_adding_share_by_share_is_adding_all(self, shares: t.Any) -> None:
        stepwise = atomic.merge_atomic_actions([])
        for share in shares:
            atomic.merge_atomic_actions(share, root=stepwise)
        at_once = atomic.merge_atomic_actions(sum(shares, []))
        self.assertEqual(at_once, stepwise)
        self.assertEqual(list(at_once), list(stepwise))


async def _play_at_once(instance: t.Any, tree: t.Any, depth: int = 0) -> None:
    """Run actions of the shape of *tree*, those of one level side by side.
    """
    async def one(name: str, is_to_fail: bool, children: t.Any) -> None:
        with contextlib.suppress(_Failure):
            if depth % 2:
                async with atomic.ActionTimer(instance, name):
                    await inside(is_to_fail, children)
            else:
                with atomic.ActionTimer(instance, name):
                    await inside(is_to_fail, children)

    async def inside(is_to_fail: bool, children: t.Any) -> None:
        await asyncio.sleep(0)
        await _play_at_once(instance, children, depth + 1)
        await asyncio.sleep(0)
        if is_to_fail:
            raise _Failure()

    await asyncio.gather(*[one(*each) for each in tree])


class Concurrent(atomic.ActionTimerMixin):
    async def run(self) -> None:
        """Makes the class one of coroutines."""

    @atomic.action_timer("sum")
    async def sum(self, *values: int) -> int:
        await asyncio.sleep(0)
        return sum(values)


class ConcurrentActionsTestCase(test.TestCase):
    @hypothesis.settings(max_examples=60)
    @hypothesis.given(tree=trees)
    def test_the_tree_is_that_of_the_calls(self, tree: t.Any) -> None:
        instance = Concurrent()
        asyncio.run(_play_at_once(instance, tree))
        self.assertEqual(list(tree), _shape(instance.atomic_actions()))

    @hypothesis.settings(max_examples=30)
    @hypothesis.given(tree=trees, other=trees)
    def test_instances_do_not_mix(self, tree: t.Any, other: t.Any) -> None:
        outer, inner = Concurrent(), Concurrent()

        async def both() -> None:
            async with atomic.ActionTimer(outer, "outer"):
                await asyncio.gather(
                    _play_at_once(outer, tree), _play_at_once(inner, other)
                )

        asyncio.run(both())
        self.assertEqual(
            [("outer", False, list(tree))], _shape(outer.atomic_actions())
        )
        self.assertEqual(list(other), _shape(inner.atomic_actions()))

    def test_what_outlives_its_action_belongs_to_the_one_around(self) -> None:
        instance = Concurrent()

        async def late(ended: asyncio.Event) -> None:
            await ended.wait()
            async with atomic.ActionTimer(instance, "late"):
                pass

        async def begin() -> None:
            ended = asyncio.Event()
            async with atomic.ActionTimer(instance, "outer"):
                async with atomic.ActionTimer(instance, "gone"):
                    task = asyncio.create_task(late(ended))
                ended.set()
                await task

        asyncio.run(begin())
        self.assertEqual(
            [("outer", False, [("gone", False, []), ("late", False, [])])],
            _shape(instance.atomic_actions()),
        )

    def test_a_method_that_is_a_coroutine_is_timed_to_its_end(self) -> None:
        instance = Concurrent()
        self.assertEqual(6, asyncio.run(instance.sum(1, 2, 3)))
        (action,) = instance.atomic_actions()
        self.assertIn("finished_at", action)
        self.assertEqual("sum", action["name"])

    def test_synchronous_plugins_keep_a_plain_list(self) -> None:
        self.assertIs(list, type(atomic.ActionTimerMixin()._atomic_actions))
