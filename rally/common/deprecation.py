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

import functools
import inspect
import logging
import sys
import traceback
import typing as t

_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])
LogFunction: t.TypeAlias = t.Callable[[str], t.Any]


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
    warn = _Warning(message, rally_version, log_function, once)

    def decorator(func: _F) -> _F:
        @functools.wraps(func)
        def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:
            warn(f"`{func.__name__}()' is")
            return func(*args, **kwargs)

        return t.cast(_F, wrapper)

    return decorator


def log_deprecated_args(
    message: str,
    rally_version: str,
    deprecated_args: t.Sequence[str],
    log_function: LogFunction | None = None,
    once: bool = False,
) -> t.Callable[[_F], _F]:
    """Warn when one of these arguments is given, by name or by position.

    :param message: what to use instead
    :param rally_version: the release that deprecated them
    :param deprecated_args: names of the arguments
    :param log_function: default: a warning of this module's logger
    :param once: only the first time
    """
    warn = _Warning(message, rally_version, log_function, once)

    def decorator(func: _F) -> _F:
        signature = inspect.signature(func)

        @functools.wraps(func)
        def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:
            used = _used(signature, deprecated_args, args, kwargs)
            if used:
                names = ", ".join(f"`{name}'" for name in used)
                warn(f"Argument(s): {names} of `{func.__name__}()' are")
            return func(*args, **kwargs)

        return t.cast(_F, wrapper)

    return decorator


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


def _used(
    signature: inspect.Signature,
    deprecated: t.Sequence[str],
    args: tuple[t.Any, ...],
    kwargs: dict[str, t.Any],
) -> list[str]:
    try:
        given = set(signature.bind(*args, **kwargs).arguments) | set(kwargs)
    except TypeError:  # the call itself will say what is wrong
        given = set(kwargs)
    return [name for name in deprecated if name in given]


class _Warning:
    def __init__(
        self,
        message: str,
        rally_version: str,
        log_function: LogFunction | None,
        once: bool,
    ) -> None:
        self._message = message
        self._rally_version = rally_version
        self._log = log_function or logging.getLogger(__name__).warning
        self._once = once
        self._given = False

    def __call__(self, subject: str) -> None:
        """Warn that *subject* (with its verb) is deprecated.

        Called by the wrapper, whose caller is the use to point at.
        """
        if self._once and self._given:
            return
        self._given = True
        frame = sys._getframe(2)
        place = traceback.extract_stack(frame, limit=1)[0]
        self._log(
            f"{subject} deprecated since v{self._rally_version}: "
            f"{self._message}. Called at {place.filename}:{place.lineno}"
        )
