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

"""Plugins: those of Rally, of installed packages, and of the user."""

from __future__ import annotations

import functools
import os
import sys
import typing as t

if t.TYPE_CHECKING:
    from rally.common.plugin import discover as discover_module
    from rally.common.plugin import failures as failures_module
    from rally.common.plugin import folders

_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])

#: folders whose files are loaded as plugins
PLUGIN_FOLDERS = ("/opt/rally/plugins/", "~/.rally/plugins/")

#: packages with Rally's own plugins
OWN_PACKAGES = ("rally.plugins.common", "rally.plugins.verification")

#: more of them, separated by commas
PATHS_VARIABLE = "RALLY_PLUGIN_PATHS"

PLUGINS_LOADED = False


def load(with_files: bool = True, **levels: int) -> None:
    """Register options and import all plugins; once in a process.

    :param with_files: also those in files and folders of the user
    :param levels: at which level failures are logged, by the names of
        ``rally.common.plugin.failures.Levels``
    """
    global PLUGINS_LOADED
    if PLUGINS_LOADED:
        return
    from rally.common import opts
    from rally.common.plugin import discover, failures, options

    told = failures.Levels(**levels)
    opts.register()
    with options.noticing():
        packages = _load_own(told)
        discover.import_modules_by_entry_point(packages, told)
        if with_files:
            _load_files(told)
    PLUGINS_LOADED = True


def load_some(
    modules: t.Iterable[str], with_files: bool = True, **levels: int
) -> None:
    """Load Rally's plugins, the user's, and *modules* of installed packages.

    All of a large package take seconds. The others are loaded when somebody
    looks for a plugin that is not there, or for all there are.

    :param modules: names that another host sent: what is not in a package
        that offers plugins is passed over
    :param with_files: see ``load``, as for *levels*
    """
    if PLUGINS_LOADED:
        return
    from rally.common import opts
    from rally.common.plugin import discover, failures, importing, options

    packages = importing.plugin_packages()
    missing = [
        name for name in modules
        if importing.is_in(name, packages) and name not in sys.modules
    ]
    is_first = not discover.REST.is_put_off
    if not (missing or is_first):
        return
    told = failures.Levels(**levels)
    opts.register()
    with options.noticing():
        if is_first:
            _load_own(told)
        importing.import_all(missing)
        if is_first and with_files:
            _load_files(told)
    discover.REST.put_off(lambda: load(with_files, **levels))


def _load_own(
    told: failures_module.Levels,
) -> list[discover_module.PluginPackage]:
    """Rally's own plugins, and the options of all; packages of others."""
    from rally.common.plugin import discover

    for name in OWN_PACKAGES:
        discover.import_modules_from_package(name)
    packages = discover.find_packages_by_entry_point()
    for package in packages:
        discover.register_options_of(package, told)
    return packages


def _load_files(told: failures_module.Levels) -> None:
    """Plugins in files and folders of the user."""
    from rally.common.plugin import discover

    for path in user_paths():
        discover.load_plugins(path, levels=told, loader=loader())


def user_paths() -> list[str]:
    """Files and folders of the user, of which not all have to exist."""
    more = os.environ.get(PATHS_VARIABLE, "").split(",")
    return [*PLUGIN_FOLDERS, *filter(None, more)]


@functools.cache
def loader() -> folders.Loader:
    """The one of this process: paths that are given twice are loaded once."""
    from rally.common.plugin import folders

    return folders.Loader()


def load_paths(paths: t.Sequence[str]) -> None:
    """Load files and folders as plugins, here and in processes started from
    here: load processes of agents need the same ones.
    """
    if not paths:
        return
    from rally.common.plugin import discover, options

    with options.noticing():
        for path in paths:
            discover.load_plugins(path, loader=loader())
    _pass_on(paths)


def put_off_paths(paths: t.Sequence[str]) -> None:
    """Load files and folders with the other plugins, once somebody wants
    them: here, and in processes started from here.
    """
    if PLUGINS_LOADED:
        load_paths(paths)
    else:
        _pass_on(paths)


def _pass_on(paths: t.Sequence[str]) -> None:
    if paths:
        os.environ[PATHS_VARIABLE] = ",".join(
            os.path.abspath(os.path.expanduser(path)) for path in paths
        )


def ensure_plugins_are_loaded(func: _F) -> _F:
    """Decorate a function that looks plugins up."""

    @functools.wraps(func)
    def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:
        load()
        return func(*args, **kwargs)

    return t.cast(_F, wrapper)
