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

"""What is installed along with Rally, and what of it is imported."""

from __future__ import annotations

import ast
import configparser
import functools
import importlib.metadata
import pathlib
import re
import sys

import rally
from tests.unit import test

PACKAGE = pathlib.Path(rally.__file__).parent
ROOT = PACKAGE.parent
#: plugins of others import it, written for earlier releases
KEPT_FOR_PLUGINS = {"six"}
#: newer versions of Python have it themselves
LATER_IN_PYTHON = {"compression"}
#: imported where it is installed
PLUGINS_OF_OTHERS = {"rally_openstack"}


@functools.cache
def imported():
    """First names of all modules that a file of Rally imports, wherever."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module)
            elif (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == "importlib.import_module"
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(node.args[0].value)
    return {name.partition(".")[0] for name in found} - {"rally"}


def names_in(lines):
    """Names of packages in lines as of requirements.txt, normalised."""
    found = (re.match(r"[\w.-]+", line.strip()) for line in lines)
    return {normalised(match.group()) for match in found if match}


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class RequirementsTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.modules = imported() - set(sys.stdlib_module_names)
        self.required = names_in(
            (ROOT / "requirements.txt").read_text().splitlines()
        )
        packages = importlib.metadata.packages_distributions()
        self.owners = {
            module: {normalised(name) for name in packages.get(module, ())}
            for module in self.modules - LATER_IN_PYTHON - PLUGINS_OF_OTHERS
        }

    def test_nothing_is_installed_that_nobody_imports(self):
        used = set().union(*self.owners.values())
        self.assertEqual(set(), self.required - used - KEPT_FOR_PLUGINS)

    def test_everything_imported_is_installed_or_an_extra(self):
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        extras = setup["options.extras_require"].values()
        known = self.required.union(
            *(names_in(lines.splitlines()) for lines in extras)
        )
        self.assertEqual({}, {
            module: owners for module, owners in self.owners.items()
            if not owners & known
        })
