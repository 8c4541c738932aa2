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

import dataclasses
import importlib
import typing as t

from oslo_db import options as db_options

from rally.common import cfg, default_file

if t.TYPE_CHECKING:
    from rally.common.db import models, schema  # noqa: F401
    from rally.common.db.api import *  # noqa: F403

# where the database is, unless the configuration says otherwise
db_options.set_defaults(cfg.CONF, connection=default_file.connection())

#: the modules of this package that are loaded when first used
_MODULES = (
    "api", "causes", "chunks", "engine", "environments", "errors",
    "heartbeats", "models", "packets", "results", "retrying", "rows",
    "sa_types", "schema", "schema_lock", "sqlite_file", "tags", "tasks",
    "verifiers", "workloads",
)


@dataclasses.dataclass(frozen=True, slots=True)
class StoredChunk:
    """Packed results of one source, with what a reader must know to order it.

    Times are nanoseconds since the epoch on the source's clock; take
    ``clock_offset_ns`` off to get controller time.
    """

    agent: str  # "" for a run without agents
    sequence: int  # numbers the chunks of this agent
    clock_offset_ns: int
    count: int
    failed: int
    first_ns: int  # start of the first iteration
    last_ns: int  # start of the last iteration
    finished_ns: int  # latest end of an iteration
    payload: bytes = dataclasses.field(repr=False)


def __getattr__(name: str) -> t.Any:
    if name in _MODULES:
        return importlib.import_module("rally.common.db." + name)
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(importlib.import_module("rally.common.db.api"), name)
