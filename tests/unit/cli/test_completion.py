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

"""What shells complete, in processes of their own as shells ask for it."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import ddt
import testtools

from rally import plugins
from rally.cli import completion
from rally.common.plugin import plugin
from tests.unit import test

#: runs a command line, then says which of some modules it has imported
ASK = """
import atexit, sys
HEAVY = ("sqlalchemy", "alembic", "rich", "jinja2", "numpy", "sqlite3")
atexit.register(
    lambda: print(*(x for x in HEAVY if sys.modules.get(x)), file=sys.stderr)
)
from rally.cli import main
sys.argv[0] = "rally"
main.main()
"""
DECLARED = """
@validation.add("enum", param_name="cluster")
@scenario.configure(context={"cleanup@openstack": ["nova"]},
                    name="Nova.boot", platform="openstack")
class Boot(scenario.Scenario):
    pass


@exporter.configure("csv")
class CSV(exporter.TaskExporter):
    name = "no name"
"""


class SourceTestCase(test.TestCase):
    def test_names_are_read_out_of_decorators(self) -> None:
        self.assertEqual(
            [("scenario", "Nova.boot", "openstack"),
             ("exporter", "csv", "default")],
            list(completion.declarations(DECLARED)),
        )

    def test_what_is_read_is_what_is_registered(self) -> None:
        plugins.load()
        registered = {
            (cls.get_name(), cls.get_platform())
            for cls in plugin.Plugin.get_all(allow_hidden=True)
            if cls.__module__.startswith(plugins.OWN_PACKAGES)
        }
        read = {
            (each.name, each.platform)
            for package in plugins.OWN_PACKAGES
            for folder in sys.modules[package].__path__
            for path in pathlib.Path(folder).rglob("*.py")
            for each in completion.declarations(path.read_text("utf-8"))
        }
        self.assertEqual(registered, read)


@ddt.ddt
class ShellTestCase(test.DBTestCase):
    def environ(self, **more: str) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items()
            if not name.startswith("RALLY_")
        }
        return {**kept, "HOME": str(self.home), **more}

    def asked(self, shell: str, line: str) -> tuple[list[str], str]:
        """Lines for the shell, and which modules they cost."""
        words = line.split(" ")
        done = subprocess.run(
            [sys.executable, "-c", ASK],
            env=self.environ(
                _RALLY_COMPLETE="complete_" + shell, COMP_WORDS=line,
                COMP_CWORD=str(len(words) - 1), _TYPER_COMPLETE_ARGS=line,
                _TYPER_COMPLETE_FISH_ACTION="get-args",
            ),
            capture_output=True, text=True, check=True,
        )
        return done.stdout.splitlines(), done.stderr.strip()

    def offered(self, line: str) -> list[str]:
        return self.asked("bash", line)[0]

    @ddt.data(
        ("rally ta", ["task"]),
        ("rally task sta", ["start", "status"]),
        ("rally task start x --task-args-", ["--task-args-file"]),
        ("rally task report --uu", ["--uuid"]),
        ("rally task export --type par", ["parquet"]),
        ("rally task export 1 --type old", ["old-json-results"]),
        ("rally plugin show Dummy.dummy_o", ["Dummy.dummy_output"]),
        ("rally task list --status fin", ["finished"]),
        ("rally task status --uui", ["--uuid"]),
    )
    @ddt.unpack
    def test_offers_what_fits(self, line: str, offers: list[str]) -> None:
        self.assertEqual(offers, [x for x in self.offered(line) if x])

    @ddt.data("bash", "zsh", "fish")
    def test_imports_nothing_that_takes_long(self, shell: str) -> None:
        for line in ("rally task start --", "rally plugin show Dummy.f"):
            lines, imported = self.asked(shell, line)
            self.assertNotEqual([], lines)
            self.assertEqual("", imported, line)

    def test_plugins_of_the_user_are_offered(self) -> None:
        folder = self.home / ".rally" / "plugins"
        folder.mkdir(parents=True)
        (folder / "mine.py").write_text(DECLARED)
        self.assertEqual(["Nova.boot"], self.offered("rally plugin show N"))
        self.assertEqual(["csv"], self.offered("rally task export --type c"))
        self.assertEqual(
            ["openstack"], self.offered("rally plugin list --platform o")
        )

    @ddt.data("rally env show ", "rally env show --env ",
              "rally task start x --env ", "rally deployment use ")
    def test_records_are_offered(self, line: str) -> None:
        self.make_env("one")
        self.configure("sqlite:///" + self.db_path)
        for start, offers in (("", ["one"]), ("o", ["one"]), ("x", [])):
            found = [x for x in self.offered(line + start) if x]
            self.assertEqual(offers, found)

    def configure(self, connection: str) -> None:
        folder = self.home / ".rally"
        folder.mkdir(exist_ok=True)
        (folder / "rally.conf").write_text(
            "[database]\nconnection = %s\n" % connection
        )

    @ddt.data("sqlite:////nowhere/x.db", "postgresql://u:p@127.0.0.1:1/r")
    def test_a_database_that_cannot_be_read_offers_nothing(
        self, connection: str
    ) -> None:
        self.configure(connection)
        self.assertEqual([""], self.offered("rally env show "))

    @testtools.skipUnless(shutil.which("bash"), "there is no bash")
    def test_bash_completes_by_the_script_it_is_given(self) -> None:
        program = self.home / "rally"
        program.write_text(
            "#!%s\nfrom rally.cli import main\nmain.main()\n" % sys.executable
        )
        program.chmod(0o755)
        done = subprocess.run(
            ["bash", "--norc", "-i", "-c", """
             source <(rally --show-completion)
             COMP_WORDS=("$@") COMP_CWORD=$(( $# - 1 ))
             complete -p rally >/dev/null && _rally_completion rally
             printf "%s\\n" "${COMPREPLY[@]}"
             """, "bash", "rally", "task", "st"],
            env=self.environ(
                PATH="%s:%s" % (self.home, os.environ["PATH"])
            ),
            capture_output=True, text=True, check=True,
        )
        self.assertEqual("start\nstatus\n", done.stdout)
