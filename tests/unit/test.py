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

"""Base classes of the unit tests."""

from __future__ import annotations

import os
import pathlib
import tempfile
import typing as t
from unittest import mock

import testtools


class TestCase(testtools.TestCase):
    """A test case of this tree: nothing global outlives it."""

    def make_home(self) -> str:
        """A home for this test, where nothing is yet."""
        folder = tempfile.TemporaryDirectory(prefix="rally-test-home-")
        self.addCleanup(folder.cleanup)
        patched = mock.patch.dict(os.environ, {"HOME": folder.name})
        patched.start()
        self.addCleanup(patched.stop)
        return folder.name


class DBTestCase(TestCase):
    """Has a database of its own, an SQLite file that the test may keep open,
    and a home, where a task keeps what its clean-ups need.
    """

    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.make_home())
        from rally.common import cfg, db

        folder = tempfile.TemporaryDirectory(prefix="rally-test-")
        self.addCleanup(folder.cleanup)
        self.db_path = os.path.join(folder.name, "rally.sqlite")
        cfg.CONF.set_override(
            "connection", "sqlite:///" + self.db_path, group="database"
        )
        self.addCleanup(
            cfg.CONF.clear_override, "connection", group="database"
        )
        self.addCleanup(db.engine_reset)
        self.make_schema()

    def make_schema(self) -> None:
        from rally.common import db

        db.schema_create()

    def make_env(self, name: str = "env") -> str:
        """Uuid of a new environment without platforms."""
        from rally.common import db

        env = db.env_create(name, "READY", "", {}, {}, {}, [])
        return str(env["uuid"])

    def make_workload(
        self, env_uuid: str | None = None, **columns: t.Any
    ) -> dict[str, t.Any]:
        """A new workload in a new subtask of a new task."""
        from rally.common import db

        if env_uuid is None:
            env_uuid = self.make_env()
        task = db.task_create({"env_uuid": env_uuid, "status": "running"})
        subtask = db.subtask_create(task["uuid"], "a subtask")
        values: dict[str, t.Any] = {
            "name": "Dummy.dummy",
            "description": "",
            "position": 0,
            "runner": {"times": 10},
            "runner_type": "constant",
            "hooks": [],
            "contexts": {},
            "sla": {},
            "args": {},
        }
        return db.workload_create(
            task["uuid"], subtask["uuid"], **{**values, **columns}
        )
