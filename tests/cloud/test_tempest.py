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

"""Tempest as rally-openstack has it, against the Keystone of the suite."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml

from tests import venvs
from tests.cloud import case

TEMPEST = "tempest==47.0.0"
VERSION = TEMPEST.partition("==")[2]
#: pip builds and installs some forty packages
INSTALL_S = 600
#: tests of Keystone that need no other service, and take seconds
PATTERN = r"tempest\.api\.identity\.(v3\.test_tokens|admin\.v3\.test_roles)"
SKIPPED = "tempest.api.identity.admin.v3.test_roles"


def repository(folder: pathlib.Path) -> pathlib.Path:
    """Tempest as a git repository with a tag, made without a network."""
    unpacked = next(venvs.sources("tempest", TEMPEST).glob("tempest-*/"))
    project = folder / "tempest"
    shutil.copytree(unpacked, project)
    for words in (
        ("init", "--quiet"), ("add", "--all", "--force"),
        ("commit", "--quiet", "--message", "Import"), ("tag", VERSION),
    ):
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org",
             *words],
            cwd=project, check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        )
    return project


class TempestTestCase(case.TestCase):
    def lines(self, *words: str) -> list[str]:
        return self.must("verify", *words).out.splitlines()

    def uuid_of(self, out: str) -> str:
        return re.findall(r"\(UUID=(.*)\)", out)[-1]

    def test_from_installation_to_comparison(self):
        self.must(
            "verify", "create-verifier", "--name", "tempest", "--type",
            "tempest", "--version", VERSION, "--source",
            repository(self.sandbox.folder), deadline_s=INSTALL_S,
        )
        every = self.lines("list-verifier-tests")
        self.assertGreater(len(every), 1500)
        compute = self.lines("list-verifier-tests", "--pattern",
                             "set=compute")
        self.assertLess(len(compute), len(every))
        self.assertEqual(
            [], [x for x in compute if not x.startswith("tempest.api.comp")]
        )
        shown = "\n".join(self.lines("configure-verifier", "--show"))
        self.assertIn("uri_v3 = %s" % self.cloud.auth_url[:20], shown)
        # without https_cacert in the environment, rally-openstack writes an
        # option without value, which Tempest refuses
        self.must("verify", "configure-verifier", "--extend",
                  "{identity: {ca_certificates_file: ''}}")

        first = self.must("verify", "start", "--pattern", PATTERN)
        skip = self.sandbox.write("skip", json.dumps({SKIPPED: "not now"}))
        second = self.must("verify", "start", "--pattern", PATTERN,
                           "--skip-list", skip, "--concurrency", "1")
        third = self.must("verify", "rerun")

        uuids = [self.uuid_of(x.out) for x in (first, second, third)]
        data = json.loads("\n".join(self.lines("report", *uuids)))
        counts = [data["verifications"][x] for x in uuids]
        self.assertEqual({"finished"}, {x["status"] for x in counts})
        self.assertGreater(counts[0]["success"], counts[1]["success"])
        self.assertEqual(counts[0]["tests_count"], counts[1]["tests_count"])
        self.assertGreater(counts[2]["success"], 0)
        junit = self.must("verify", "report", *uuids, "--type", "junit-xml")
        self.assertEqual(3, len(xml.fromstring(junit.out)))
        self.must("verify", "delete-verifier", "--id", "tempest", "--force")
