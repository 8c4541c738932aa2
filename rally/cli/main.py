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

"""The command line: finds the command, runs it, turns errors to exit codes.

Only what a command needs is imported: ``rally --version`` loads no plugin,
no database and no configuration.
"""

from __future__ import annotations

import errno
import functools
import gc
import importlib
import inspect
import os
import sys
import traceback
import typing as t

import typer
import typer.main

from rally import exceptions
from rally.cli import argutils, cliutils, envutils, groups, terminal
from rally.common import logcli, logging

_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])

#: commands that work without a database
WITHOUT_DATABASE = ("db", "plugin")

GENERAL_FAILURE = 1
USAGE_ERROR = 2
#: where shells say that they want a word completed, see typer
COMPLETION_VARIABLE = "_RALLY_COMPLETE"
#: what a shell reports of a process that Ctrl-C ended
INTERRUPTED = 130

#: what imports make stays: to look at it each 700 objects, as Python does,
#: takes a twentieth of the time of a small task
_GC_THRESHOLD = 10_000

#: each is the name of a module of ``rally.cli.commands``
CATEGORIES = ("agent", "db", "deployment", "env", "plugin", "task", "verify")


def _category(name: str) -> t.Any:
    module = importlib.import_module("rally.cli.commands." + name)
    group = groups.of_app(getattr(module, name + "_app"), name)
    group.rich_help_panel = "Categories"
    return group


class Categories(groups.LazyGroup):
    """The commands, of which each category is imported on demand."""

    makers: groups.Makers = {
        name: functools.partial(_category, name) for name in CATEGORIES
    }

    def resolve_command(self, ctx: t.Any, args: list[str]) -> t.Any:
        try:
            return super().resolve_command(ctx, args)
        except Exception as e:  # some versions of typer have their own click
            self._add_hint(e, ctx, args[0])
            raise

    def _add_hint(self, error: t.Any, ctx: t.Any, word: str) -> None:
        """Name the category of a command that was written without."""
        found = [
            "rally %s %s" % (name, word) for name in CATEGORIES
            if word in self.get_command(ctx, name).list_commands(ctx)
        ]
        if found and isinstance(getattr(error, "message", None), str):
            error.message += " Did you mean %s?" % " or ".join(found)


app = typer.Typer(
    name="rally",
    cls=Categories,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)


def print_version() -> None:
    """Print the versions of Rally and of the packages with plugins."""
    from rally.common import version

    print("Rally version: %s" % version.version_string())
    packages = version.plugins_versions()
    if packages:
        print("\nInstalled Plugins:")
        for name, package_version in sorted(packages.items()):
            print("\t%s: %s" % (name, package_version))


@app.command("version")
def version_() -> None:
    """Print the Rally version."""
    print_version()


def _with_logging_options(function: _F) -> _F:
    """Give *function* the logging options as parameters."""
    parameters = inspect.signature(function, eval_str=True).parameters
    own = [
        parameter for parameter in parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*own, *logcli.build_cli_params()]
    )
    return function


ConfigFiles: t.TypeAlias = t.Annotated[
    list[str] | None,
    typer.Option(
        "--config-file",
        help="Path to a config file. Repeatable; later files win.",
    ),
]
ConfigDirs: t.TypeAlias = t.Annotated[
    list[str] | None,
    typer.Option(
        "--config-dir", help="Path to a config directory. Repeatable."
    ),
]
PluginPaths: t.TypeAlias = t.Annotated[
    list[str] | None,
    typer.Option(
        "--plugin-paths",
        help="Files and folders to load as plugins, comma-separated. "
        "Repeatable. [env var: RALLY_PLUGIN_PATHS]",
    ),
]
Version: t.TypeAlias = t.Annotated[
    bool,
    typer.Option("--version", help="Print the Rally version and exit."),
]


@app.callback()
@_with_logging_options
def bootstrap(
    ctx: typer.Context,
    config_file: ConfigFiles = None,
    config_dir: ConfigDirs = None,
    plugin_paths: PluginPaths = None,
    version: Version = False,
    **logging_options: t.Any,
) -> None:
    """Rally command-line interface."""
    if version:
        print_version()
        raise typer.Exit()
    if ctx.invoked_subcommand is None:
        ctx.fail("Missing command.")
    args = _config_args(config_file, config_dir, logging_options)
    paths = plugin_paths or [os.environ.get("RALLY_PLUGIN_PATHS", "")]
    plugin_files = [x for item in paths for x in item.split(",") if x]
    # called once the arguments of the command are known to be right
    ctx.obj = functools.partial(
        _start, ctx.invoked_subcommand, args, plugin_files
    )


