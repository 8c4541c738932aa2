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

"""How commands take their arguments.

Two habits of Rally's users go beyond what typer offers: the main identifier
of a command may be given by position or by its flag, and a flag whose value
is a list takes all the words that follow it. Both are rewritten into typer's
own form before it parses them.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing as t

from typer import models

from rally.cli import cliutils, envutils
from rally.common import logging

LOG = logging.getLogger(__name__)


class ArgumentOrKeyword(models.ArgumentInfo):
    """A positional argument that can be given by a flag as well.

    :param kw_decls: the flags, e.g. ``--uuid``
    """

    def __init__(
        self,
        *kw_decls: str,
        help: str | None = None,
        envvar: str | None = None,
        metavar: str | None = None,
        autocompletion: t.Callable[..., t.Any] | None = None,
    ) -> None:
        super().__init__(
            default=..., help=help, envvar=envvar, metavar=metavar,
            autocompletion=autocompletion,
        )
        self.kw_decls = kw_decls


class DeprecatedAlias(models.OptionInfo):
    """An option that an older flag still reaches, with a warning.

    :param param_decls: the flags to use
    :param deprecated: the older one
    """

    def __init__(
        self,
        *param_decls: str,
        deprecated: str,
        default: t.Any = ...,
        **kwargs: t.Any,
    ) -> None:
        super().__init__(default=default, param_decls=param_decls, **kwargs)
        self.deprecated_flag = deprecated


@dataclasses.dataclass(frozen=True)
class Syntax:
    """What has to be known of a command to rewrite its arguments.

    ``keywords`` are flags that stand for the positional argument, with
    whether it takes several values; ``aliases`` lead from old to new flags.
    """

    values: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    keywords: t.Mapping[str, bool] = dataclasses.field(default_factory=dict)
    aliases: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


def syntax_of(function: t.Callable[..., t.Any]) -> Syntax:
    """Read the syntax of a command from the signature of its function."""
    # not get_type_hints, which changes what has the default None (3.10)
    parameters = inspect.signature(function, eval_str=True).parameters
    values, lists = set(), set()
    keywords, aliases = {}, {}
    for name, parameter in parameters.items():
        hint = parameter.annotation
        is_list = _mentions(hint, list)
        for marker in getattr(hint, "__metadata__", ()):
            if isinstance(marker, ArgumentOrKeyword):
                keywords.update(dict.fromkeys(marker.kw_decls, is_list))
            elif isinstance(marker, models.OptionInfo):
                flags = _flags_of(marker, name)
                if is_list:
                    lists.update(flags)
                elif not _mentions(hint, bool):
                    values.update(flags)
                if isinstance(marker, DeprecatedAlias):
                    aliases[marker.deprecated_flag] = flags[0]
    return Syntax(frozenset(values), frozenset(lists), keywords, aliases)


def _flags_of(marker: models.OptionInfo, name: str) -> list[str]:
    # typer.Option takes the first flag for a default; in an annotation
    # there is none
    declared = (marker.default, *(marker.param_decls or ()))
    flags = [x for x in declared if isinstance(x, str) and x[:1] == "-"]
    return flags or ["--" + name.replace("_", "-")]


def _mentions(hint: t.Any, kind: type) -> bool:
    if hint is kind or t.get_origin(hint) is kind:
        return True
    if t.get_origin(hint) is list:
        return False
    return any(_mentions(part, kind) for part in t.get_args(hint))


def rewrite(args: t.Sequence[str], syntax: Syntax) -> list[str]:
    """Turn Rally's form of arguments into typer's.

    ``--tag a b`` becomes ``--tag a --tag b``; the value of a flag that stands
    for the positional argument moves to its place, beside those that are
    there; what is named twice so is one. What is not known stays as it is:
    typer complains about it.

    :raises ValueError: a flag that needs a value has none, or a single value
        is given twice
    """
    line = _Line()
    words = list(args)
    while words:
        word = words.pop(0)
        if word == "--":
            line.positional += words
            break
        if _is_flag(word):
            line.take_flag(word, words, syntax)
        else:
            line.positional.append(word)
    rest = [*line.positional, *line.named]
    if syntax.keywords:
        rest = list(dict.fromkeys(rest))
    if line.named and len(rest) > 1 and not any(syntax.keywords.values()):
        raise ValueError(
            "%s and %s say different things. Give one of them."
            % (rest[0], " or ".join(syntax.keywords))
        )
    return [*line.options, "--", *rest] if rest else line.options


@dataclasses.dataclass
class _Line:
    """Arguments, sorted by their kind."""

    options: list[str] = dataclasses.field(default_factory=list)
    positional: list[str] = dataclasses.field(default_factory=list)
    named: list[str] = dataclasses.field(default_factory=list)

    def take_flag(
        self, word: str, following: list[str], syntax: Syntax
    ) -> None:
        """Sort in a flag with its values, which leave *following*."""
        flag, equals, value = word.partition("=")
        flag = syntax.aliases.get(flag, flag)
        given = [value] if equals else []
        if flag in syntax.keywords:
            many = syntax.keywords[flag]
            given += _take(following, None if many else 1 - len(given))
            self.named += _some(flag, given)
        elif flag in syntax.lists:
            given += _take(following, None)
            for item in _some(flag, given):
                self.options += [flag, item]
        elif flag in syntax.values:
            if not given:
                given = following[:1]
                del following[:1]
            self.options += [flag, *_some(flag, given)]
        else:
            self.options.append(word)


def _some(flag: str, values: list[str]) -> list[str]:
    if not values:
        raise ValueError("Option %r requires an argument." % flag)
    return values


def _is_flag(word: str) -> bool:
    return word.startswith("-") and word != "-"


def _take(words: list[str], limit: int | None) -> list[str]:
    """Remove words from the front, up to *limit* or to the next flag."""
    taken: list[str] = []
    while words and not _is_flag(words[0]) and limit != len(taken):
        taken.append(words.pop(0))
    return taken


def deprecated_flags(
    args: t.Sequence[str], syntax: Syntax
) -> t.Iterator[tuple[str, str]]:
    """Flags in *args* that have a newer name, with that name."""
    for word in args:
        if word == "--":
            return
        flag = word.partition("=")[0]
        if flag in syntax.aliases:
            yield flag, syntax.aliases[flag]


class _Sparing:
    """How typer converts values, without what need not be converted.

    Releases that convert with pydantic need longer to load it than Rally
    needs for all else that it does with a command line.
    """

    def __init__(self, get_runtime_param: t.Callable[[], t.Any]) -> None:
        self._get_runtime_param = get_runtime_param

    def coerce(self, value: t.Any, param: t.Any, ctx: t.Any) -> t.Any:
        annotation = param.type_descriptor.annotation
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if annotation is str and isinstance(value, str):
            return value
        if annotation == list[str] and isinstance(value, (list, tuple)):
            return list(value)
        runtime = self._get_runtime_param()
        return runtime.coerce(value, param=param, ctx=ctx)


def spare_adapters(command: t.Any) -> None:
    """Let typer load pydantic only for values of *command* that are no texts.
    """
    command.get_params = functools.partial(_params, command.get_params)


def _params(get_params: t.Callable[[t.Any], t.Any], ctx: t.Any) -> t.Any:
    params = get_params(ctx)  # with --help, which is made for the context
    for param in params:
        convert = getattr(param, "get_runtime_param", None)
        # a typer that has it; it may be done already
        if convert and not isinstance(convert, functools.partial):
            sparing = _Sparing(convert)
            param.get_runtime_param = functools.partial(_same, sparing)
    return params


def _same(value: t.Any) -> t.Any:
    return value


def install(command: t.Any) -> None:
    """Let *command*, and all below it, take arguments as Rally's do.

    Once they are parsed, what the context carries as its object is called,
    if it can be: whatever has to be done before a command runs.

    :param command: what ``typer.main.get_command`` made
    """
    for _, leaf in cliutils.iter_commands(command):
        if leaf.callback is not None:
            spare_adapters(leaf)
            leaf.parse_args = functools.partial(
                _parse, leaf, leaf.parse_args
            )
            leaf.shell_complete = functools.partial(
                _complete, leaf, leaf.shell_complete
            )


def _parse(
    command: t.Any, parse_args: t.Any, ctx: t.Any, args: list[str]
) -> t.Any:
    syntax = syntax_of(inspect.unwrap(command.callback))
    if ctx.resilient_parsing:  # completing a line: it is not finished
        return parse_args(ctx, _begun(args, syntax))
    try:
        words = rewrite(args, syntax)
    except ValueError as e:
        ctx.fail(str(e))
    try:
        rest = parse_args(ctx, words)
    except Exception as e:
        _add_hint(e, ctx)
        raise
    if callable(ctx.obj):
        ctx.obj()
    for flag, current in deprecated_flags(args, syntax):
        LOG.warning(
            "The `%s` option is deprecated; use `%s` instead."
            % (flag, current)
        )
    return rest


def _begun(args: list[str], syntax: Syntax) -> list[str]:
    """A line that is being completed, in typer's form."""
    if args and args[-1] in syntax.keywords:
        args = args[:-1]  # what comes next is the positional argument
    try:
        return rewrite(args, syntax)
    except ValueError:  # as an option whose value comes next
        return args


