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

"""Tests of finding plugins in packages and folders."""

from __future__ import annotations

import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import typing as t
from unittest import mock

from rally.common import logging
from rally.common.plugin import discover, failures, plugin
from tests.unit import test

LOG = failures.LOG
#: generous: other tests may take the CPUs
WAIT_S = 60


class IterSubclassesTestCase(test.TestCase):
    def test_depth_first_each_once(self) -> None:
        class A:
            pass

        class B(A):
            pass

        class C(A):
            pass

        class D(B, C):
            pass

        self.assertEqual([B, D, C], list(discover.itersubclasses(A)))

    def test_works_for_metaclasses(self) -> None:
        self.assertIn(type(os.PathLike), discover.itersubclasses(type))


class RestTestCase(test.TestCase):
    """What is looked for while the plugins are being loaded."""

    def setUp(self) -> None:
        super().setUp()
        self.rest = discover.Rest()
        self.began = threading.Event()
        self.goes_on = threading.Event()
        self.loaded = False

    def load(self) -> None:
        self.began.set()
        self.assertTrue(self.goes_on.wait(WAIT_S))
        self.loaded = True

    def test_who_comes_meanwhile_waits_and_finds_all(self) -> None:
        self.rest.put_off(self.load)
        seen: list[tuple[bool, bool]] = []

        def look() -> None:
            seen.append((self.rest.load(), self.loaded))

        first, second = (threading.Thread(target=look) for _ in range(2))
        first.start()
        self.assertTrue(self.began.wait(WAIT_S))
        second.start()
        second.join(0.1)
        self.assertEqual([], seen)
        self.goes_on.set()
        first.join(WAIT_S)
        second.join(WAIT_S)

        self.assertEqual([(True, True), (True, True)], seen)
        self.assertFalse(self.rest.load())

    def test_a_module_that_looks_for_plugins_does_not_load_them_again(
        self
    ) -> None:
        seen = []
        self.rest.put_off(lambda: seen.append(self.rest.load()))

        self.assertTrue(self.rest.load())

        self.assertEqual([False], seen)

    def test_a_plugin_that_another_thread_just_loaded_is_found(self) -> None:
        class Base(plugin.Plugin):
            pass

        def load() -> None:
            plugin.configure("late")(type("Late", (Base,), {}))

        self.rest.put_off(load)
        looks = Base._loaded
        by_another = threading.Thread(target=self.rest.load)

        def look(*args: t.Any) -> list[t.Any]:
            found = looks(*args)
            if by_another.ident is None:  # it is done in between
                by_another.start()
                by_another.join(WAIT_S)
            return found

        with mock.patch.object(discover, "REST", self.rest), (
            mock.patch.object(Base, "_loaded", look)
        ):
            self.assertEqual("late", Base.get("late").get_name())


class FolderTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(sys.path.__setitem__, slice(None), list(sys.path))
        before = set(sys.modules)
        self.addCleanup(self.forget, before)

    @staticmethod
    def forget(before: set[str]) -> None:
        for name in set(sys.modules) - before:
            del sys.modules[name]

    def write(self, path: str, text: str) -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return str(file)

    def loaded(self, stem: str) -> list[object]:
        return [
            module
            for module in set(sys.modules.values())
            if (getattr(module, "__file__", None) or "").startswith(
                os.path.realpath(self.folder)
            )
            and os.path.basename(module.__file__ or "") == f"{stem}.py"
        ]


class LoadPluginsTestCase(FolderTestCase):
    def test_walks_folders_and_follows_links(self) -> None:
        self.write("a/one_zzz.py", "")
        self.write("elsewhere/two_zzz.py", "")
        os.symlink(self.folder / "elsewhere", self.folder / "a" / "link")
        os.symlink(self.folder / "a", self.folder / "a" / "loop")

        discover.load_plugins(str(self.folder / "a"))

        self.assertEqual(1, len(self.loaded("one_zzz")))
        self.assertEqual(1, len(self.loaded("two_zzz")))

    def test_neighbours_import_each_other_once(self) -> None:
        self.write("a_zzz.py", "import b_zzz")
        self.write("b_zzz.py", "")
        self.write("sub/c_zzz.py", "import a_zzz")

        discover.load_plugins(str(self.folder))

        for stem in ("a_zzz", "b_zzz", "c_zzz"):
            self.assertEqual(1, len(self.loaded(stem)), stem)

    def test_folder_that_is_a_package_allows_both_ways_of_import(self) -> None:
        self.write("pkg_zzz/__init__.py", "")
        self.write("pkg_zzz/a_zzz.py", "from . import b_zzz")
        self.write("pkg_zzz/b_zzz.py", "")
        self.write("pkg_zzz/c_zzz.py", "import b_zzz, a_zzz")

        discover.load_plugins(str(self.folder))

        for stem in ("a_zzz", "b_zzz", "c_zzz"):
            self.assertEqual(1, len(self.loaded(stem)), stem)

    def test_names_of_other_modules_are_no_obstacle(self) -> None:
        self.write("x/json.py", "VALUE = 1")
        self.write("y/json.py", "VALUE = 2")

        discover.load_plugins(str(self.folder))

        self.assertEqual(2, len(self.loaded("json")))
        self.assertTrue(hasattr(sys.modules["json"], "dumps"))

    def test_broken_file_is_logged_and_skipped(self) -> None:
        self.write("a_zzz.py", "1 / 0")
        self.write("b_zzz.py", "this is no python")
        self.write("c_zzz.py", "")

        with logging.LogCatcher(LOG) as catcher:
            discover.load_plugins(str(self.folder))

        catcher.assertInLogs("a_zzz.py")
        catcher.assertInLogs("b_zzz.py")
        self.assertEqual([], self.loaded("a_zzz"))
        self.assertEqual(1, len(self.loaded("c_zzz")))

    def test_broken_module_of_a_package_leaves_the_others(self) -> None:
        self.write("whole_zzz/__init__.py", "")
        self.write("whole_zzz/a.py", "1 / 0")
        self.write("whole_zzz/b/__init__.py", "1 / 0")
        self.write("whole_zzz/c.py", "")
        sys.path.append(str(self.folder))
        package = discover.PluginPackage(
            name="whole", version="1", plugins_path="whole_zzz", options=None
        )

        with logging.LogCatcher(LOG) as catcher:
            discover.import_modules_by_entry_point([package])

        self.assertEqual(2, len(catcher.assertInLogs("ZeroDivisionError")))
        self.assertIn("whole_zzz.c", sys.modules)
        self.assertRaises(
            ZeroDivisionError,
            discover.import_modules_from_package,
            "whole_zzz",
        )

    def test_takes_a_single_file(self) -> None:
        path = self.write("only_zzz.py", "import beside_zzz")
        self.write("beside_zzz.py", "")
        self.write("other_zzz.py", "")

        discover.load_plugins(path)

        self.assertEqual(1, len(self.loaded("only_zzz")))
        self.assertEqual([], self.loaded("other_zzz"))

    def test_missing_path_is_nothing(self) -> None:
        discover.load_plugins(str(self.folder / "missing"))