def _config_args(
    config_file: t.Sequence[str] | None,
    config_dir: t.Sequence[str] | None,
    logging_options: t.Mapping[str, t.Any],
) -> list[str]:
    """The global options as oslo.config reads them."""
    args = logcli.to_oslo_argv(logging_options)
    for path in config_file or ():
        args += ["--config-file", path]
    for path in config_dir or ():
        args += ["--config-dir", path]
    return args


def _start(
    category: str, config_args: list[str], plugin_paths: list[str]
) -> None:
    """Do what has to be done before a command of *category*.

    :raises Exit: configuration or database are not as they have to be
    """
    from rally.common import settings

    gc.disable()  # 0.15 s less of walking what imports leave in any case
    try:
        from rally import plugins

        if category == "agent":  # a load node has no database
            settings.read(config_args)
            plugins.load_paths(plugin_paths)
        else:
            from rally import api

            plugins.put_off_paths(plugin_paths)
            cliutils.set_api(
                api.API(
                    config_args=config_args,
                    skip_db_check=category in WITHOUT_DATABASE,
                )
            )
    except (settings.NotSetUp, exceptions.DBMigrationError) as e:
        terminal.say(str(e))
        raise typer.Exit(USAGE_ERROR) from None
    finally:
        gc.freeze()
        gc.enable()


def main(args: t.Sequence[str] | None = None) -> None:
    """Run one command line and leave with its exit code.

    :param args: arguments; those of the process by default
    :raises SystemExit: always
    """
    words = list(sys.argv[1:] if args is None else args)
    gc.set_threshold(_GC_THRESHOLD)
    try:
        try:
            _run(words)
        finally:
            if sys.stdout is not None:  # it was closed before we began
                sys.stdout.flush()
    except OSError as e:  # whatever else fails is told there, not raised
        terminal.discard_rest(sys.stdout)
        if not isinstance(e, BrokenPipeError):  # nobody wants the rest
            print(
                "Standard output cannot be written: %s. The rest of it is "
                "lost." % (e.strerror or e), file=sys.stderr,
            )
        sys.exit(GENERAL_FAILURE)


def _run(words: list[str]) -> None:
    """:raises SystemExit: always"""
    try:
        envutils.load_globals()
        if COMPLETION_VARIABLE in os.environ:
            # typer renders the help beside each offer with it: 0.1 s
            sys.modules["rich"] = t.cast(t.Any, None)
        cliutils.set_help_requested("--help" in words)
        command: t.Any = typer.main.get_command(app)
        for each in (command, *command.commands.values()):
            argutils.spare_adapters(each)
        command(args=words, prog_name="rally")
    except KeyboardInterrupt:
        _complain("Interrupted.", words)
        sys.exit(INTERRUPTED)
    except exceptions.RallyException as e:
        _complain(e.format_message(), words)
        sys.exit(e.error_code)
    except Exception as e:  # the top of the process
        _complain(_message_of(e), words)
        sys.exit(GENERAL_FAILURE)
    sys.exit()


#: errors whose text says all there is to say
_SPEAKING = (OSError, ValueError, TypeError, NotImplementedError)


#: what neither a connection nor a file can be opened for
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)


def _message_of(error: Exception) -> str:
    if getattr(error, "errno", None) in _TOO_MANY_FILES:  # of ZeroMQ, too
        return (
            "%s: this command may open no more of them, and without "
            "connections and files it cannot go on. Raise the limit that "
            "`ulimit -n` shows, and run the command again." % error
        )
    if isinstance(error, _SPEAKING):
        return str(error) or type(error).__name__
    message = getattr(error, "message", None)  # of a schema error, say
    return "Command failed: %s: %s\nRun it with --debug to see where." % (
        type(error).__name__,
        message if isinstance(message, str) else error,
    )


def _complain(message: str, words: t.Sequence[str]) -> None:
    if logging.is_debug() or "--debug" in words or "--rally-debug" in words:
        traceback.print_exc()
    terminal.say(message)
