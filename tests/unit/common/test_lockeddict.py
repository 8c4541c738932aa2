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

"""Tests of the read-only dict."""

from __future__ import annotations

import copy
import pickle
import typing as t

import ddt

from rally.common import lockeddict
from tests.unit import test

CHANGES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "set": lambda d: d.__setitem__("x", 1),
    "delete": lambda d: d.__delitem__("a"),
    "pop": lambda d: d.pop("a"),
    "popitem": lambda d: d.popitem(),
    "update": lambda d: d.update(x=1),
    "setdefault": lambda d: d.setdefault("a", 1),
    "clear": lambda d: d.clear(),
    "or": lambda d: d.__ior__({"x": 1}),
    "nested": lambda d: d["a"].__setitem__("x", 1),
    "deeper": lambda d: d["a"]["b"][1].__setitem__("x", 1),
    "list": lambda d: d["a"]["b"].append(1),
}


@ddt.ddt
class LockedDictTestCase(test.TestCase):
    def make(self) -> lockeddict.LockedDict:
        return lockeddict.LockedDict({"a": {"b": [1, {"c": 2}]}})

    @ddt.data(*sorted(CHANGES))
    def test_is_read_only(self, name: str) -> None:
        locked = self.make()

        self.assertRaises(
            (RuntimeError, AttributeError), CHANGES[name], locked
        )

        self.assertEqual({"a": {"b": (1, {"c": 2})}}, locked)

    def test_can_be_changed_while_unlocked(self) -> None:
        locked = self.make()

        with locked.unlocked():
            locked["x"] = 1

        self.assertEqual(1, locked["x"])
        self.assertRaises(RuntimeError, locked.pop, "x")

    def test_deep_copy_is_a_plain_dict(self) -> None:
        copied = copy.deepcopy(self.make())

        self.assertIs(dict, type(copied))
        self.assertIs(dict, type(copied["a"]))

    def test_survives_pickling_and_copying(self) -> None:
        for again in (
            pickle.loads(pickle.dumps(self.make())),
            copy.copy(self.make()),
        ):
            self.assertEqual(self.make(), again)
            self.assertRaises(RuntimeError, again.clear)