class OfPluginsTestCase(FolderTestCase):
    def package(self, **points: str | None) -> t.ContextManager[t.Any]:
        offered = discover.PluginPackage(
            name="acme", version="1",
            plugins_path=points.get("path"), options=points.get("options"),
        )
        return mock.patch.object(
            discover, "find_packages_by_entry_point", return_value=[offered]
        )

    def test_so_are_files_of_plugin_folders_and_only_these(self) -> None:
        self.write("plugins/a_zzz.py", "import b_zzz, outside_zzz")
        self.write("plugins/b_zzz.py", "")
        self.write("outside/outside_zzz.py", "")
        sys.path.append(str(self.folder / "outside"))

        discover.load_plugins(str(self.folder / "plugins"))

        for name, is_so in (
            ("a_zzz", True), ("b_zzz", True), ("outside_zzz", False),
            ("rally.task.sla", True), ("rally", True), ("rallyx", False),
            ("json", False), ("not_there_zzz", False), ("", False),
            ("rally.a b", False), ("rally..x", False),
        ):
            self.assertIs(is_so, discover.is_of_plugins(name), name)

    def test_a_package_with_all_that_lies_beside_its_plugins(self) -> None:
        self.write("acme_zzz/__init__.py", "")
        self.write("acme_zzz/plugins/__init__.py", "")
        sys.path.append(str(self.folder))
        importlib.import_module("acme_zzz.plugins")
        with self.package(path="acme_zzz.plugins"):
            self.assertTrue(discover.is_of_plugins("acme_zzz.cloud"))
            self.assertFalse(discover.is_of_plugins("acme_zzz_other"))

    def test_not_what_else_is_in_a_shared_namespace(self) -> None:
        self.write("shared_zzz/acme/__init__.py", "")
        sys.path.append(str(self.folder))
        importlib.import_module("shared_zzz.acme")
        with self.package(options="shared_zzz.acme.opts:list_opts"):
            self.assertTrue(discover.is_of_plugins("shared_zzz.acme.cloud"))
            self.assertFalse(discover.is_of_plugins("shared_zzz.other"))


class EntryPointTestCase(test.TestCase):
    def test_broken_package_is_logged_and_returned(self) -> None:
        package = discover.PluginPackage(
            name="broken",
            version="1",
            plugins_path="no_such_package_zzz",
            options="no_such_package_zzz:f",
        )

        with logging.LogCatcher(LOG) as catcher:
            found = discover.import_modules_by_entry_point([package])
            discover.register_options_of(package)

        self.assertEqual([package], found)
        self.assertEqual(2, len(catcher.assertInLogs("broken")))


class LoadTestCase(test.TestCase):
    def test_loading_plugins_needs_neither_zmq_nor_the_database(self) -> None:
        code = (
            "import sys; from rally import plugins; plugins.load();"
            "print([m for m in ('zmq', 'sqlalchemy', 'alembic')"
            " if m in sys.modules], plugins.PLUGINS_LOADED)"
        )

        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "HOME": "/nonexistent"},
        )

        self.assertEqual("[] True", done.stdout.strip())

    def test_version_needs_no_oslo(self) -> None:
        code = (
            "import sys; import rally.exceptions, rally.common.plugin.plugin,"
            "rally.common.version, rally.common.utils;"
            "print(sorted(sys.modules.keys() & {"
            "'oslo_config', 'oslo_log', 'numpy', 'typer', 'referencing'}))"
        )

        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

        self.assertEqual("[]", done.stdout.strip())
