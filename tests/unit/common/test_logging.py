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

"""Tests of loggers and of decorators that log."""

from __future__ import annotations

import logging as std_logging
import os
import subprocess
import sys
import textwrap

from rally.common import logging
from tests.unit import test

LOG = logging.getLogger(__name__)


class Owner:
    task = {"uuid": "the-task"}
    deployment = {"uuid": "the-env"}
    verification = {"uuid": "the-verification"}

    @logging.log_task_wrapper(LOG.warning, "Doing %(what)s.", what="this")
    def ok(self, value: int) -> int:
        """The doc."""
        return value

    @logging.log_deploy_wrapper(LOG.warning, "100% of it.")
    def fail(self) -> None:
        raise ValueError

    @logging.log_verification_wrapper(LOG.warning, "That.")
    def verify(self) -> None:
        """Do nothing."""


class AdapterTestCase(test.TestCase):
    def test_debug_has_a_level_of_its_own(self) -> None:
        std_logging.getLogger(__name__).setLevel(logging.RDEBUG)
        self.addCleanup(
            std_logging.getLogger(__name__).setLevel, logging.NOTSET
        )

        with logging.LogCatcher(LOG) as catcher:
            LOG.debug("shown %s", 1)
            LOG.logger.debug("hidden")

        self.assertEqual(["shown 1"], catcher.fetchLogs())
        self.assertEqual(logging.RDEBUG, catcher.fetchLogRecords()[0].levelno)

    def test_records_name_the_line_that_logs(self) -> None:
        std_logging.getLogger(__name__).setLevel(logging.RDEBUG)
        self.addCleanup(
            std_logging.getLogger(__name__).setLevel, logging.NOTSET
        )

        with logging.LogCatcher(LOG) as catcher:
            LOG.debug("one")
            LOG.warning("two")
            LOG.exception("three")

        for record in catcher.fetchLogRecords():
            self.assertEqual("test_logging.py", record.filename)
            self.assertEqual(self.id().rpartition(".")[2], record.funcName)

    def test_other_keywords_become_attributes(self) -> None:
        with logging.LogCatcher(LOG) as catcher:
            LOG.warning("text", agent="node1", extra={"x": 1})

        record = catcher.fetchLogRecords()[0]
        self.assertEqual(("node1", 1), (record.agent, record.x))  # type: ignore

    def test_braces_and_percents_do_no_harm(self) -> None:
        with logging.LogCatcher(LOG) as catcher:
            LOG.warning("100% of {this}")

        self.assertEqual(["100% of {this}"], catcher.fetchLogs())


class CatcherTestCase(test.TestCase):
    def test_finds_by_substring(self) -> None:
        with logging.LogCatcher(LOG) as catcher:
            LOG.warning("hello world")
        LOG.warning("later")

        self.assertEqual(["hello world"], catcher.assertInLogs("lo wo"))
        self.assertRaises(AssertionError, catcher.assertInLogs, "later")


class WrapperTestCase(test.TestCase):
    def test_logs_start_and_end(self) -> None:
        with logging.LogCatcher(LOG) as catcher:
            self.assertEqual(5, Owner().ok(5))
            Owner().verify()

        self.assertEqual(
            [
                "Task the-task | Starting:  Doing this.",
                "Task the-task | Completed: Doing this.",
                "Verification the-verification | Starting:  That.",
                "Verification the-verification | Completed: That.",
            ],
            catcher.fetchLogs(),
        )
        self.assertEqual("The doc.", Owner.ok.__doc__)

    def test_failure_has_no_end(self) -> None:
        with logging.LogCatcher(LOG) as catcher:
            self.assertRaises(ValueError, Owner().fail)

        self.assertEqual(
            ["Deployment the-env | Starting:  100% of it."],
            catcher.fetchLogs(),
        )


class ExceptionLoggerTestCase(test.TestCase):
    def test_swallows_keeps_and_logs(self) -> None:
        with (
            logging.LogCatcher(LOG) as catcher,
            logging.ExceptionLogger(LOG, "It went wrong") as logger,
        ):
            raise ValueError("boom")

        self.assertIsInstance(logger.exception, ValueError)
        catcher.assertInLogs("It went wrong")

    def test_silent_without_error(self) -> None:
        with (
            logging.LogCatcher(LOG) as catcher,
            logging.ExceptionLogger(LOG, "It went wrong") as logger,
        ):
            pass

        self.assertIsNone(logger.exception)
        self.assertEqual([], catcher.fetchLogs())

    def test_lets_interrupts_pass(self) -> None:
        def interrupt() -> None:
            with logging.ExceptionLogger(LOG):
                raise KeyboardInterrupt

        self.assertRaises(KeyboardInterrupt, interrupt)


