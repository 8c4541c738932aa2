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

"""Where the things are that plugins import by an earlier name.

Plugin packages outlive the layout of Rally. The tables below are the only
place that knows earlier names; one import hook answers for the modules, and
``earlier_names`` for what was renamed inside a module. Whatever is found by
an earlier name is the same object as by its present one: there is no second
class that ``isinstance`` or the registry of plugins could meet.

This module is imported by ``rally`` itself: it imports nothing that costs.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import types
import typing as t

#: place in the released Rally -> place in this tree; both names are good. An
#: entry for a package holds for what is in it, unless that has an entry of
#: its own; so in the tables below.
ALIASES: t.Mapping[str, str] = {
    "rally.common.objects.deploy": "rally.env.deployment",
    "rally.plugins.task": "rally.plugins.common",
    "rally.plugins.task.hook_triggers": "rally.plugins.common.triggers",
    "rally.task.validation": "rally.common.validation",
}

#: earlier module or package -> where it is now; the earlier name is deprecated
MOVED: t.Mapping[str, str] = {
    "rally.common.sshutils": "rally.utils.sshutils",
    "rally.common.yamlutils": "rally.cli.yamlutils",
    "rally.plugins.common.hook": "rally.plugins.common.hooks",
    "rally.plugins.common.hook.triggers": "rally.plugins.common.triggers",
    "rally.plugins.common.verification": "rally.plugins.verification",
    "rally.task.trigger": "rally.task.hook",
}

#: module -> deprecated name of something in it -> its name now
RENAMED: t.Mapping[str, t.Mapping[str, str]] = {
    "rally.task.hook": {"Hook": "HookAction", "Trigger": "HookTrigger"},
}


def _deepest(name: str, table: t.Container[str]) -> str | None:
    """The longest entry of *table* that is *name* or a package around it."""
    parts = name.split(".")
    for end in range(len(parts), 1, -1):
        prefix = ".".join(parts[:end])
        if prefix in table:
            return prefix
    return None


def present_name(name: str) -> str | None:
    """Where the module *name* is now; None: nothing moved."""
    places = {**ALIASES, **MOVED}
    entry = _deepest(name, places)
    return None if entry is None else places[entry] + name[len(entry):]


class Finder:
    """The import hook.

    It comes first: the folder of a package that moved may still be there,
    without a file in it, and Python would take it for a namespace.
    """

    @classmethod
    def find_spec(
        cls, name: str, path: t.Any = None, target: t.Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith("rally."):
            return None
        present = present_name(name)
        if present is None:
            return None
        try:
            module = importlib.import_module(present)
        except ModuleNotFoundError as e:
            if e.name is not None and (present + ".").startswith(e.name + "."):
                return None  # there is none, by either name
            raise
        # not for what is below: who takes it from the package, where it may
        # be an attribute already, may never come by here
        if name in MOVED:
            _warn("Module %s" % name, present)
        # importlib.abc, with the class that is asked for, costs too much
        loader: t.Any = _Alias(module)
        return importlib.machinery.ModuleSpec(name, loader)


class _Alias:
    """Puts the module that is there now in the place of a new one."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def create_module(self, spec: t.Any) -> None:
        """Python makes an empty module; what is known of it is dropped."""

    def exec_module(self, module: types.ModuleType) -> None:
        sys.modules[module.__name__] = self._module


def install() -> None:
    """Answer imports of earlier names from now on."""
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)


def earlier_names(module: str) -> t.Callable[[str], t.Any]:
    """A ``__getattr__`` for *module* that knows its earlier names.

    In the module: ``__getattr__ = moved.earlier_names(__name__)``, hidden
    from type checkers, which would allow any name from then on.
    """
    table = RENAMED[module]

    def find(name: str) -> t.Any:
        if name not in table:
            raise AttributeError(
                "module %r has no attribute %r" % (module, name)
            )
        value = getattr(sys.modules[module], table[name])
        _warn("%s.%s" % (module, name), "%s.%s" % (module, table[name]))
        setattr(sys.modules[module], name, value)  # warns once
        return value

    return find


def _warn(earlier: str, present: str) -> None:
    import logging

    logging.getLogger(__name__).warning(
        "%s is deprecated: it is %s now, and its earlier name will go away. "
        "Imported by %s.", earlier, present, _importer(),
    )


def _importer() -> str:
    """File and line of the import, or of the use of a name."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        file = frame.f_code.co_filename
        if not file.startswith("<frozen") and file not in _INNER:
            break
        frame = frame.f_back
    return "%s:%d" % (frame.f_code.co_filename, frame.f_lineno)


#: files whose frames are part of an import
_INNER = (__file__, importlib.__file__)
