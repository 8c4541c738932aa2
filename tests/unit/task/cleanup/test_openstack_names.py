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

"""Resources of an OpenStack cloud, found by names.

rally-openstack is not installed for these tests; what is used of it is here.
"""

from __future__ import annotations

import sys
import types
import typing as t
from unittest import mock

from rally.task import context, scenario
from rally.task.cleanup import openstack_names
from tests.unit import test

TASK = "aaaaaaaa-0000-4000-8000-000000000000"
#: they name resources
MAKERS = (context.Context, scenario.Scenario)
WORKLOAD = "bbbbbbbb-0000-4000-8000-000000000000"


class Cloud:
    """Names of resources by kind, and what goes wrong."""

    def __init__(self) -> None:
        self.there: dict[str, list[t.Any]] = {}
        self.services = {"identity": "keystone", "x": "__unknown__"}
        self.broken: set[str] = set()
        self.stuck: set[str] = set()

    def list(self, kind: str) -> list[t.Any]:
        if kind in self.broken:
            raise OSError("no answer")
        return list(self.there.get(kind, []))


class Manager:
    """A resource manager, as rally-openstack has them."""

    service = "keystone"
    is_for_admin = True

    def __init__(self, resource: t.Any = None, admin: t.Any = None) -> None:
        self.resource, self.cloud = resource, admin.cloud

    def list(self) -> list[t.Any]:
        return self.cloud.list(type(self).__name__)

    def name(self) -> t.Any:
        return self.resource

    def delete(self) -> None:
        if self.resource in self.cloud.stuck:
            raise ValueError("it is in use")
        self.cloud.there[type(self).__name__].remove(self.resource)


class User(Manager):
    """A user."""


class Project(Manager):
    """A project."""


class Flavor(Manager):
    """Of a service that the cloud lacks."""

    service = "nova"


class Image(Manager):
    """Lists only what is complete."""

    service = "glance"
    is_for_admin = False

    def list(self) -> list[t.Any]:
        raise AssertionError("incomplete ones have to be listed, too")


KINDS = {
    "keystone.user": User, "keystone.project": Project,
    "nova.flavors": Flavor, "glance.images": Image,
}


class OpenStackNamesTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.cloud = Cloud()
        modules = {
            "rally_openstack": types.ModuleType("rally_openstack"),
            "rally_openstack.common": types.SimpleNamespace(
                credential=types.SimpleNamespace(
                    OpenStackCredential=self.credential
                ),
            ),
            "rally_openstack.task": types.ModuleType("task"),
            "rally_openstack.task.cleanup": types.SimpleNamespace(
                manager=types.SimpleNamespace(
                    list_resource_names=self.names,
                    find_resource_managers=self.find,
                ),
            ),
        }
        patched = mock.patch.dict(sys.modules, modules)
        patched.start()
        self.addCleanup(patched.stop)

    def credential(self, **admin: t.Any) -> t.Any:
        self.given = admin
        images = types.SimpleNamespace(
            list=lambda: iter(self.cloud.list("Image"))
        )
        clients = types.SimpleNamespace(
            cloud=self.cloud, services=lambda: self.cloud.services,
            glance=lambda: types.SimpleNamespace(images=images),
        )
        return types.SimpleNamespace(clients=lambda: clients)

    @staticmethod
    def names(admin_required: bool) -> set[str]:
        found = {n for n, kind in KINDS.items()
                 if kind.is_for_admin == admin_required}
        return found | {name.partition(".")[0] for name in found}

    @staticmethod
    def find(
        names: t.Collection[str], admin_required: bool | None = None
    ) -> list[t.Any]:
        return [
            kind for name, kind in KINDS.items() if name in names
            and admin_required in (None, kind.is_for_admin)
        ]

    def sweep(self, **data: t.Any) -> t.Any:
        return openstack_names.delete_left(
            {"admin": {"username": "a"}, **data}, [TASK, WORKLOAD]
        )

    def test_contexts_and_scenarios_name_resources(self) -> None:
        formats = {maker.RESOURCE_NAME_FORMAT[:2] for maker in MAKERS}
        self.assertEqual({"c_", "s_"}, formats)

    def test_what_bears_the_name_of_an_owner_is_deleted(self) -> None:
        others = ["s_rally_cccccccc_12345678", "admin", None]
        self.cloud.there = {
            "User": ["c_rally_aaaaaaaa_12345678",
                     "s_rally_bbbbbbbb_12345678", *others],
            "Project": ["c_rally_bbbbbbbb_12345678"],
        }

        answer = self.sweep()

        self.assertEqual({"User": others, "Project": []}, self.cloud.there)
        self.assertEqual(
            {
                "discovered": 3, "deleted": 3, "failed": 0, "errors": [],
                "resources": {
                    "User": {"discovered": 2, "deleted": 2, "failed": 0},
                    "Project": {"discovered": 1, "deleted": 1, "failed": 0},
                },
            },
            answer,
        )

    def test_services_that_the_cloud_lacks_are_not_asked(self) -> None:
        self.cloud.broken = {"Flavor", "Image"}

        self.assertEqual([], self.sweep()["errors"])

    def test_images_are_listed_in_whatever_state_they_are(self) -> None:
        self.cloud.services["image"] = "glance"
        self.cloud.there["Image"] = ["c_rally_aaaaaaaa_12345678_1"]

        self.assertEqual(1, self.sweep()["deleted"])
        self.assertEqual([], self.cloud.there["Image"])

    def test_what_cannot_be_deleted_is_counted_when_it_is_there(self) -> None:
        name = "c_rally_aaaaaaaa_12345678"
        self.cloud.there["User"] = [name, name.replace("1", "2")]
        self.cloud.stuck = {name}

        answer = self.sweep()

        self.assertEqual((2, 1, 1), (
            answer["discovered"], answer["deleted"], answer["failed"]
        ))

    def test_what_cannot_be_listed_keeps_nothing_from_the_rest(self) -> None:
        self.cloud.broken = {"User"}
        self.cloud.there["Project"] = ["c_rally_aaaaaaaa_12345678"]

        answer = self.sweep()

        self.assertEqual(1, answer["deleted"])
        (error,) = answer["errors"]
        self.assertIn("User cannot be listed: OSError", error["message"])

    def test_without_an_administrator_nobody_can_search(self) -> None:
        self.assertRaises(NotImplementedError, self.sweep, admin=None)

    def test_the_versions_of_the_platform_are_used(self) -> None:
        self.sweep(
            admin={"username": "a", "api_info": {"nova": {"version": 2}}},
            api_info={"keystone": {"version": 3}},
        )

        self.assertEqual(
            {"keystone": {"version": 3}, "nova": {"version": 2}},
            self.given["api_info"],
        )