class DeprecatedTestCase(test.TestCase):
    def test_function_and_place_are_named(self) -> None:
        logs: list[str] = []

        @logging.log_deprecated("use new()", "6.0.0", logs.append)
        def old() -> int:
            return 1

        self.assertEqual((1, 1), (old(), old()))

        self.assertEqual(2, len(logs))
        self.assertIn("`old()' is deprecated since v6.0.0: use new()", logs[0])
        self.assertIn("test_logging.py:", logs[0])

    def test_once_is_once(self) -> None:
        logs: list[str] = []

        @logging.log_deprecated("use new()", "6.0.0", logs.append, once=True)
        def old() -> None:
            """Do nothing."""

        old()
        old()

        self.assertEqual(1, len(logs))

    def test_arguments_are_seen_by_name_and_by_position(self) -> None:
        logs: list[str] = []

        @logging.log_deprecated_args("use c", "6.0.0", ["b"], logs.append)
        def func(a: int, b: int = 0, **kwargs: int) -> int:
            return a

        func(1)
        self.assertEqual([], logs)
        func(1, 2)
        func(1, b=2)
        self.assertRaises(TypeError, func)

        self.assertEqual(2, len(logs))
        self.assertIn("Argument `b' of `func()' is deprecated", logs[0])

    def test_several_arguments_are_named_together(self) -> None:
        logs: list[str] = []

        @logging.log_deprecated_args("use c", "6.0.0", "ab", logs.append)
        def func(a: int, b: int = 0) -> int:
            return a

        func(1, 2)

        self.assertIn("Arguments `a', `b' of `func()' are", logs[0])


class SetupTestCase(test.TestCase):
    def run_rally(self, *argv: str) -> str:
        code = textwrap.dedent("""
            import logging as std
            import sys

            from rally.common import cfg, logging, opts

            opts.register()
            cfg.CONF(sys.argv[1:], project="rally", default_config_files=[])
            logging.setup("rally")
            log = logging.getLogger("rally.x")
            log.info("one")
            log.debug("two")
            std.getLogger("lib").debug("three")
            std.getLogger("urllib3").info("four")
            print(logging.is_debug())
        """)
        done = subprocess.run(
            [sys.executable, "-c", code, *argv],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "HOME": "/nonexistent"},
        )
        return done.stdout + done.stderr

    def shown(self, output: str) -> list[str]:
        words = ("one", "two", "three", "four", "True")
        return [word for word in words if word in output]

    def test_logs_go_to_standard_error_from_info_on(self) -> None:
        self.assertEqual(["one"], self.shown(self.run_rally()))

    def test_what_goes_to_a_file_goes_nowhere_else(self) -> None:
        folder = self.make_home()
        path = folder + "/log"
        for option in ("--log-file=" + path, "--log-dir=" + folder):
            self.assertEqual([], self.shown(self.run_rally(option)))
        with open(path) as f:
            self.assertIn("one", f.read())
        self.assertEqual([], self.shown(self.run_rally(
            "--log-file", os.devnull
        )))
        both = folder + "/rally.conf"
        with open(both, "w") as f:
            f.write("[DEFAULT]\nuse_stderr = True\n")
        self.assertEqual(["one"], self.shown(self.run_rally(
            "--log-file", path, "--config-file", both
        )))

    def test_rally_debug_shows_rally_alone(self) -> None:
        self.assertEqual(
            ["one", "two", "True"], self.shown(self.run_rally("--rally-debug"))
        )

    def test_debug_shows_everything(self) -> None:
        self.assertEqual(
            ["one", "two", "three", "True"],
            self.shown(self.run_rally("--debug")),
        )


class CommandLineTestCase(test.TestCase):
    def test_values_of_the_parameters_become_a_command_line(self) -> None:
        names = [parameter.name for parameter in logging.build_cli_params()]
        self.assertIn("rally_debug", names)

        self.assertEqual(
            ["--debug", "--log-file", "x"],
            logging.to_oslo_argv(
                {
                    **dict.fromkeys(names),
                    "debug": True,
                    "use_json": False,
                    "log_file": "x",
                    "other": 1,
                }
            ),
        )

    def test_oslo_knows_every_parameter(self) -> None:
        from rally.common import cfg, opts

        opts.register()

        for parameter in logging.build_cli_params():
            self.assertIn(parameter.name, cfg.CONF)
