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

"""The page about configuration has every option, variable and default."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import io
import json
import pathlib
import re
import subprocess
import sys
import types

import ddt
import docutils.core
from docutils.parsers.rst import directives
from oslo_config import generator

from rally.common import cfg
from rally.common.db import engine
from tests.unit import test

ROOT = pathlib.Path(__file__).parents[3]
PAGE = ROOT / "doc" / "source" / "configuration.rst"
SAMPLE = ROOT / "etc" / "rally" / "rally.conf.sample"
#: options that can only be given on a command line, by oslo.config itself,
#: and one that names other sources than files
OF_OSLO_CONFIG = {
    "config_dir", "config_file", "config_source", "shell_completion",
}
LIST_OPTIONS = """
import json
from rally.common import cfg, opts
from rally.common.db import engine
opts.register()
found = []
for name in cfg.CONF:
    value = cfg.CONF[name]
    if isinstance(value, cfg.ConfigOpts.GroupAttr):
        found += [(name, each) for each in value]
    else:
        found.append(("DEFAULT", name))
print(json.dumps(found))
"""
#: how processes of Rally speak to each other
INTERNAL = {"RALLY_WALL_BASE_NS"}


def load_options() -> types.ModuleType:
    """The extension of Sphinx that makes tables of options."""
    spec = importlib.util.spec_from_file_location(
        "rally_doc_options", ROOT / "doc" / "ext" / "options.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


options = load_options()


def registered() -> set[tuple[str, str]]:
    """Section and name of all options there are without plugins.

    In this process other tests may have registered some.
    """
    done = subprocess.run(
        [sys.executable, "-c", LIST_OPTIONS], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, check=True,
    )
    return {(section, name) for section, name in json.loads(done.stdout)}


def shown() -> set[tuple[str, str]]:
    """Section and name of all options that the page shows."""
    namespaces = re.findall(
        r"^\.\. rally-options:: (\S+)$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    return {
        (section, option.dest)
        for namespace in namespaces
        for section, option in options.options_of(namespace)
    }


@ddt.ddt
class OptionsTestCase(test.TestCase):
    def test_every_registered_option_is_on_the_page(self) -> None:
        there = {
            (section, name) for section, name in registered()
            if name not in OF_OSLO_CONFIG
        }
        self.assertIn(("database", "connection"), there)
        self.assertEqual(there, shown())

    @ddt.data(*options.NAMESPACES)
    def test_the_tables_render(self, namespace: str) -> None:
        directives.register_directive("rally-options", options.Options)
        tree = docutils.core.publish_doctree(
            ".. rally-options:: %s\n" % namespace,
            settings_overrides={
                "halt_level": 2, "report_level": 5, "_disable_config": True,
            },
        )
        text = tree.astext()
        for _, option in options.options_of(namespace):
            self.assertIn(option.dest, text)

    def test_the_page_says_which_options_of_oslo_db_are_heeded(self) -> None:
        source = inspect.getsource(engine)
        heeded = set(re.findall(r"\bconf\.(\w+)", source)) | {"connection"}
        text = PAGE.read_text("utf-8")
        start = text.index("With a server it uses")
        paragraph = text[start:text.index(". How often", start)]
        self.assertEqual(
            heeded, set(re.findall(r"``(\w+)``", paragraph))
        )


class SampleTestCase(test.TestCase):
    def test_the_sample_has_what_the_generator_would_write(self) -> None:
        conf = cfg.ConfigOpts()
        generator.register_cli_opts(conf)
        conf(["--namespace", "rally", "--wrap-width", "78"], project="test")
        made = io.StringIO()
        generator.generate(conf, made)
        _, head, own = made.getvalue().partition("# From rally\n#\n")
        text = SAMPLE.read_text("utf-8")
        self.assertIn((head + own).strip(), text)
        # those of libraries differ between their releases
        for name in ("connection", "use_stderr", "mysql_sql_mode"):
            self.assertRegex(text, r"(?m)^#%s = " % name)


class VariablesTestCase(test.TestCase):
    def test_every_variable_is_on_the_page(self) -> None:
        used = set()
        for path in (ROOT / "rally").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and re.fullmatch(
                    r"RALLY_[A-Z_]+", str(node.value)
                ):
                    used.add(node.value)
        self.assertIn("RALLY_ENV", used)
        text = PAGE.read_text("utf-8")
        told = set(re.findall(r"\* - ``(RALLY_[A-Z_]+)``", text))
        self.assertEqual(used - INTERNAL, told)
