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

"""Tests of data about classes."""

from __future__ import annotations

from rally.common.plugin import meta
from tests.unit import test


class MetaMixinTestCase(test.TestCase):
    def test_meta_is_not_inherited(self) -> None:
        class Parent(meta.MetaMixin):
            pass

        class Child(Parent):
            pass

        Parent._meta_init()
        Parent._meta_set("x", 1)

        self.assertEqual(1, Parent._meta_get("x"))
        self.assertFalse(Child._meta_is_inited(raise_exc=False))
        self.assertRaises(ReferenceError, Child._meta_get, "x")
        self.assertRaises(ReferenceError, Child._meta_set, "x", 1)
        self.assertRaises(ReferenceError, Child._meta_setdefault, "x", 1)

    def test_meta_starts_as_a_deep_copy_of_the_default(self) -> None:
        class Parent(meta.MetaMixin):
            pass

        class Child(Parent):
            pass

        Parent._default_meta_init()
        Parent._default_meta_setdefault("list", [])
        Child._meta_init()
        Child._meta_get("list").append(1)

        self.assertEqual([], Parent._default_meta_get("list"))
        self.assertEqual([1], Child._meta_get("list"))

    def test_only_the_owner_changes_the_default(self) -> None:
        class Parent(meta.MetaMixin):
            pass

        class Child(Parent):
            pass

        Parent._default_meta_init()

        self.assertRaises(ReferenceError, Child._default_meta_set, "x", 1)
        self.assertRaises(
            ReferenceError, meta.MetaMixin._default_meta_set, "x", 1
        )
        Child._default_meta_init()
        Child._default_meta_set("x", 1)
        self.assertIsNone(Parent._default_meta_get("x"))

    def test_default_can_begin_empty(self) -> None:
        class Parent(meta.MetaMixin):
            pass

        class Heir(Parent):
            pass

        class Other(Parent):
            pass

        Parent._default_meta_init()
        Parent._default_meta_set("x", 1)
        Heir._default_meta_init()
        Other._default_meta_init(inherit=False)

        self.assertEqual(1, Heir._default_meta_get("x"))
        self.assertIsNone(Other._default_meta_get("x"))

    def test_cleared_meta_is_gone(self) -> None:
        class One(meta.MetaMixin):
            pass

        One._meta_init()
        One._meta_clear()

        self.assertFalse(One._meta_is_inited(raise_exc=False))
