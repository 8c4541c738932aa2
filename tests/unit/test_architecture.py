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

"""Which module may import which: see "Layers" in the architecture page.

Imports are read from the source, so that one inside a function counts, and
checked once more in a fresh interpreter, so that what comes along unseen
counts, too.
"""

from __future__ import annotations

import ast
import collections
import importlib
import json
import pathlib
import pkgutil
import subprocess
import sys
import tempfile
import typing as t

import ddt

import rally
from rally import exceptions
from tests.unit import test

PACKAGE = pathlib.Path(rally.__file__).parent
ROOT = PACKAGE.parent
DISTRIBUTED = "rally.task.distributed"

#: packages, lowest first: imports point down
PACKAGES = (
    "rally.common", "rally.task.results", "rally.task.work",
    "rally.task.load", "rally.task.distributed", "rally.verification",
    "rally.plugins", "rally.api", "rally.cli",
)
#: what is loaded by name or loads others: entry points, which know plugins
ENTRY_POINTS = {
    ("rally.task.distributed.load_process.child", "rally.plugins"),
    ("rally.task.distributed.recovery", "rally.plugins"),
}

#: parts of ``rally.task.distributed``, lowest first: a module imports from
#: its own layer and from those before. A package stands for all in it but
#: those that are named themselves
LAYERS: t.Mapping[str, t.Collection[str]] = {
    "values": (
        "clock", "content", "notices", "shipment", "wire.channels",
        "wire.messages",
    ),
    "decisions": ("agent", "commands", "controller", "serve"),
    "codec": ("wire.codec",),
    "shell": (
        "agent_metrics", "agent_ports", "agent_process", "controller_ports",
        "discovery", "drain_request", "endpoint_ports", "fleet",
        "fleet_folders", "fleet_page", "fleet_request", "joining",
        "load_process", "provenance", "reception", "recovery", "run_sink",
        "security", "service_ports", "shipped_files", "spool", "spool_store",
        "wire",
    ),
}
#: what the world, the clock and chance come in by
WORLD = {
    "asyncio", "datetime", "fcntl", "io", "multiprocessing", "os",
    "pathlib", "queue", "random", "secrets", "select", "selectors", "shutil",
    "signal", "socket", "socketserver", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "uuid", "zmq",
}
#: what layers without I/O may use beside the standard library and each other
KNOWN = {
    "msgspec", "rally", "rally.common.counting", "rally.exceptions",
    "rally.task.results.head", "rally.task.results.row",
}

#: codes that several errors of Rally's public surface share
SHARED_CODES = {
    100: {"RallyException", "RallyAssertionError", "ScriptError"},
}

#: names of classes that two modules share: what Rally's public surface calls
#: so, and validators, which a module may have of its own
SHARED_NAMES = {
    "ContextManager", "Platform", "Subtask", "Task", "ValidationError",
    "Validator", "Verification", "Verifier", "Workload",
}


def distributed_modules() -> list[str]:
    """Their names below ``rally.task.distributed``."""
    folder = PACKAGE / "task" / "distributed"
    return sorted(
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if path.stem != "__init__"
    )


def path_of(name: str) -> pathlib.Path:
    folder = PACKAGE / "task" / "distributed"
    return folder.joinpath(*name.split(".")).with_suffix(".py")


def layer_of(name: str) -> int:
    """Number of the layer that names the module, or else its package."""
    for wanted in (name, name.split(".")[0]):
        for number, members in enumerate(LAYERS.values()):
            if wanted in members:
                return number
    raise KeyError(name)


def modules_without_io() -> list[str]:
    wanted = [list(LAYERS).index(each) for each in ("values", "decisions")]
    return [m for m in distributed_modules() if layer_of(m) in wanted]


def imports_in(nodes: t.Iterable[ast.AST]) -> set[str]:
    """Full names of modules, and of what is taken from them."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(
                "%s.%s" % (node.module, alias.name) for alias in node.names
            )
    return found


def imports_of(path: pathlib.Path) -> set[str]:
    """All imports of a module, wherever they stand in it."""
    return imports_in(ast.walk(ast.parse(path.read_text("utf-8"))))


def imports_on_load(path: pathlib.Path) -> set[str]:
    """Imports that loading the module makes: none of its functions'."""
    def on_load(node: ast.AST) -> t.Iterator[ast.AST]:
        yield node
        for child in ast.iter_child_nodes(node):
            is_later = isinstance(
                child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
            ) or (
                isinstance(child, ast.If)
                and "TYPE_CHECKING" in ast.unparse(child.test)
            )
            if not is_later:
                yield from on_load(child)

    return imports_in(on_load(ast.parse(path.read_text("utf-8"))))


