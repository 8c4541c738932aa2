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

"""Test cases that run Rally against the cloud of their process."""

from __future__ import annotations

import atexit
import functools
import json
import pathlib
import shutil
import typing as t

from tests.cloud import cloud as cloud_module
from tests.cloud import outcome
from tests.functional import cluster
from tests.functional.sandbox import ENV, Sandbox


@functools.cache
def cloud(services: cloud_module.Services) -> cloud_module.Cloud:
    """The cloud of this process, started when first needed."""
    made = cloud_module.Cloud(services)
    atexit.register(made.close)
    return made


@functools.cache
def _made_database(place: cloud_module.Cloud) -> pathlib.Path:
    """Folder with a database that knows a cloud and nothing else."""
    sandbox = Sandbox(with_database=False)
    atexit.register(sandbox.close)
    spec = sandbox.write("spec.json", json.dumps(place.spec()))
    sandbox.must("db", "create")
    sandbox.must("env", "create", "--name", ENV, "--spec", spec, "--no-use")
    return sandbox.folder


#: how often rally-openstack looks after an image; else tests mostly wait
POLLS = """
[openstack]
glance_image_create_prepoll_delay = 0.0
glance_image_create_poll_interval = 0.1
glance_image_delete_poll_interval = 0.1
glance_image_import_poll_interval = 0.2
"""


class TestCase(cluster.PlainTestCase, cluster.Home):
    """A sandbox that knows the cloud; nothing is left in either."""

    #: lines of section DEFAULT of rally.conf
    OPTIONS: t.ClassVar[str] = ""
    SERVICES: t.ClassVar[cloud_module.Services] = cloud_module.CORE

    def setUp(self) -> None:
        super().setUp()
        self.cloud = self.make_cloud()
        self.sandbox = Sandbox(
            with_database=False, options=self.OPTIONS + POLLS
        )
        self.addCleanup(self.sandbox.close)
        self.addCleanup(self.check_leftovers)
        for path in _made_database(self.cloud).glob("rally.sqlite*"):
            shutil.copy(path, self.sandbox.folder)
        self.before = self.cloud.inventory()

    def make_cloud(self) -> cloud_module.Cloud:
        return cloud(self.SERVICES)

    def check_leftovers(self) -> None:
        """:raises AssertionError: names what is left here or in the cloud"""
        self.assertEqual([], self.sandbox.leftovers())
        self.assertEqual({}, self.left(), self._warnings())

    def _warnings(self) -> str:
        """What commands of the test warned of."""
        return "\n".join(
            line
            for path in sorted(self.sandbox.folder.glob("output-*/err"))
            for line in path.read_text().splitlines()
            if " WARNING " in line or " ERROR " in line
        )

    def left(self) -> dict[str, list[str]]:
        """What is in the cloud that was not there before, by kind."""
        return {
            kind: sorted(found - self.before[kind])
            for kind, found in self.cloud.inventory().items()
            if found - self.before[kind]
        }

    def outcome_of(self, run: cluster.Run) -> outcome.Outcome:
        return outcome.of({"tasks": [run.report]})
