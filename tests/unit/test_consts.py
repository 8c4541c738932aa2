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

"""Tests of the names that Rally and its plugins agree on."""

from __future__ import annotations

from rally import consts
from tests.unit import test


class ConstsTestCase(test.TestCase):
    def test_iterating_gives_the_values(self) -> None:
        self.assertEqual({"admin", "user"}, set(consts.EndpointPermission))
        self.assertIn("soft_aborting", consts.TaskStatus)
        self.assertEqual(
            sorted(consts.TaskStatus), sorted(consts.SubtaskStatus)
        )

    def test_every_service_type_has_a_name(self) -> None:
        names = {consts.ServiceType[kind] for kind in consts.ServiceType}

        self.assertTrue(names <= set(consts.Service))
        self.assertEqual(
            "nova", consts.ServiceType[consts.ServiceType.COMPUTE]
        )
        self.assertRaises(KeyError, lambda: consts.ServiceType["nonsense"])

    def test_cannot_be_changed(self) -> None:
        self.assertRaises(
            AttributeError, setattr, consts.TaskStatus, "INIT", "x"
        )
