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

"""Loading some plugins of an installed package, and the rest when needed."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import textwrap

import ddt

from rally.common.plugin import importing
from tests.unit import test

FILES = {
    "music/__init__.py": "",
    "music/piano.py": """
        from rally.task import scenario

        @scenario.configure(name="Piano.play")
        class Piano(scenario.Scenario):
            def run(self):
                import strings_of_piano
    """,
    "music/violin.py": """
        from rally.task import scenario

        @scenario.configure(name="Violin.play")
        class Violin(scenario.Scenario):
            def run(self):
                pass
    """,
    "music/broken.py": "raise RuntimeError('out of tune')",
    "strings_of_piano.py": "",
    "stranger.py": "",
    "music-1.0.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: music\nVersion: 1.0\n"
        "Requires-Dist: Piano_Strings>=1\n"
        "Requires-Dist: rally\n"
        "Requires-Dist: stranger; extra == 'test'\n"
    ),
    "music-1.0.dist-info/entry_points.txt": (
        "[rally_plugins]\npath = music\n"
    ),
    "piano_strings-1.0.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: piano-strings\nVersion: 1.0\n"
    ),
    "piano_strings-1.0.dist-info/RECORD": "strings_of_piano.py,,\n",
    "stranger-1.0.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n"
    ),
    "stranger-1.0.dist-info/top_level.txt": "stranger\n",
}


class LoadSomeTestCase(test.TestCase):
    """In processes of their own: what is loaded stays."""

    def setUp(self) -> None:
        super().setUp()
        self.site = pathlib.Path(self.make_home())
        for name, text in FILES.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def run_code(self, code: str) -> list[object]:
        """What *code* appends to ``said``."""
        whole = (
            "import json, sys\n"
            "from rally import plugins\n"
            "from rally.common.plugin import importing\n"
            "from rally.task import scenario\n"
            "said = []\n%s\nprint('\\n' + json.dumps(said))"
            % textwrap.dedent(code)
        )
        done = subprocess.run(
            [sys.executable, "-c", whole], capture_output=True, text=True,
            env={
                "HOME": str(self.site),
                "PYTHONPATH": "%s:%s" % (self.site, os.getcwd()),
            },
            timeout=120, check=True,
        )
        return list(json.loads(done.stdout.splitlines()[-1]))

    def test_only_what_is_named_is_loaded(self) -> None:
        said = self.run_code("""
            plugins.load_some(["music.piano"])
            scenario.Scenario.get("Piano.play")
            scenario.Scenario.get("Dummy.dummy")
            said.append([name for name in sys.modules if "music" in name])
        """)
        self.assertEqual([["music", "music.piano"]], said)

    def test_the_rest_is_loaded_when_a_plugin_is_missed(self) -> None:
        said = self.run_code("""
            plugins.load_some(["music.piano"])
            said.append(scenario.Scenario.get("Violin.play").get_name())
        """)
        self.assertEqual(["Violin.play"], said)

    def test_more_may_be_named_later(self) -> None:
        said = self.run_code("""
            plugins.load_some(["music.piano"])
            plugins.load_some(["music.piano", "music.violin"])
            said.append("music.violin" in sys.modules)
            said.append("music.broken" in sys.modules)
            plugins.load()
            plugins.load_some(["music.piano"])
            said.append(len(scenario.Scenario.get_all(name="Piano.play")))
        """)
        self.assertEqual([True, False, 1], said)

    def test_whoever_wants_all_gets_all(self) -> None:
        for ask in (
            "scenario.Scenario.get_all()",
            "discover.itersubclasses(scenario.Scenario)",
        ):
            said = self.run_code("""
                from rally.common.plugin import discover
                plugins.load_some(["music.piano"])
                said += sorted({cls.__module__ for cls in %s})
            """ % ask)
            self.assertIn("music.violin", said)

    def test_what_cannot_be_imported_is_no_reason_to_end(self) -> None:
        said = self.run_code("""
            plugins.load_some(["music.broken", "music.nothing"])
            said.append(scenario.Scenario.get("Piano.play").get_name())
        """)
        self.assertEqual(["Piano.play"], said)

    def test_what_is_no_plugin_is_not_loaded_as_one(self) -> None:
        said = self.run_code("""
            plugins.load_some(["stranger", "strings_of_piano", "antigravity"])
            said += [name in sys.modules for name in (
                "stranger", "strings_of_piano", "antigravity")]
        """)
        self.assertEqual([False, False, False], said)

    def test_what_plugins_require_may_be_imported_and_nothing_else(
        self
    ) -> None:
        said = self.run_code("""
            said += importing.importable([
                "strings_of_piano", "stranger", "music.violin", "ssl",
                "zmq", "sqlalchemy", "rally.common.db", "this",
                "music.__main__", "../stranger", "music..violin", "",
                "http.cookiejar",
            ])
            importing.import_all(["stranger", "strings_of_piano",
                                  "music.broken", "music.nothing"])
            said.append("stranger" in sys.modules)
            said.append("strings_of_piano" in sys.modules)
        """)
        self.assertEqual(
            ["strings_of_piano", "music.violin", "ssl", "http.cookiejar",
             False, True],
            said,
        )


@ddt.ddt
class IsInTestCase(test.TestCase):
    @ddt.data("a", "a.b", "a.b.c", "x.y", "x.y.z")
    def test_modules_of_packages(self, name: str) -> None:
        self.assertTrue(importing.is_in(name, {"a", "x.y"}))

    @ddt.data("", "ab", "x", "x.z", "b.a", "a.", "a..b", ".a", "a.__main__",
              "a/b", "a.b\n", "a b")
    def test_names_that_are_none(self, name: str) -> None:
        self.assertFalse(importing.is_in(name, {"a", "x.y"}))