def of_distributed(names: t.Iterable[str]) -> set[str]:
    """Modules of rally.task.distributed among imported names."""
    known = set(distributed_modules())
    return {
        part
        for name in names
        if name.startswith(DISTRIBUTED + ".")
        for part in (
            name.removeprefix(DISTRIBUTED + "."),
            name.removeprefix(DISTRIBUTED + ".").rpartition(".")[0],
        )
        if part in known
    }


def loaded_after(code: str, home: str | None = None) -> set[str]:
    """Names of the modules that are loaded once *code* has been run, without
    those that were put off and are not used yet.

    :param home: home of the user who does so; None: an empty one
    """
    if home is None:
        with tempfile.TemporaryDirectory() as home:
            return loaded_after(code, home)
    done = subprocess.run(
        [
            sys.executable, "-c",
            code + "\nimport json, sys\nfrom rally.common import later\n"
            "print('\\n' + json.dumps(sorted(name for name in sys.modules if "
            "not isinstance(sys.modules[name], later.PutOff))))",
        ],
        cwd=ROOT, env={"HOME": home, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True, timeout=120,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def loaded_by(command: str, home: str) -> set[str]:
    """What one command of Rally loads: it has to end well."""
    return loaded_after(
        "from rally.cli import main\n"
        "try: main.main(%r)\n"
        "except SystemExit as e: assert not e.code, e.code"
        % command.split(), home,
    )


class ReadingImportsTestCase(test.TestCase):
    SOURCE = """
import typing as t
from a.b import c
if t.TYPE_CHECKING:
    from for_types import x
class K:
    import in_class
    def method(self):
        from later import y
try:
    import tried
except ImportError:
    pass
"""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "module.py"
        self.path.write_text(self.SOURCE)

    def test_all_imports_are_seen_wherever_they_stand(self) -> None:
        self.assertEqual(
            {
                "typing", "a.b", "a.b.c", "for_types", "for_types.x",
                "in_class", "later", "later.y", "tried",
            },
            imports_of(self.path),
        )

    def test_imports_of_functions_and_for_types_are_not_made_on_load(
        self
    ) -> None:
        self.assertEqual(
            {"typing", "a.b", "a.b.c", "in_class", "tried"},
            imports_on_load(self.path),
        )


@ddt.ddt
class LayersTestCase(test.TestCase):
    def test_every_module_belongs_to_one_layer(self) -> None:
        placed = [name for members in LAYERS.values() for name in members]
        self.assertEqual(len(placed), len(set(placed)))
        for name in distributed_modules():
            layer_of(name)
        known = {
            each for name in distributed_modules()
            for each in (name, name.split(".")[0])
        }
        self.assertEqual(set(), set(placed) - known)

    @ddt.data(*distributed_modules())
    def test_imports_point_down(self, name: str) -> None:
        upward = {
            other
            for other in of_distributed(imports_of(path_of(name)))
            if layer_of(other) > layer_of(name)
        }
        self.assertEqual(set(), upward)

    @ddt.data(*modules_without_io())
    def test_values_and_decisions_do_not_know_the_world(
        self, name: str
    ) -> None:
        used = {each.split(".")[0] for each in imports_of(path_of(name))}
        self.assertEqual(set(), used & WORLD)

    @ddt.data(*modules_without_io())
    def test_values_and_decisions_know_little_of_others(
        self, name: str
    ) -> None:
        tree = ast.parse(path_of(name).read_text("utf-8"))
        modules = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module or "")
        strangers = {
            each
            for each in modules
            if each.split(".")[0] not in sys.stdlib_module_names
            and not each.startswith((DISTRIBUTED, "rally.task.work"))
            and not each.startswith("rally.task.results")
            and each not in KNOWN
        }
        self.assertEqual(set(), strangers)

    def test_no_socket_and_no_database_comes_with_the_decisions(self) -> None:
        loaded = loaded_after(
            "import %s.agent.machine, %s.controller.machine"
            % (DISTRIBUTED, DISTRIBUTED)
        )
        self.assertEqual(
            set(), loaded & {"zmq", "sqlalchemy", "numpy", "rally.common.db"}
        )


class PluginsTestCase(test.TestCase):
    def test_no_plugin_needs_agents_to_be_loaded(self) -> None:
        guilty = {
            str(path.relative_to(ROOT))
            for path in (PACKAGE / "plugins").rglob("*.py")
            if any(
                name == DISTRIBUTED or name.startswith(DISTRIBUTED + ".")
                for name in imports_on_load(path)
            )
        }
        self.assertEqual(set(), guilty)

    def test_loading_plugins_needs_no_socket_and_no_database(self) -> None:
        loaded = loaded_after("from rally import plugins; plugins.load()")
        self.assertEqual(
            set(),
            loaded & {
                "zmq", "sqlalchemy", "alembic", "oslo_db", "paramiko",
                "pyarrow", "rally.common.db", DISTRIBUTED,
            },
        )


@ddt.ddt
class NoDatabaseTestCase(test.TestCase):
    @ddt.data(
        DISTRIBUTED + ".load_process.child", DISTRIBUTED + ".agent_process"
    )
    def test_a_load_node_never_touches_the_database(self, name: str) -> None:
        loaded = loaded_after(
            "import %s\nfrom rally import plugins; plugins.load()" % name
        )
        self.assertEqual(
            set(),
            loaded & {
                "sqlalchemy", "alembic", "oslo_db", "rally.common.db",
                "rally.common.db.models", "rally.common.objects",
            },
        )

    def test_the_load_process_has_no_socket_of_zeromq(self) -> None:
        loaded = loaded_after(
            "import %s.load_process.child\n"
            "from rally import plugins; plugins.load()" % DISTRIBUTED
        )
        self.assertNotIn("zmq", loaded)

    def test_the_command_line_loads_only_what_a_command_needs(self) -> None:
        loaded = loaded_after("import rally.cli.main")
        self.assertEqual(
            set(),
            loaded & {
                "zmq", "sqlalchemy", "alembic", "oslo_db", "numpy",
                "requests", "jinja2", "jsonschema",
            },
        )


#: what is slow to load and hardly any command needs
SELDOM = {
    "alembic", "cryptography", "jinja2", "netaddr", "paramiko",
    "pycurl", "pydantic", "requests", "rfc3986", "rich", "stevedore", "zmq",
}
#: ... and what only those need that know plugins
OF_PLUGINS = {"jsonschema", "numpy", "rally.plugins.common", "yaml"}
DATABASE = {"sqlalchemy"}
OF_A_TASK = '{"Dummy.dummy": [{"runner": {"type": "serial"}}]}'


@ddt.ddt
class CommandsTestCase(test.TestCase):
    """A command does not wait for what it has no need of."""

    home: t.ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.home = folder.name
        conf = pathlib.Path(cls.home, ".rally", "rally.conf")
        conf.parent.mkdir()
        conf.write_text(
            "[database]\nconnection = sqlite:///%s/rally.sqlite\n" % cls.home
        )
        loaded_by("db create", cls.home)
        loaded_by("env create --name x", cls.home)

    def assert_not_loaded(self, seldom: set[str], command: str) -> None:
        self.assertEqual(set(), seldom & loaded_by(command, self.home))

    @ddt.data("--version", "version")
    def test_to_tell_its_version_it_needs_next_to_nothing(
        self, command: str
    ) -> None:
        self.assert_not_loaded(
            SELDOM | OF_PLUGINS | DATABASE
            | {"oslo_config", "oslo_db", "oslo_log", "prettytable"},
            command,
        )

    @ddt.data(
        "env list", "env show", "task list", "task list --uuids-only",
        "task list --tag a b", "deployment list",
    )
    def test_to_look_at_records_it_needs_the_database_alone(
        self, command: str
    ) -> None:
        seldom = SELDOM | OF_PLUGINS
        if command.startswith("task"):
            seldom = seldom | {"rally.common.plugin.discover"}
        self.assert_not_loaded(seldom, command)

    @ddt.data("plugin list", "plugin show Dummy.dummy", "db show")
    def test_without_records_it_needs_no_database(
        self, command: str
    ) -> None:
        seldom = SELDOM if command == "db show" else SELDOM | DATABASE
        self.assert_not_loaded(seldom, command)

    def test_files_of_plugins_are_loaded_by_those_who_want_plugins(
        self
    ) -> None:
        path = pathlib.Path(self.home, "told_zzz.py")
        path.write_text("")
        loads = {
            command: "told_zzz" in loaded_by(
                "--plugin-paths %s %s" % (path, command), self.home
            )
            for command in ("task list", "plugin list")
        }
        self.assertEqual({"task list": False, "plugin list": True}, loads)

    def test_to_run_a_task_it_needs_what_the_task_needs(self) -> None:
        path = pathlib.Path(self.home, "task.json")
        path.write_text(OF_A_TASK)
        for command in ("task validate", "task start"):
            self.assert_not_loaded(SELDOM, "%s %s" % (command, path))


@ddt.ddt
class CommonTestCase(test.TestCase):
    @ddt.data(*sorted((PACKAGE / "common").rglob("*.py")))
    def test_what_is_common_knows_nothing_of_tasks_and_environments(
        self, path: pathlib.Path
    ) -> None:
        above = {
            name
            for name in imports_of(path)
            if name.startswith(("rally.task", "rally.env"))
        }
        self.assertEqual(set(), above)

    def test_what_it_gives_to_plugins_can_be_opened(self) -> None:
        """The names by which it reaches up must be right."""
        from rally.common import objects
        from rally.common.db import results

        module = importlib.import_module(results.READER)

        self.assertTrue(callable(module.StoredResults))
        self.assertTrue(callable(module.summary))
        self.assertTrue(callable(objects.Deployment))
        module = importlib.import_module(objects.task.RESULT_CHECK)
        self.assertTrue(callable(module.problem_of))


class DirectionTestCase(test.TestCase):
    """Imports of the whole tree point down."""

    def rank(self, name: str) -> int | None:
        for number, package in enumerate(PACKAGES):
            if name == package or name.startswith(package + "."):
                return number
        return None

    def test_no_package_imports_one_above_it(self) -> None:
        upward = set()
        for path in PACKAGE.rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts)
            own = self.rank(module)
            for name in imports_of(path):
                other = self.rank(name)
                if own is not None and other is not None and other > own:
                    package = PACKAGES[other]
                    if (module, package) not in ENTRY_POINTS:
                        upward.add((module, name))
        self.assertEqual(set(), upward)

    def test_the_model_of_work_knows_progressions_only(self) -> None:
        strangers = {
            (path.name, name)
            for path in (PACKAGE / "task" / "work").rglob("*.py")
            for name in imports_of(path)
            if name.split(".")[0] == "rally"
            and not name.startswith("rally.task.work")
            and "rally.task.results.progressions" not in (
                name, name.rpartition(".")[0]
            )
            and name != "rally.task.results"
        }
        self.assertEqual(set(), strangers)


