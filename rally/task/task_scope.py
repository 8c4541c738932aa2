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

"""What the runners of one task share, such as agents on this host."""

from __future__ import annotations

import contextlib
import sys
import traceback
import typing as t

from rally.common import logging

LOG = logging.getLogger(__name__)

_T = t.TypeVar("_T")


class _Shared(t.NamedTuple):
    """One thing, and what closes it."""

    thing: t.Any
    stack: contextlib.ExitStack
    claims: frozenset[str]


class TaskScope:
    """Things that are made on first use and live as long as the task.

    They are closed in the reverse order, however the task ends. One that
    cannot be closed is logged: what the task was for is done by then. For
    the engine's thread only.

    :param ships_plugins: whoever started the task lets runners send plugin
        files of this host to others
    """

    def __init__(self, ships_plugins: bool = False) -> None:
        self.ships_plugins = ships_plugins
        self._shared: dict[str, _Shared] = {}
        self._modules = frozenset(sys.modules)

    def imported(self) -> list[str]:
        """Names of modules that were imported since, in this order."""
        names = list(sys.modules)
        return [name for name in names if name not in self._modules]

    def share(
        self,
        name: str,
        make: t.Callable[[], contextlib.AbstractContextManager[_T]],
        claims: frozenset[str] = frozenset(),
    ) -> _T:
        """The thing of that name; *make* is called if there is none yet.

        :param name: unique in the task; begin it with the name of a plugin
        :param claims: what one thing alone can have, such as a port; things
            that have any of it are closed first
        """
        if name not in self._shared:
            self.release(claims)
            one = contextlib.ExitStack()
            thing = one.enter_context(make())
            self._shared[name] = _Shared(thing, one, claims)
        return t.cast(_T, self._shared[name].thing)

    def release(self, claims: frozenset[str]) -> None:
        """Close things that have any of *claims*."""
        for name, one in reversed(list(self._shared.items())):
            if one.claims & claims:
                LOG.info(
                    "%s is closed: the workload that begins needs %s"
                    % (name, ", ".join(sorted(one.claims & claims)))
                )
                del self._shared[name]
                self._close_one(name, one.stack)

    def close(self) -> None:
        """Close everything; what is asked for then is made anew."""
        shared, self._shared = self._shared, {}
        with contextlib.ExitStack() as stack:
            for name, one in shared.items():
                stack.callback(self._close_one, name, one.stack)

    @staticmethod
    def _close_one(name: str, one: contextlib.ExitStack) -> None:
        try:
            one.close()
        except Exception as e:  # it belongs to a plugin
            LOG.error(
                "%s could not be closed: %s. Results are not affected, but "
                "processes or files of it may be left on this host."
                % (name, e or type(e).__name__)
            )
            LOG.debug(traceback.format_exc())

    def __enter__(self) -> TaskScope:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
