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

"""Tests of clones, of requirements, and of what plugins use for them."""

from __future__ import annotations

import configparser
import os
import pathlib
import stat
import subprocess
import sys
import tempfile

import ddt

from rally import exceptions
from rally.common import logging
from rally.verification import installation, repository, utils
from tests import verifier_project
from tests.unit import test


class FolderTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


@ddt.ddt
class SourceTestCase(FolderTestCase):
    @ddt.data(
        "https://opendev.org/openstack/tempest", "ssh://git@host:22/x.git",
        "git@github.com:openstack/tempest.git", "file:///srv/tempest",
        "https://user:secret@host/x", "http://host/x", "ftps://host/x",
    )
    def test_is_an_address(self, source):
        repository.check_source(source)

    @ddt.data("", "/no/such/zzz", "tempest", "--upload-pack=x", "ht tp://x")
    def test_is_none(self, source):
        error = self.assertRaises(
            exceptions.RallyException, repository.check_source, source
        )
        self.assertEqual(100, error.error_code)


class RepositoryTestCase(FolderTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.project = verifier_project.make(self.folder)
        self.clone = repository.Repository(str(self.folder / "clone"))
        self.clone.clone(str(self.project))

    def text(self) -> str:
        return (self.folder / "clone" / "news").read_text()

    def test_knows_branch_tag_and_commit(self):
        self.assertEqual("main", self.clone.version())
        self.clone.checkout("1.0")
        self.assertEqual("1.0", self.clone.version())
        verifier_project.commit(self.project, {"news": "two"})
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.project, text=True,
            stdout=subprocess.PIPE, check=True,
        ).stdout.strip()
        self.clone.checkout(commit)
        self.assertEqual(commit, self.clone.version())

    def test_a_branch_is_what_the_source_has_by_now(self):
        verifier_project.commit(self.project, {"news": "two"}, "2.0")
        self.clone.checkout("main")
        self.assertEqual("two", self.text())
        verifier_project.commit(self.project, {"news": "three"})
        self.clone.checkout("2.0")
        self.assertEqual("two", self.text())
        self.clone.checkout("main")
        self.assertEqual("three", self.text())

    def test_a_version_that_is_not_there(self):
        self.assertRaises(
            subprocess.CalledProcessError, self.clone.checkout, "zzz"
        )
        self.assertEqual("main", self.clone.version())


class RequirementsTestCase(FolderTestCase):
    def test_what_is_missing(self):
        (self.folder / "more.txt").write_text("zzz-missing>=2  # why\n")
        path = self.folder / "requirements.txt"
        path.write_text(
            "-r more.txt\n--index-url x\n\n# no\nPyYAML>=1\n"
            "jinja2>=1000\nold-zzz; python_version < '3'\n"
            "git+https://host/x\n"
        )
        missing = installation.missing_requirements(str(path))
        self.assertEqual(2, len(missing))
        self.assertEqual("zzz-missing>=2 (not installed)", missing[0])
        self.assertRegex(missing[1], r"jinja2>=1000 \(installed: 3\..*\)")

    def test_no_file_asks_for_nothing(self):
        self.assertEqual([], installation.missing_requirements("/no/zzz"))

    def test_programs_are_found_without_a_path(self):
        shared = installation.environ_of(None)["PATH"].split(os.pathsep)
        self.assertEqual(os.path.dirname(sys.executable), shared[0])
        own = installation.environ_of("/v")
        self.assertEqual("/v", own["VIRTUAL_ENV"])
        self.assertEqual("/v/bin", own["PATH"].split(os.pathsep)[0])


class UtilsTestCase(FolderTestCase):
    def test_output_is_text_with_errors(self):
        text = utils.check_output(
            [sys.executable, "-c", "import sys, os; os.write(2, b'\\xff e');"
             "print(os.environ['X'], os.getcwd())"],
            cwd="/", env={"X": "1"},
        )
        self.assertEqual("\ufffd e1 /\n", text)

    def test_a_failure_is_logged_without_secrets(self):
        with logging.LogCatcher(utils.LOG) as catcher:
            error = self.assertRaises(
                subprocess.CalledProcessError, utils.check_output,
                ["sh", "-c", "echo https://me:secret1@host; exit 3"],
                msg_on_err="No luck",
            )
        self.assertEqual(3, error.returncode)
        self.assertIn("secret1", error.output)
        said = catcher.assertInLogs("No luck")[0]
        self.assertNotIn("secret1", said + str(error))

    def test_others_cannot_read_folders(self):
        path = str(self.folder / "a" / "b")
        self.assertEqual(path, utils.create_dir(path))
        self.assertEqual(path, utils.create_dir(path))
        self.assertEqual(0o700, stat.S_IMODE(os.stat(path).st_mode))

    def test_options_go_into_a_file(self):
        path = self.folder / "x.conf"
        path.write_text("# why\n[a]\nb = 1\n")
        text = utils.extend_configfile({"a": {"C": "50%"}}, str(path))
        self.assertEqual("# why\n[a]\nb = 1\nC = 50%\n", text)
        self.assertEqual(text, path.read_text())

    def test_options_go_into_a_parser(self):
        conf = configparser.ConfigParser()
        conf.read_string("[a]\nb = 1\n")
        found = utils.add_extra_options(
            {"a": {"b": 2, "Case": "50%"}, "n": {"x": None}}, conf
        )
        self.assertIs(conf, found)
        self.assertEqual({"b": "2", "Case": "50%"},
                         dict(conf.items("a", raw=True)))
        self.assertEqual("", conf.get("n", "x"))
