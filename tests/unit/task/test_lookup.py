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

"""Tests of finding resources."""

from __future__ import annotations

import dataclasses
import typing as t

import ddt

from rally import exceptions
from rally.task import types
from tests.unit import test


@dataclasses.dataclass(frozen=True)
class _Image:
    id: str
    name: str | None


IMAGES = [
    _Image("1", "cirros"),
    _Image("2", "cirros-uec"),
    _Image("3", "twin"),
    _Image("4", "twin"),
    _Image("5", "odd (name"),
    _Image("6", None),
]


@ddt.ddt
class LookupTestCase(test.TestCase):
    @ddt.data(
        ({"name": "cirros"}, "1"),
        ({"name": "-uec$"}, "2"),
        ({"regex": "^cirros-"}, "2"),
        ({"name": "odd (name"}, "5"),
    )
    @ddt.unpack
    def test_by_name(self, config: t.Any, image_id: str) -> None:
        found = types.obj_from_name(config, iter(IMAGES), "image")
        self.assertEqual(image_id, found.id)
        self.assertEqual(
            image_id,
            types._id_from_name(
                resource_config=config, resources=IMAGES, typename="image"
            ),
        )

    @ddt.data(
        ({"name": "twin"}, "ambiguous"),
        ({"regex": "cirros"}, "ambiguous"),
        ({"name": "^cirros"}, "ambiguous"),
        ({"name": "windows"}, "not found"),
        ({"name": "another (name"}, "not found"),
        ({"id": "1"}, "not found in"),
    )
    @ddt.unpack
    def test_what_is_not_one(self, config: t.Any, problem: str) -> None:
        error = self.assertRaises(
            exceptions.InvalidScenarioArgument,
            types.obj_from_name,
            config,
            IMAGES,
            "image",
        )
        self.assertIn("Image", str(error))
        self.assertIn(problem, str(error))

    def test_by_id(self) -> None:
        config = {"id": "2"}
        self.assertIs(IMAGES[1], types.obj_from_id(config, IMAGES, "image"))
        self.assertEqual(
            "cirros-uec",
            types._name_from_id(
                resource_config=config, resources=IMAGES, typename="image"
            ),
        )

    @ddt.data({"id": "7"}, {"name": "cirros"})
    def test_ids_that_are_not_there(self, config: t.Any) -> None:
        self.assertRaises(
            exceptions.InvalidScenarioArgument,
            types.obj_from_id,
            config,
            IMAGES,
            "image",
        )

    def test_another_attribute_can_be_asked_for(self) -> None:
        config = {"name": "cirros"}
        self.assertEqual(
            "cirros",
            types._id_from_name(config, IMAGES, "image", id_attr="name"),
        )
        self.assertRaises(
            exceptions.InvalidScenarioArgument,
            types._id_from_name,
            config,
            IMAGES,
            "image",
            id_attr="nope",
        )