class NumpyTestCase(test.TestCase):
    def test_only_results_and_what_shows_them_know_numpy(self) -> None:
        users = {
            str(path.relative_to(PACKAGE))
            for path in PACKAGE.rglob("*.py")
            if "numpy" in {each.split(".")[0] for each in imports_of(path)}
        }
        self.assertEqual(
            {
                "task/comparing/intervals.py", "task/comparing/measured.py",
                "task/processing/charts.py", "task/processing/columns.py",
                "task/processing/numbers.py",
                "task/processing/parquet_tables.py",
                "task/processing/timeline.py",
                "task/processing/utils.py",
                "task/results/chunk.py", "task/results/cutting.py",
                "task/results/distribution.py",
                "task/results/durations.py", "task/results/moments.py",
                "task/results/odd.py", "task/results/ordered.py",
                "task/results/packed.py",
                "task/results/progressions.py",
            },
            users,
        )


class ClassNamesTestCase(test.TestCase):
    def test_a_name_stands_for_one_class(self) -> None:
        counted = collections.Counter(
            node.name
            for path in PACKAGE.rglob("*.py")
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.ClassDef)
            and not node.name.startswith("_")
        )
        self.assertEqual(
            SHARED_NAMES, {name for name in counted if counted[name] > 1}
        )


class ErrorCodesTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        for found in pkgutil.walk_packages([str(PACKAGE)], "rally."):
            if ".migrations." not in found.name:
                importlib.import_module(found.name)
        self.errors = sorted(
            {
                cls
                for cls in self._family(exceptions.RallyException)
                if cls.__module__.split(".")[0] == "rally"
            },
            key=lambda cls: cls.__name__,
        )

    def _family(
        self, root: type[exceptions.RallyException]
    ) -> t.Iterator[type[exceptions.RallyException]]:
        yield root
        for child in root.__subclasses__():
            yield from self._family(child)

    def test_a_code_tells_which_error_it_was(self) -> None:
        names = collections.defaultdict(set)
        for cls in self.errors:
            names[cls.error_code].add(cls.__name__)
        shared = {
            code: members
            for code, members in names.items()
            if members != SHARED_CODES.get(code) and len(members) > 1
        }
        self.assertEqual({}, shared)

    def test_a_code_can_be_an_exit_status(self) -> None:
        wrong = [
            cls.__name__
            for cls in self.errors
            if not 2 < cls.error_code < 256
        ]
        self.assertEqual([], wrong)
