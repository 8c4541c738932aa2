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

"""The command line as a whole."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import ddt
import zmq

from rally.cli import main
from rally.common import version
from tests.unit.cli import base


@ddt.ddt
class MainTestCase(base.CommandTestCase):
    @ddt.data(["--version"], ["version"])
    def test_tells_its_version(self, words):
        outcome = self.rally(*words)
        self.assertEqual(0, outcome.code)
        self.assertIn(
            "Rally version: %s\n" % version.__version__, outcome.out
        )

    @ddt.data(
        ([], "Missing command"),
        (["task"], "Missing command"),
        (["nope"], "No such command 'nope'"),
        (["task", "nope"], "No such command 'nope'"),
        (["validate", "task.yaml"], "Did you mean rally task validate?"),
        (["db", "revision", "--nope"], "No such option"),
        (["db", "revision", "--config-file", "x"],
         "rally --config-file VALUE db revision"),
        (["task", "start", "x", "--debug"], "rally --debug task start"),
        (["plugin", "show"], "Missing argument 'NAME'"),
        (["plugin", "list", "--platform"], "requires an argument"),
        (["task", "list"], "rally env create --name"),
        (["task", "detailed"], "rally task use"),
    )
    @ddt.unpack
    def test_a_usage_error_exits_with_2(self, words, reason):
        outcome = self.rally(*words)
        self.assertEqual(2, outcome.code)
        self.assertIn(reason, outcome.err)
        self.assertIn("Usage: rally", outcome.err)
        self.assertEqual("", outcome.out)

    @ddt.data(*sorted(main.CATEGORIES))
    def test_help_needs_no_database(self, category):
        outcome = self.rally(category, "--help")
        self.assertEqual(0, outcome.code)
        self.assertIn("Usage: rally %s" % category, outcome.out)
        self.assertFalse(os.path.exists(self.path("rally.sqlite")))

    def test_help_lists_the_categories(self):
        outcome = self.rally("--help")
        for category in main.CATEGORIES:
            self.assertIn(" %s " % category, outcome.out)

    @ddt.data(["env", "list"], ["task", "list", "--env", "x"])
    def test_a_missing_database_exits_with_2(self, words):
        outcome = self.rally(*words)
        self.assertEqual(2, outcome.code)
        self.assertIn("Database is missing", outcome.out)
        self.assertIn("rally db create", outcome.out)

    def test_a_missing_configuration_exits_with_2(self):
        outcome = self.rally("--config-file", "/nope", "env", "list")
        self.assertEqual(2, outcome.code)
        self.assertIn("/nope", outcome.out)

    @ddt.data(
        ("--log-config-append", "/no/such", "log_config_append"),
        ("--log-config-append", "/dev/null", "log_config_append"),
        ("--log-file", "/no/such", "log_file"),
        ("--log-dir", "/no/such", "log_file"),
    )
    @ddt.unpack
    def test_logs_that_cannot_be_exit_with_2(self, option, path, named):
        outcome = self.rally(option, path, "plugin", "list")
        self.assertEqual(2, outcome.code)
        self.assertIn(path, outcome.out)
        self.assertIn("`%s`" % named, outcome.out)
        self.assertNotIn("%(", outcome.out)

    def test_a_named_configuration_wins(self):
        path = self.write(
            "other.conf", "[database]\nconnection = sqlite:////x/other\n"
        )
        outcome = self.rally("--config-file", path, "db", "show")
        self.assertEqual("sqlite:////x/other\n", outcome.out)

    def test_an_error_of_ours_exits_with_its_code(self):
        self.make_env()
        outcome = self.rally("task", "status", "nope")
        self.assertEqual(203, outcome.code)
        self.assertIn("nope", outcome.out)
        self.assertNotIn("Traceback", outcome.out + outcome.err)

    def test_debug_shows_where_it_came_from(self):
        self.make_env()
        outcome = self.rally("--debug", "task", "status", "nope")
        self.assertEqual(203, outcome.code)
        self.assertIn("Traceback", outcome.err)

    def test_plugins_are_loaded_from_given_paths(self):
        path = self.write("extra/mine.py", PLUGIN)
        outcome = self.rally(
            "--plugin-paths", path, "plugin", "show", "Mine.x"
        )
        self.assertEqual(0, outcome.code, outcome)
        self.assertIn("Do something of mine.", outcome.out)


PLUGIN = '''
from rally.task import scenario


@scenario.configure(name="Mine.x")
class Mine(scenario.Scenario):
    def run(self):
        """Do something of mine."""
'''


class StartTestCase(base.HomeTestCase):
    def modules_of(self, *words: str) -> set[str]:
        """Modules that a command loads."""
        code = (
            "import sys\n"
            "from rally.cli import main\n"
            "try:\n"
            "    main.main(sys.argv[1:])\n"
            "except SystemExit:\n"
            "    pass\n"
            "print('MODULES', *sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            check=True,
        )
        line = done.stdout.splitlines()[-1]
        self.assertTrue(line.startswith("MODULES"), done.stdout)
        return set(line.split())

    def test_version_loads_next_to_nothing(self):
        loaded = self.modules_of("--version")
        heavy = {
            "sqlalchemy", "alembic", "oslo_config", "oslo_db", "oslo_log",
            "numpy", "zmq", "jinja2", "prettytable",
        }
        self.assertEqual(set(), loaded & heavy)

    def written_to(self, output: int) -> subprocess.CompletedProcess[str]:
        """``rally --version`` with its output there."""
        code = "from rally.cli import main; main.main(['--version'])"
        return subprocess.run(
            [sys.executable, "-c", code],
            stdout=output, stderr=subprocess.PIPE, text=True, check=False,
        )

    def test_a_disk_that_is_full_is_told_in_a_sentence(self):
        with open("/dev/full", "w") as full:
            done = self.written_to(full.fileno())
        self.assertEqual(main.GENERAL_FAILURE, done.returncode)
        self.assertEqual(
            "Standard output cannot be written: No space left on device. "
            "The rest of it is lost.\n", done.stderr,
        )

    def test_a_reader_who_has_gone_is_told_nothing(self):
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)
        done = self.written_to(writing)
        self.assertEqual(main.GENERAL_FAILURE, done.returncode)
        self.assertEqual("", done.stderr)

    def test_nobody_needs_to_listen(self):
        done = subprocess.run(
            ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable,
             "from rally.cli import main; main.main(['--version'])"],
            stderr=subprocess.PIPE, text=True, check=False,
        )
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_agent_commands_leave_the_database_alone(self):
        loaded = self.modules_of("agent", "list")
        self.assertEqual(
            set(), {x for x in loaded if "rally.common.db" in x}
        )
        self.assertNotIn("sqlalchemy", loaded)

    def test_errors_of_the_program_show_no_traceback(self):
        self.assertEqual(
            "Command failed: KeyError: 'x'\n"
            "Run it with --debug to see where.",
            main._message_of(KeyError("x")),
        )
        self.assertEqual("bad", main._message_of(ValueError("bad")))

    def test_a_limit_of_open_files_is_told_with_what_to_do(self):
        for error in OSError(errno.EMFILE, "no"), zmq.ZMQError(errno.ENFILE):
            told = main._message_of(error)
            self.assertIn("Raise the limit that `ulimit -n` shows", told)
