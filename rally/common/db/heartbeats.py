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

"""Signs of life of the processes that work on what is recorded.

Times are those of the database's own clock: the processes that write and read
them may be on hosts whose clocks differ.
"""

from __future__ import annotations

import contextlib
import typing as t

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy.ext import compiler
from sqlalchemy.sql import expression

from rally.common.db import engine, models, rows

Owner = models.Owner
#: what a process that was killed leaves is forgotten after this
KEPT_S = 30 * 86400


class _NowS(expression.FunctionElement[int]):
    """Seconds since the epoch, by the clock of the database."""

    name = "now_s"
    type = sa.BigInteger()
    inherit_cache = True


_NOW_S: t.Mapping[str, str] = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)",
    "mysql": "CAST(UNIX_TIMESTAMP() AS SIGNED)",
}


@compiler.compiles(_NowS)
def _compiled(_function: t.Any, made: t.Any, **_options: t.Any) -> str:
    name = made.dialect.name
    return _NOW_S["mysql" if name == "mariadb" else name]


def owner_beat(name: str) -> None:
    """Record that the process *name* is alive."""
    with engine.writing() as session:
        done = session.execute(
            sa.update(Owner).where(Owner.name == name).values(beat_s=_NowS())
        )
        if rows.affected(done):
            return
        session.execute(
            sa.delete(Owner).where(Owner.beat_s < _NowS() - KEPT_S)
        )
        # another thread of this process may be faster
        with (
            contextlib.suppress(db_exc.DBDuplicateEntry),
            session.begin_nested(),
        ):
            session.execute(
                sa.insert(Owner).values(name=name, beat_s=_NowS())
            )


def owner_silence_s(name: str) -> int | None:
    """How many seconds ago *name* was alive; None: nobody knows of it."""
    with engine.reading() as session:
        return session.execute(
            sa.select(_NowS() - Owner.beat_s).where(Owner.name == name)
        ).scalar()