@dataclasses.dataclass(frozen=True)
class _Offer:
    """What shells are given; typer's class is elsewhere in each release."""

    value: str
    help: str
    type: str = "plain"


def _complete(
    command: t.Any, shell_complete: t.Any, ctx: t.Any, incomplete: str
) -> list[t.Any]:
    """What fits, flags that stand for the positional argument included."""
    found = list(shell_complete(ctx, incomplete))
    if incomplete.startswith("-"):
        syntax = syntax_of(inspect.unwrap(command.callback))
        found += [
            _Offer(flag, "The same as %s." % parameter.metavar)
            for flag in syntax.keywords if flag.startswith(incomplete)
            for parameter in command.params
            if parameter.param_type_name == "argument"
        ]
    return found


def _add_hint(error: t.Any, ctx: t.Any) -> None:
    """Let a complaint about a line say what to write instead."""
    # some versions of typer bring a click of their own: no class to import
    kind = type(error).__name__
    if kind == "MissingParameter":
        variable = str(getattr(error.param, "envvar", None))
        error.message = envutils.HINTS.get(variable, error.message)
    elif kind == "NoSuchOption":
        flag = error.option_name
        for param in ctx.find_root().command.params:
            if flag in param.opts:
                name, _, command = ctx.command_path.partition(" ")
                value = "" if param.is_flag else " VALUE"
                error.message += (
                    ". It is an option of %s itself and stands before the "
                    "command: %s %s%s %s"
                    % (name, name, flag, value, command)
                )
                error.possibilities = []
