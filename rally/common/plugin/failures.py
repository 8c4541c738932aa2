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

"""What of the plugins could not be loaded, and how it is said.

A file that is broken takes all those along that import it. So a failure is
told by its cause: one line for each broken file, once in a process.
"""

from __future__ import annotations

import dataclasses
import types
import typing as t

from rally.common import logging
from rally.common.counting import counted

LOG = logging.getLogger(__name__)

#: what was said in this process: plugin paths are loaded by more than one
#: way, and what failed once fails again
_SAID: set[str] = set()


@dataclasses.dataclass(frozen=True)
class Levels:
    """At which level failures are logged.

    A load process repeats what the command that started it has said already.
    """

    broken: int = logging.WARNING  # files with an error of their own


#: those of a command that does not ask for others
COMMAND = Levels()


@dataclasses.dataclass(frozen=True)
class ImportFailure:
    """A module of a plugin package that could not be imported."""

    module: str
    error: Exception

    @property
    def origin(self) -> str:
        """The module of the same package whose own code failed."""
        top = self.module.partition(".")[0]
        origin = self.module
        for name in _modules_in(self.error.__traceback__):
            if name.partition(".")[0] == top:
                origin = name
        return origin


def _modules_in(traceback: types.TracebackType | None) -> t.Iterator[str]:
    while traceback is not None:
        yield str(traceback.tb_frame.f_globals.get("__name__"))
        traceback = traceback.tb_next


def report(
    package: str, failures: t.Sequence[ImportFailure], levels: Levels
) -> None:
    """Log *failures* of one package.

    :param package: its name and version
    """
    broken: dict[tuple[str, str], list[str]] = {}  # cause -> modules
    for failure in failures:
        cause = failure.origin, describe(failure.error)
        broken.setdefault(cause, []).append(failure.module)
    for (origin, error), modules in broken.items():
        others = [module for module in modules if module != origin]
        if others:
            LOG.debug("%s is imported by %s", origin, ", ".join(others))
        say(
            levels.broken,
            "Cannot load %s of plugin package %s, so what it offers is "
            "missing%s: %s"
            % (origin, package, _along(len(others)), error),
            next(x.error for x in failures if x.module in modules),
        )


def _along(count: int) -> str:
    if not count:
        return ""
    return ", like that of " + counted(
        count, "module that imports it", "modules that import it"
    )


def report_file(path: str, error: Exception, levels: Levels) -> None:
    """Log that a file with plugins cannot be loaded."""
    say(
        levels.broken,
        "Cannot load plugin file %s, so what it offers is missing: %s"
        % (path, describe(error)),
        error,
    )


def report_options(
    options: str, package: str, error: Exception, levels: Levels
) -> None:
    """Log that the options of a package cannot be registered."""
    say(
        levels.broken,
        "Cannot register the options %s of plugin package %s, so what needs "
        "them does not work: %s" % (options, package, describe(error)),
        error,
    )


def describe(error: Exception) -> str:
    """Type and message of an error, in one line."""
    return "%s: %s" % (type(error).__name__, " ".join(str(error).split()))


def say(level: int, text: str, error: Exception | None = None) -> None:
    """Log one line, unless this process has done so before."""
    if text not in _SAID:
        _SAID.add(text)
        LOG.log(level, "%s", text, exc_info=error if logging.is_debug()
                else None)
