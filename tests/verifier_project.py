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

"""A test tool of our own: a git repository whose tests stestr launches.

It needs no package index if it is installed system-wide.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import textwrap
import typing as t

#: files of the project, by path
FILES: t.Mapping[str, str] = {
    "setup.py": """
        import setuptools

        setuptools.setup(
            name="checks", version="1.0", packages=["checks"],
            install_requires=["stestr", "testtools"],
        )
        """,
    "requirements.txt": """
        stestr>=4  # launches the tests
        testtools
        no-such-package-zzz; python_version < "3"
        """,
    ".stestr.conf": """
        [DEFAULT]
        test_path=./checks
        top_dir=./
        """,
    ".gitignore": """
        .stestr
        *.pyc
        __pycache__
        *.egg-info
        """,
    "checks/__init__.py": "",
    "checks/test_plain.py": """
        import testtools
        from testtools import testcase


        class PlainTestCase(testcase.WithAttributes, testtools.TestCase):
            @testcase.attr("id-1", "smoke")
            def test_passes(self):
                pass

            def test_fails(self):
                self.assertEqual(1, 2, "one is not two </script>")

            def test_is_skipped(self):
                self.skipTest("Skipped until Bug: 42 is resolved.")

            def test_fails_in_subtests(self):
                for number in range(2):
                    with self.subTest(number=number):
                        self.assertEqual(0, number)


        class NoSetUpTestCase(testtools.TestCase):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                raise ValueError("no resources")

            def test_never_gets_there(self):
                pass


        class SkippedTestCase(testtools.TestCase):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                raise cls.skipException("the service is not there")

            def test_never_gets_there(self):
                pass


        class NoTearDownTestCase(testtools.TestCase):
            @classmethod
            def tearDownClass(cls):
                super().tearDownClass()
                raise ValueError("resources are left")

            def test_passes(self):
                pass
        """,
    "checks/test_slow.py": """
        import os
        import subprocess
        import time

        import testtools

        HERE = os.environ.get("CHECKS_FOLDER", "")


        class SlowTestCase(testtools.TestCase):
            def test_waits(self):
                if HERE:
                    child = subprocess.Popen(["sleep", "300"])
                    with open(os.path.join(HERE, "waits"), "w") as f:
                        f.write("%d %d" % (os.getpid(), child.pid))
                    time.sleep(300)

            def test_dies(self):
                if HERE:
                    os._exit(1)
        """,
}


def make(folder: pathlib.Path) -> pathlib.Path:
    """Make the repository; the path of it."""
    project = folder / "checks-project"
    project.mkdir()
    _git(project, "init", "--quiet", "--initial-branch", "main")
    commit(project, FILES, "1.0")
    return project


def commit(
    project: pathlib.Path, files: t.Mapping[str, str], tag: str | None = None
) -> None:
    """Change files of the project, and commit that."""
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
    _git(project, "add", "--all")
    _git(project, "commit", "--quiet", "--message", "Change it")
    if tag:
        _git(project, "tag", tag)


def _git(project: pathlib.Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=tester", "-c", "user.email=t@example.org",
         *words],
        cwd=project, check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )
