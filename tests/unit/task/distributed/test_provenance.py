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


from __future__ import annotations

import importlib.metadata
import os
import pathlib
import sys
import tempfile
import types
from unittest import mock

from rally.common.plugin import discover, failures, folders, importing
from rally.task.distributed import provenance
from rally.task.distributed.wire import messages
from tests.unit import test


class HostsTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.here = pathlib.Path(os.path.realpath(made.name))
        patch = mock.patch.dict(sys.modules)
        patch.start()
        self.addCleanup(patch.stop)
        path = list(sys.path)
        self.addCleanup(lambda: sys.path.__setitem__(slice(None), path))

    def write(self, name, text=""):
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def load(self, host):
        """Load the plugins of a host as a process there would."""
        loader = folders.Loader()
        loader.load(str(self.here / host), failures.COMMAND)
        return loader

    def code_of(self, host, *modules):
        """What the controller says of its modules; they are unloaded."""
        before = set(sys.modules)
        loader = self.load(host)
        files, packages = provenance.of_modules(modules, loader)
        for name in set(sys.modules) - before:
            del sys.modules[name]
        return messages.Code(files=files, packages=packages)

    def differences(self, code, host):
        return [
            (each.name, bool(each.found))
            for each in provenance.differences(code, self.load(host))
        ]


class LooseTestCase(HostsTestCase):
    def test_the_files_of_a_workload_come_with_what_they_import(self):
        self.write("c/probe_a.py", "from sub_b import x\n")
        self.write("c/deep/sub_b.py", "def x():\n    import sub_c\n")
        self.write("c/sub_c.py", "X = 1")
        self.write("c/unused.py", "X = 2")

        code = self.code_of("c", "probe_a")

        self.assertEqual(
            ["probe_a.py", "sub_b.py", "sub_c.py"],
            [file.path for file in code.files],
        )

    def test_the_same_files_are_the_same_wherever_they_are(self):
        for host in ("c", "elsewhere/n1"):
            self.write(host + "/pack_d/__init__.py", "Y = 1")
            self.write(host + "/pack_d/probe_d.py", "from . import other_d")
            self.write(host + "/pack_d/other_d.py", "X = 1")
        code = self.code_of("c", "pack_d.probe_d")

        self.assertEqual(
            ["pack_d/__init__.py", "pack_d/other_d.py", "pack_d/probe_d.py"],
            [file.path for file in code.files],
        )
        self.assertEqual([], self.differences(code, "elsewhere/n1"))

    def test_nobody_misses_an_empty_file(self):
        self.write("c/pack_k/__init__.py")
        self.write("c/pack_k/probe_k.py", "X = 1")
        self.write("n/probe_k.py", "X = 1")
        code = self.code_of("c", "pack_k.probe_k")
        self.assertEqual([], self.differences(code, "n"))

    def test_what_is_gone_cannot_be_compared(self):
        path = self.write("c/probe_l.py", "X = 1")
        loader = self.load("c")
        path.unlink()
        self.assertEqual(
            ((), {}), provenance.of_modules(["probe_l"], loader)
        )

    def test_a_file_that_has_another_name_is_no_difference(self):
        self.write("c/probe_e.py", "X = 1")
        self.write("n/sub/renamed_e.py", "X = 1")
        code = self.code_of("c", "probe_e")
        self.assertEqual([], self.differences(code, "n"))

    def test_another_content_and_a_missing_file_are_told_apart(self):
        self.write("c/probe_f.py", "import helper_f")
        self.write("c/helper_f.py", "X = 1")
        self.write("n/sub/probe_f.py", "X = 2")
        self.write("n/unrelated_f.py")

        code = self.code_of("c", "probe_f")

        self.assertEqual(
            [("helper_f.py", False), ("probe_f.py", True)],
            self.differences(code, "n"),
        )

    def test_files_of_one_name_are_not_taken_for_each_other(self):
        self.write("c/one/probe_g.py", "X = 1")
        self.write("c/two/probe_g.py", "X = 2")
        self.write("n2/one/probe_g.py", "X = 1")
        names = sorted(
            name for name, module in self.loaded("c").items()
            if name.endswith("probe_g")
        )
        code = self.code_of("c", *names)

        self.assertEqual(2, len(code.files))
        self.assertEqual(
            [("probe_g.py", False)], self.differences(code, "n2")
        )

    def test_neither_are_they_if_both_are_there(self):
        for host in "cn":
            self.write(host + "/one/probe_m.py", "X = 1")
            self.write(host + "/two/probe_m.py", "X = 2")
        names = [name for name in self.loaded("c") if "probe_m" in name]

        code = self.code_of("c", *names)

        self.assertEqual(2, len(code.files))
        self.assertEqual([], self.differences(code, "n"))

    def loaded(self, host):
        before = set(sys.modules)
        self.load(host)
        new = {
            name: sys.modules.pop(name)
            for name in set(sys.modules) - before
        }
        return {
            name: module for name, module in new.items()
            if discover.MARK in vars(module)
        }

    def test_a_file_that_cannot_be_imported_is_there(self):
        self.write("c/probe_h.py", "X = 1")
        code = self.code_of("c", "probe_h")
        self.write("n/probe_h.py", "X = 1 +")

        self.assertEqual([("probe_h.py", True)], self.differences(code, "n"))

    def test_modules_of_rally_are_not_compared(self):
        code = self.code_of(
            "none", "rally.plugins.common.runners.constant", "absent"
        )
        self.assertEqual(messages.Code(), code)


class InstalledTestCase(HostsTestCase):
    """Plugins in a package that a distribution has installed."""

    def setUp(self):
        super().setUp()
        found = {"pack_i": importing.Installed("dist-i", "1.0")}
        patch = mock.patch.object(importing, "_distributions", lambda: found)
        patch.start()
        self.addCleanup(patch.stop)
        self.versions = {"dist-i": "1.0"}
        patch = mock.patch.object(
            importlib.metadata, "version", self.version
        )
        patch.start()
        self.addCleanup(patch.stop)
        self.install("c", "X = 1")
        files, packages = provenance.of_modules(
            ["pack_i.sub.probe_i"], folders.Loader()
        )
        self.code = messages.Code(files=files, packages=packages)

    def version(self, name):
        if name not in self.versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return self.versions[name]

    def install(self, host, text):
        path = self.write(host + "/pack_i/sub/probe_i.py", text)
        module = types.ModuleType("pack_i.sub.probe_i")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module

    def found(self):
        return provenance.differences(self.code, folders.Loader())

    def test_the_same_version_and_file(self):
        (file,) = self.code.files
        self.assertEqual(
            ("pack_i/sub/probe_i.py", "dist-i"), (file.path, file.package)
        )
        self.install("n", "X = 1")
        self.assertEqual((), self.found())

    def test_another_version_is_one_difference(self):
        self.install("n", "X = 2")
        self.versions["dist-i"] = "2.0"
        self.assertEqual(
            (messages.Difference(True, "dist-i", "1.0", "2.0"),),
            self.found(),
        )

    def test_a_package_that_is_not_installed_is_one_difference(self):
        del sys.modules["pack_i.sub.probe_i"]
        self.versions.clear()
        (found,) = self.found()
        self.assertEqual("", found.found)
        self.assertEqual(
            "package dist-i: the controller has 1.0, this host none",
            provenance.described(found),
        )

    def test_a_file_that_was_edited_in_place_is_a_difference(self):
        self.install("n", "X = 2")
        (found,) = self.found()
        self.assertEqual("pack_i/sub/probe_i.py", found.name)
        self.assertNotEqual("", found.found)
