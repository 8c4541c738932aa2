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

"""Modules that are imported everywhere, and used by few commands.

They are executed when something of them is used.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import types
import typing as t

#: what oslo has for options that are addresses or URIs, values from elsewhere
#: than files, logs that a file configures, and arguments that came by XML-RPC
_OF_OSLO = (
    "netaddr", "rfc3986", "stevedore", "configparser", "logging.config",
    "xmlrpc.client",
)
#: together a fifth of the time of a short command
SELDOM_USED = (*_OF_OSLO, "jsonschema")

_LOCK = threading.Lock()


class PutOff(types.ModuleType):
    """Stands for a module until an attribute is asked for, then passes on.

    ``importlib.util.LazyLoader`` executes at the import statement, which asks
    for ``__spec__``.
    """

    def __getattr__(self, name: str) -> t.Any:
        with _LOCK:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        # other threads wait in it, as for any module
        return getattr(importlib.import_module(self.__name__), name)


def put_off(names: t.Iterable[str]) -> None:
    """Let modules be executed when they are first used.

    What is imported already, or is not installed, is left alone.
    """
    for name in names:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            continue
        module = PutOff(name)
        module.__spec__ = spec
        module.__file__ = spec.origin
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
