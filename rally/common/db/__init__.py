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

"""The database: functions that take and give plain values.

Nothing below is loaded before it is used: SQLAlchemy alone would double the
start time of every command.
"""

from __future__ import annotations

import importlib
import typing as t

from rally.common.db import options
from rally.common.db.stored_chunk import StoredChunk

if t.TYPE_CHECKING:
    from rally.common.db import models, schema  # noqa: F401
    from rally.common.db.api import *  # noqa: F403

__all__ = ["StoredChunk"]

options.register()

#: the modules of this package that are loaded when first used
_MODULES = (
    "api", "chunks", "engine", "environments", "errors", "models",
    "results", "retrying", "rows", "sa_types", "schema", "sqlite_file", "tags",
    "tasks", "verifiers", "workloads",
)


def __getattr__(name: str) -> t.Any:
    if name in _MODULES:
        return importlib.import_module("rally.common.db." + name)
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(importlib.import_module("rally.common.db.api"), name)
