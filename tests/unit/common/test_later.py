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

"""Tests of modules that are executed when they are first used."""

from __future__ import annotations

import importlib
import pathlib
import sys
import tempfile
import threading
import types
import typing as t

from rally.common import later
from tests.unit import test

#: generous: other tests may take the CPUs
WAIT_S = 60


class PutOffTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.addCleanup(sys.path.__setitem__, slice(None), list(sys.path))
        self.addCleanup(self.forget, set(sys.modules))
        sys.path.insert(0, folder.name)
        importlib.invalidate_caches()

    @staticmethod
    def forget(before: set[str]) -> None:
        for name in set(sys.modules) - before:
            del sys.modules[name]

    def write(self, path: str, text: str) -> None:
        """A module that notes when it is executed."""
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        note = "open(%r, 'a').write(__name__ + ' ')\n" % str(
            self.folder / "executed"
        )
        file.write_text(note + text)

    @property
    def executed(self) -> list[str]:
        path = self.folder / "executed"
        return path.read_text().split() if path.exists() else []

    def run_code(self, code: str) -> dict[str, t.Any]:
        names: dict[str, t.Any] = {}
        exec(code, names)
        return names

    def test_importing_it_executes_nothing(self) -> None:
        self.write("slow_zzz.py", "VALUE = 3")
        later.put_off(["slow_zzz"])

        names = self.run_code("import slow_zzz")

        self.assertEqual([], self.executed)
        self.assertEqual(3, names["slow_zzz"].VALUE)
        self.assertEqual(3, names["slow_zzz"].VALUE)
        self.assertEqual(["slow_zzz"], self.executed)

    def test_taking_a_name_from_it_executes_it(self) -> None:
        self.write("slow_zzz.py", "VALUE = 3")
        later.put_off(["slow_zzz"])

        self.assertEqual(
            3, self.run_code("from slow_zzz import VALUE")["VALUE"]
        )

    def test_a_package_is_executed_before_its_modules(self) -> None:
        self.write("pkg_zzz/__init__.py", "from pkg_zzz import inner")
        self.write("pkg_zzz/inner.py", "VALUE = 3")
        self.write("pkg_zzz/other.py", "from pkg_zzz.inner import VALUE")
        later.put_off(["pkg_zzz"])

        names = self.run_code("import pkg_zzz.other")

        self.assertEqual(3, names["pkg_zzz"].other.VALUE)
        self.assertEqual(
            ["pkg_zzz", "pkg_zzz.inner", "pkg_zzz.other"], self.executed
        )

    def test_so_is_a_module_of_a_package(self) -> None:
        self.write("pkg_zzz/__init__.py", "")
        self.write("pkg_zzz/inner.py", "VALUE = 3")
        later.put_off(["pkg_zzz.inner"])

        names = self.run_code("from pkg_zzz import inner")

        self.assertEqual(["pkg_zzz"], self.executed)
        self.assertEqual(3, names["inner"].VALUE)

    def test_what_it_does_not_have_is_missing(self) -> None:
        self.write("slow_zzz.py", "")
        later.put_off(["slow_zzz"])
        module = importlib.import_module("slow_zzz")

        self.assertFalse(hasattr(module, "VALUE"))
        self.assertRaises(
            ImportError, self.run_code, "from slow_zzz import VALUE"
        )

    def test_what_is_not_installed_is_left_alone(self) -> None:
        later.put_off(["missing_zzz"])

        self.assertRaises(ImportError, self.run_code, "import missing_zzz")

    def test_what_is_imported_is_left_alone(self) -> None:
        self.write("slow_zzz.py", "")
        module = importlib.import_module("slow_zzz")
        later.put_off(["slow_zzz"])

        self.assertIs(module, importlib.import_module("slow_zzz"))

    def test_of_two_threads_each_sees_all_of_it(self) -> None:
        gates = types.ModuleType("gates_zzz")
        gates.begun, gates.go = threading.Event(), threading.Event()
        sys.modules["gates_zzz"] = gates
        self.write(
            "slow_zzz.py",
            "import gates_zzz\n"
            "gates_zzz.begun.set()\ngates_zzz.go.wait(%d)\nVALUE = 3"
            % WAIT_S,
        )
        later.put_off(["slow_zzz"])
        module = importlib.import_module("slow_zzz")
        found: list[int] = []
        threads = [
            threading.Thread(target=lambda: found.append(module.VALUE))
            for _ in range(2)
        ]
        threads[0].start()
        self.assertTrue(gates.begun.wait(WAIT_S))
        threads[1].start()
        gates.go.set()
        for thread in threads:
            thread.join(WAIT_S)

        self.assertEqual([3, 3], found)
        self.assertEqual(["slow_zzz"], self.executed)
