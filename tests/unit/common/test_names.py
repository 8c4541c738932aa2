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

"""Tests of random names."""

from __future__ import annotations

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import names
from tests.unit import test

UUID = "2b0fd1b5-1dfc-4f0f-a1f8-000000000000"


class Generator(names.RandomNameGeneratorMixin):
    def __init__(self, owner: str = UUID) -> None:
        self.task = {"uuid": owner}


class Short(Generator):
    RESOURCE_NAME_FORMAT = "aXXXXbXXXc"


@ddt.ddt
class RandomNameTestCase(test.TestCase):
    def test_has_the_start_of_the_owner_and_a_random_part(self) -> None:
        one, two = (Generator().generate_random_name() for _ in "12")

        self.assertTrue(one.startswith("rally_2b0fd1b5_"))
        self.assertEqual(len("rally_XXXXXXXX_XXXXXXXX"), len(one))
        self.assertNotEqual(one, two)

    @ddt.data(
        ("a2b0fb123c", True, True, True, True),
        ("a2b0fb123cdef", False, True, False, True),
        ("xa2b0fb123c", False, False, False, False),
        ("azzzzb123c", True, True, False, False),
        ("azzzzb12_c", False, False, False, False),
    )
    @ddt.unpack
    def test_matches(
        self, name: str, any_: bool, loose: bool, own: bool, own_loose: bool
    ) -> None:
        match = Short.name_matches_object

        self.assertEqual(any_, match(name))
        self.assertEqual(loose, match(name, exact=False))
        self.assertEqual(own, match(name, task_id=UUID))
        self.assertEqual(own_loose, match(name, task_id=UUID, exact=False))

    @hypothesis.given(st.text(max_size=20))
    def test_generated_name_matches_its_owner(self, owner: str) -> None:
        name = Generator(owner).generate_random_name()

        self.assertTrue(Generator.name_matches_object(name, task_id=owner))
        self.assertTrue(Generator.name_matches_object(name))

    def test_unusable_owner_is_replaced_always_in_the_same_way(self) -> None:
        part = Generator._generate_task_id_part

        self.assertEqual("2b0fd1b5", part(UUID, 8))
        self.assertEqual(part("abc", 8), part("abc", 8))
        self.assertNotEqual(part("abc", 8), part("abd", 8))
        self.assertEqual(8, len(part("", 8)))

    @ddt.data("XXfoo", "XXXXXX", "aXXXb", "")
    def test_format_without_two_placeholders_is_refused(
        self, template: str
    ) -> None:
        class Wrong(Generator):
            RESOURCE_NAME_FORMAT = template

        self.assertRaises(ValueError, Wrong().generate_random_name)

    def test_matcher_knows_its_names_only(self) -> None:
        matcher = names.make_name_matcher("foo", "bar")

        def matches(name: str) -> bool:
            return names.name_matches_object(
                name,
                matcher,  # type: ignore[arg-type]
                Short,  # type: ignore[arg-type]
                exact=False,
            )

        self.assertTrue(matches("foo"))
        self.assertTrue(matches("a2b0fb123cxx"))
        self.assertFalse(matches("food"))
