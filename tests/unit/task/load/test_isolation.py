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

"""Tests of the copies that iterations get."""

from __future__ import annotations

import copy
import copyreg
import datetime
import threading
import typing as t
from unittest import mock

import hypothesis
from hypothesis import strategies as st

from rally.task.load import isolation, task_of_load
from tests.unit import test

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=3),
    st.binary(max_size=3),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(scalars, max_size=3),
    ),
    max_leaves=25,
)


class Plain:
    def __init__(self, value: t.Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]


class Special(Plain):
    def __deepcopy__(self, memo: t.Any) -> Special:
        return Special("my own copy")


class Slotted(Plain):
    __slots__ = ("more",)
    more: list[int]


class Reduced(Plain):
    def __reduce__(self) -> t.Any:
        return Reduced, ("reduced",)


class Stateful(Plain):
    def __getstate__(self) -> dict[str, t.Any]:
        return {"value": "state"}


class Registered(Plain):
    pass


class Listed(list):  # type: ignore[type-arg]
    pass


class Stubborn:
    def __deepcopy__(self, memo: t.Any) -> t.NoReturn:
        raise ValueError("not me")


def containers(value: t.Any) -> t.Iterator[t.Any]:
    """All that can be changed in *value*."""
    if isinstance(value, (list, dict, set)):
        yield value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from containers(item)


class CopierTestCase(test.TestCase):
    @hypothesis.settings(max_examples=80)
    @hypothesis.given(st.dictionaries(st.text(max_size=3), values))
    def test_a_copy_is_equal_and_shares_nothing_that_can_change(
        self, value: dict[str, t.Any]
    ) -> None:
        before = copy.deepcopy(value)
        make = isolation.copier(value)
        one, two = make(), make()

        self.assertEqual(before, one)
        self.assertEqual(list(before), list(one))
        originals = {id(item) for item in containers(value)}
        firsts = {id(item) for item in containers(one)}
        seconds = {id(item) for item in containers(two)}
        self.assertFalse(originals & firsts)
        self.assertFalse(firsts & seconds)

    def test_what_is_shared_inside_goes_on_being_shared(self) -> None:
        users = [{"name": "a"}]
        for value in (
            {"users": users, "again": users},
            {"users": users, "object": Plain(users)},
        ):
            made = isolation.copier(value)()
            other = made.get("again", None) or made["object"].value
            self.assertIs(made["users"], other)
            self.assertIsNot(users, made["users"])

    def test_a_class_may_copy_in_its_own_way(self) -> None:
        made = isolation.copier({"x": Special("mine"), "y": [1]})()
        self.assertEqual("my own copy", made["x"].value)

    def test_an_object_is_copied_as_a_deep_copy_does_it(self) -> None:
        slotted = Slotted([1])
        slotted.more = [2]
        listed = Listed([1])
        listed.more = [2]  # type: ignore[attr-defined]
        copyreg.pickle(Registered, lambda r: (Registered, ("registered",)))
        self.addCleanup(copyreg.dispatch_table.pop, Registered)
        when = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
        for value in (
            Plain({"at": when, "inner": Plain([1])}), slotted, listed,
            Reduced(1), Stateful(1), Registered(1),
        ):
            expected = copy.deepcopy(value)
            made = isolation.copier({"x": value})()["x"]
            self.assertIs(type(value), type(made))
            self.assertEqual(expected, made)
            self.assertEqual(vars(expected), vars(made))
            self.assertIsNot(value, made)

    def test_a_copied_object_shares_nothing_that_can_change(self) -> None:
        value = {"x": Plain({"list": [1]})}
        one, two = isolation.copier(value)(), isolation.copier(value)()
        one["x"].value["list"].append(2)
        one["x"].more = 3
        self.assertEqual({"list": [1]}, two["x"].value)
        self.assertEqual({"value": {"list": [1]}}, vars(value["x"]))

    def test_functions_and_classes_are_shared(self) -> None:
        value = {"call": lambda: 5, "type": Plain, "list": [Plain([1])]}
        made = isolation.copier(value)()
        self.assertIs(value["call"], made["call"])
        self.assertIs(Plain, made["type"])
        self.assertEqual(value["list"], made["list"])

    def test_a_large_tree_is_copied_too(self) -> None:
        value = {"users": [{"id": i, "tags": [i]} for i in range(100)]}
        made = isolation.copier(value)()
        self.assertEqual(value, made)
        self.assertIsNot(value["users"][50]["tags"], made["users"][50]["tags"])

    def test_what_refuses_to_be_copied_refuses_at_each_copy(self) -> None:
        make = isolation.copier({"x": Stubborn()})
        self.assertRaises(ValueError, make)
        make = isolation.copier({"x": threading.Lock()})
        self.assertRaises(TypeError, make)

    def test_a_cycle_is_copied(self) -> None:
        ring: list[t.Any] = []
        ring.append(ring)
        made = isolation.copier({"ring": ring})()
        self.assertIs(made["ring"], made["ring"][0])
        self.assertIsNot(ring, made["ring"])

    def test_what_stands_for_a_task_on_an_agent_needs_no_pickle(self) -> None:
        context = {"task": task_of_load.TaskOfLoad({"uuid": "u"})}
        with mock.patch.object(
            isolation, "_copier_of_any", wraps=isolation._copier_of_any
        ) as pickled:
            copied = isolation.copier(context)()
        pickled.assert_called_once_with({})
        self.assertEqual("u", copied["task"]["uuid"])
        self.assertIsNot(context["task"], copied["task"])
