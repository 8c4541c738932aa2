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

"""Environments in the view of `rally deployment`."""

from __future__ import annotations

import typing as t

from rally import exceptions
from rally.common import objects
from rally.env import env_mgr, platform
from tests.unit import test


class DeploymentTestCase(test.DBTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.health = {"available": True}
        health = self.health

        class Cloud(platform.Platform):
            CONFIG_SCHEMA: t.ClassVar[t.Any] = {"type": "object"}

            def create(self) -> tuple[t.Any, t.Any]:
                return {"admin": {"username": "a"}, "users": []}, {}

            def destroy(self) -> None:
                pass

            def check_health(self) -> t.Any:
                return health

            def _get_validation_context(self) -> t.Any:
                return {"users@openstack": {}}

        platform.configure("existing", "openstack")(Cloud)
        self.addCleanup(Cloud.unregister)

    def test_a_deployment_shows_its_environment(self):
        made = objects.Deployment(
            name="d", config={"openstack": {"a": 1}}, extras={"q": 1}
        )

        shown = objects.Deployment.get("d").to_dict()

        self.assertEqual(made["uuid"], shown["uuid"])
        self.assertEqual(
            {"name": "d", "status": "deploy->finished", "parent_uuid": None,
             "completed_at": "n/a", "config": {"openstack": {"a": 1}},
             "credentials": {
                 "openstack": [{"admin": {"username": "a"}, "users": []}]}},
            {k: v for k, v in shown.items()
             if k not in ("uuid", "created_at", "updated_at", "started_at")},
        )
        self.assertEqual({"q": 1}, made["extras"])
        self.assertIsInstance(made["env_obj"], env_mgr.EnvManager)
        self.assertIs(made.env_obj, made["env_obj"])
        self.assertRaises(KeyError, made.__getitem__, "nope")

    def test_credentials_are_those_of_the_platform(self):
        made = objects.Deployment(name="d", config={"openstack": {}})

        self.assertEqual(["openstack"], list(made.get_platforms()))
        self.assertEqual(
            {"admin": {"username": "a"}, "users": []},
            made.get_credentials_for("openstack"),
        )
        self.assertRaises(
            exceptions.RallyException, made.get_credentials_for, "nope"
        )
        self.assertEqual(
            {"users@openstack": {}}, made.get_validation_context()
        )

    def test_a_platform_out_of_reach_is_named(self):
        made = objects.Deployment(name="d", config={"openstack": {}})
        made.verify_connections()
        self.health.update(available=False, message="bad")

        error = self.assertRaises(
            exceptions.RallyException, made.verify_connections
        )

        self.assertIn("Platform openstack of environment d ", str(error))
        self.assertIn("bad", str(error))

    def test_deployments_are_found_by_name_and_status(self):
        objects.Deployment(name="a", config={})
        objects.Deployment(name="b", config={}).env_obj.destroy()

        def names(**filters: t.Any) -> list[str]:
            found = objects.Deployment.list(**filters)
            return [deployment["name"] for deployment in found]

        self.assertEqual(["a", "b"], names())
        self.assertEqual(["a"], names(name="a"))
        self.assertEqual([], names(name="c"))
        self.assertEqual(["a"], names(status="deploy->finished"))
        self.assertEqual(["a"], names(status="READY"))
        self.assertEqual(["b"], names(status="cleanup->finished"))

    def test_a_name_is_needed(self):
        self.assertRaises(
            exceptions.InvalidArgumentsException, objects.Deployment
        )
