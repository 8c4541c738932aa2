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

"""Decorators that warn about the use of what is deprecated."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import sys
import traceback
import typing as t

_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])
LogFunction: t.TypeAlias = t.Callable[[str], t.Any]
#: makes, of a function, what tells of the arguments of a call what is
#: deprecated (with its verb), or nothing
Finder: t.TypeAlias = t.Callable[
    [t.Callable[..., t.Any]],
    t.Callable[[tuple[t.Any, ...], dict[str, t.Any]], str],
]


def log_deprecated(
    message: str,
    rally_version: str,
    log_function: LogFunction | None = None,
    once: bool = False,
) -> t.Callable[[_F], _F]:
    """Warn when the decorated function is called.

    :param message: what to use instead
    :param rally_version: the release that deprecated it
    :param log_function: default: a warning of this module's logger
    :param once: only at the first call
    """
    return _warning(
        lambda func: lambda args, kwargs: f"`{func.__name__}()' is",
        message, rally_version, log_function, once,
    )


def log_deprecated_args(
    message: str,
    rally_version: str,
    deprecated_args: t.Sequence[str],
    log_function: LogFunction | None = None,
    once: bool = False,
) -> t.Callable[[_F], _F]:
    """Warn when one of these arguments is given, by name or by position.

    :param deprecated_args: names of the arguments; the others are those of
        ``log_deprecated``
    """

    def finder(func: t.Callable[..., t.Any]) -> t.Any:
        signature = inspect.signature(func)

        def find(args: tuple[t.Any, ...], kwargs: dict[str, t.Any]) -> str:
            given = set(kwargs)
            # if it cannot be bound the call itself will say what is wrong
            with contextlib.suppress(TypeError):
                given.update(signature.bind(*args, **kwargs).arguments)
            used = [f"`{name}'" for name in deprecated_args if name in given]
            if not used:
                return ""
            return "%s %s of `%s()' %s" % (
                "Argument" if len(used) == 1 else "Arguments",
                ", ".join(used), func.__name__,
                "is" if len(used) == 1 else "are",
            )

        return find

    return _warning(finder, message, rally_version, log_function, once)


def log_deprecated_module(target: str, new_module: str, release: str) -> None:
    """Warn that a module has moved.

    :param target: its old name
    :param new_module: its new name
    :param release: the release that moved it
    """
    logging.getLogger(target).warning(
        "Module %s is deprecated since Rally v%s. Use %s instead.",
        target,
        release,
        new_module,
    )


def _warning(
    finder: Finder,
    message: str,
    rally_version: str,
    log_function: LogFunction | None,
    once: bool,
) -> t.Callable[[_F], _F]:
    log = log_function or logging.getLogger(__name__).warning
    is_given = False

    def decorator(func: _F) -> _F:
        find = finder(func)

        @functools.wraps(func)
        def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:
            nonlocal is_given
            subject = "" if once and is_given else find(args, kwargs)
            if subject:
                is_given = True
                use = traceback.extract_stack(sys._getframe(1), limit=1)[0]
                log(
                    f"{subject} deprecated since v{rally_version}: "
                    f"{message}. Called at {use.filename}:{use.lineno}"
                )
            return func(*args, **kwargs)

        return t.cast(_F, wrapper)

    return decorator
