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

"""Tests of the import hook for earlier names."""

from __future__ import annotations

import importlib
import pathlib
import pkgutil
import subprocess
import sys
import tempfile
import textwrap
import typing as t

import ddt

import rally
from rally.common import logging, moved
from tests.unit import test

PACKAGE = pathlib.Path(rally.__file__).parent
PLACES = {**moved.ALIASES, **moved.MOVED}


def modules_of(name: str) -> list[str]:
    """The module *name* and all below it."""
    paths = getattr(importlib.import_module(name), "__path__", ())
    return [name, *(x.name for x in pkgutil.walk_packages(paths, name + "."))]


def in_fresh_process(code: str) -> str:
    """What *code* prints in an interpreter that has imported nothing."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False,
    )
    return (done.stdout + done.stderr).strip()


@ddt.ddt
class FinderTestCase(test.TestCase):
    @ddt.data(*PLACES.items())
    @ddt.unpack
    def test_an_earlier_name_is_the_same_module(
        self, earlier: str, present: str
    ) -> None:
        for name in modules_of(present):
            spec = importlib.import_module(name).__spec__
            old = importlib.import_module(earlier + name[len(present):])
            self.assertIs(sys.modules[name], old)
            self.assertIs(spec, old.__spec__)

    @ddt.data(*PLACES)
    def test_nothing_of_the_tree_is_hidden(self, earlier: str) -> None:
        path = PACKAGE.joinpath(*earlier.split(".")[1:])
        self.assertFalse(path.with_suffix(".py").exists())
        self.assertEqual([], list(path.rglob("*.py")))

    def test_no_plugin_is_registered_twice(self) -> None:
        names = [
            earlier + name[len(present):]
            for earlier, present in PLACES.items()
            for name in modules_of(present)
        ]
        shown = in_fresh_process(
            """
            import importlib
            from rally import plugins
            from rally.common.plugin import plugin
            plugins.load()
            before = sorted(map(repr, plugin.Plugin.get_all()))
            for name in %r:
                importlib.import_module(name)
            print(sorted(map(repr, plugin.Plugin.get_all())) == before)
            """ % names
        )
        self.assertEqual("True", shown.splitlines()[0])

    def test_the_earlier_name_may_come_first(self) -> None:
        shown = in_fresh_process(
            """
            from rally.plugins.task.sla import outliers
            from rally.plugins.common.sla import outliers as present
            print(outliers is present, outliers.__name__)
            """
        )
        self.assertEqual("True rally.plugins.common.sla.outliers", shown)

    def test_a_folder_that_was_left_behind_is_no_package(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "task", "sla").mkdir(parents=True)
            shown = in_fresh_process(
                """
                from rally import plugins
                plugins.__path__.append(%r)
                from rally.plugins import task
                print(task.__name__)
                """ % folder
            )
        self.assertEqual("rally.plugins.common", shown)

    def test_what_never_was_is_not_found_by_its_own_name(self) -> None:
        error = self.assertRaises(
            ModuleNotFoundError,
            importlib.import_module, "rally.plugins.task.no_such_zzz",
        )
        self.assertEqual("rally.plugins.task.no_such_zzz", error.name)


@ddt.ddt
class DeprecationTestCase(test.TestCase):
    def caught(self, *names: str) -> list[str]:
        """What importing *names* logs."""
        for name in names:
            # a package around it may have moved, too, and warns itself
            importlib.import_module(name.rpartition(".")[0])
            before = sys.modules.pop(name, None)
            if before is not None:
                self.addCleanup(sys.modules.__setitem__, name, before)
        logger = logging.getLogger(moved.__name__)
        with logging.LogCatcher(logger) as catcher:
            for name in names:
                importlib.import_module(name)
                importlib.import_module(name)
        return [str(line) for line in catcher.fetchLogs()]

    @ddt.data(*moved.MOVED)
    def test_a_module_that_moved_warns_once(self, name: str) -> None:
        (line,) = self.caught(name)
        self.assertIn("Module %s is deprecated" % name, line)
        self.assertIn(moved.present_name(name) or "nowhere", line)
        self.assertIn(__file__, line)

    def test_what_is_taken_from_a_package_warns_whatever_was_imported(
        self,
    ) -> None:
        importlib.import_module("rally.plugins.common.hooks.sys_call")
        sys.modules.pop("rally.plugins.common.hook", None)

        logger = logging.getLogger(moved.__name__)
        with logging.LogCatcher(logger) as catcher:
            exec("from rally.plugins.common.hook import sys_call")

        self.assertEqual(1, len(catcher.fetchLogs()))

    def test_a_module_with_two_good_names_does_not(self) -> None:
        self.assertEqual([], self.caught("rally.plugins.task.types"))

    @ddt.data(
        *(
            (module, earlier, present)
            for module, names in moved.RENAMED.items()
            for earlier, present in names.items()
        )
    )
    @ddt.unpack
    def test_a_name_that_changed_warns_once(
        self, module: str, earlier: str, present: str
    ) -> None:
        home: t.Any = importlib.import_module(module)
        self.assertIn("__getattr__", vars(home))
        vars(home).pop(earlier, None)

        logger = logging.getLogger(moved.__name__)
        with logging.LogCatcher(logger) as catcher:
            found = [getattr(home, earlier) for _ in range(2)]

        self.assertEqual([getattr(home, present)] * 2, found)
        (line,) = catcher.fetchLogs()
        self.assertIn("%s.%s" % (module, present), line)
        self.assertIn(__file__, line)

    def test_other_names_are_still_missing(self) -> None:
        from rally.task import hook

        self.assertRaises(AttributeError, getattr, hook, "no_such_zzz")
