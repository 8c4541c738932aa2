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

"""xrally-docker and xrally-kubernetes, written for Rally 0.12 and 1.2.

What is expected is what Rally 5.1.1 shows with the same packages, but for
plugins that only one of the two has.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import typing as t

import testtools

from tests import venvs
from tests.functional.sandbox import TREE
from tests.plugins import packages, platforms

#: runs several commands in one process
MANY = TREE / "tests" / "functional" / "many.py"
COMMAND_S = 120
VALIDATE_S = 600

#: (base, platform) -> plugins that the packages bring
EXPECTED = {
    ("Context", "docker"): 2,
    ("Context", "kubernetes"): 2,
    ("Platform", "docker"): 1,
    ("Platform", "kubernetes"): 1,
    ("Scenario", "docker"): 3,
    ("Scenario", "kubernetes"): 20,
    ("Validator", "docker"): 2,
    ("Validator", "kubernetes"): 1,
}
#: package -> task files among its samples
SAMPLES = {"xrally-docker==1.0.0": 12, "xrally-kubernetes==1.1.1": 56}


class PackagesTestCase(testtools.TestCase):
    folder: t.ClassVar[pathlib.Path]
    bin: t.ClassVar[pathlib.Path]
    spec: t.ClassVar[pathlib.Path]
    _open: t.ClassVar[contextlib.ExitStack]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        with contextlib.ExitStack() as stack:
            cls.folder = pathlib.Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix="rally-plugins-")
            ))
            try:
                cls.bin = packages.install_tree(cls.folder)
            except venvs.CannotInstall as e:
                raise cls.skipException("no packages of others: %s" % e)
            port = stack.enter_context(platforms.running())
            (cls.folder / "rally.conf").write_text(
                "[database]\nconnection = sqlite:///%s/rally.db\n"
                % cls.folder
            )
            cls.spec = cls.folder / "env.json"
            cls.spec.write_text(
                json.dumps(platforms.specification(port, cls.folder))
            )
            cls.rally("db", "create")
            cls.rally("env", "create", "--name", "both", "--spec", cls.spec)
            cls._open = stack.pop_all()
        cls.addClassCleanup(cls._open.close)

    @classmethod
    def environ(cls) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("RALLY_", "PYTHON", "DOCKER_", "KUBE"))
        }
        return {**kept, "HOME": str(cls.folder), "COLUMNS": "200"}

    @classmethod
    def words(cls, *words: t.Any) -> list[str]:
        conf = str(cls.folder / "rally.conf")
        return ["--config-file", conf, *map(str, words)]

    @classmethod
    def rally(cls, *words: t.Any) -> subprocess.CompletedProcess[str]:
        """Run a command; it has to succeed."""
        done = subprocess.run(
            [str(cls.bin / "rally"), *cls.words(*words)], text=True,
            env=cls.environ(), cwd=cls.folder, capture_output=True,
            timeout=COMMAND_S, check=False,
        )
        if done.returncode:
            raise AssertionError(
                "rally %s: %s\n%s"
                % (words, done.stdout[-4000:], done.stderr[-4000:])
            )
        return done

    def rally_many(
        self, commands: t.Iterable[t.Sequence[t.Any]]
    ) -> list[tuple[int, str]]:
        """Exit code and output of commands that one process runs."""
        done = subprocess.run(
            [str(self.bin / "python"), str(MANY)],
            input=json.dumps([self.words(*each) for each in commands]),
            env=self.environ(), cwd=self.folder, text=True, check=False,
            capture_output=True, timeout=VALIDATE_S,
        )
        self.assertEqual(0, done.returncode, done.stderr[-4000:])
        return [json.loads(line) for line in done.stdout.splitlines()]

    def warnings_of(self, done: subprocess.CompletedProcess[str]) -> list[str]:
        """Lines that Rally logs at a level above info."""
        return [
            line for line in done.stderr.splitlines()
            if re.search(r" (WARNING|ERROR|CRITICAL) ", line)
        ]

    def listed(self) -> tuple[list[tuple[str, str, str]], list[str]]:
        """Base, name and platform of the packages' plugins; warnings."""
        done = self.rally("plugin", "list")
        rows = [
            [cell.strip() for cell in line.split("|")[1:4]]
            for line in done.stdout.splitlines()
            if line.startswith("|")
        ]
        found = [
            (base, name, platform) for base, name, platform in rows
            if platform in ("docker", "kubernetes")
        ]
        return found, self.warnings_of(done)

    def test_all_plugins_are_listed_and_nothing_is_amiss(self) -> None:
        found, warnings = self.listed()
        counts = collections.Counter((x, platform) for x, _, platform in found)
        self.assertEqual(EXPECTED, counts)
        self.assertEqual([], warnings)

    def test_each_plugin_can_be_shown(self) -> None:
        found, _ = self.listed()
        names = sorted({"%s@%s" % (x, platform) for _, x, platform in found})
        shown = self.rally_many(["plugin", "show", name] for name in names)
        self.assertEqual(len(names), len(shown))
        for name, (code, out) in zip(names, shown):
            self.assertEqual(0, code, "%s: %s" % (name, out))
            self.assertIn("MODULE\n\txrally_", out)

    def test_the_version_names_the_packages(self) -> None:
        out = self.rally("--version").stdout
        for package in packages.PACKAGES:
            self.assertIn(package.replace("==", ": "), out)

    def test_the_environment_is_fine(self) -> None:
        out = self.rally("env", "check", "both").stdout
        self.assertEqual(2, out.count("| :-)"), out)

    def test_all_samples_are_valid(self) -> None:
        samples = {
            package: packages.samples_of(package)
            for package in packages.PACKAGES
        }
        self.assertEqual(
            SAMPLES, {name: len(paths) for name, paths in samples.items()}
        )
        paths = [path for each in samples.values() for path in each]
        ended = self.rally_many(
            ["task", "validate", path, "--env", "both"] for path in paths
        )
        self.assertEqual(len(paths), len(ended))
        for path, (code, out) in zip(paths, ended):
            self.assertEqual(0, code, "%s: %s" % (path.name, out))
            self.assertIn("Input Task is valid", out, path.name)
