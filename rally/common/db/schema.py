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

"""Making the schema and bringing it up to date."""

from __future__ import annotations

import contextlib
import os
import typing as t

import sqlalchemy as sa

from rally import exceptions
from rally.common.db import engine as db_engine
from rally.common.db import errors, models, schema_lock, sqlite_file

if t.TYPE_CHECKING:
    from alembic import config as alembic_config

INITIAL_REVISION_UUID = "ca3626f62937"
#: what Rally 5.1.1 makes
LAST_RALLY_REVISION = "bc908ac9a1fc"
#: newest revision in ``migrations/versions``; reading that folder on each
#: command would cost more than the rest of its start
HEAD_REVISION = "e41f6c08d3a7"
#: schemas that an upgrade starts from
_UPGRADABLE = (
    INITIAL_REVISION_UUID, LAST_RALLY_REVISION, "60a1c7e5d2f0",
    "c3d94e0b71a8", "8c4e1f7a90b3", "5f0b7a1d92ce", "b7d2e94c1f60",
)

MIGRATIONS = os.path.join(os.path.dirname(__file__), "migrations")


def schema_revision(
    config: alembic_config.Config | None = None,
    engine: sa.Engine | None = None,
    detailed: bool = False,
) -> t.Any:
    """Revision of the database, None if it has no schema.

    :param detailed: give a dict of it and of the newest one instead
    """
    with _connection(engine) as connection:
        revision = _revision(connection)
    if detailed:
        return {"revision": revision, "current_head": HEAD_REVISION}
    return revision


def schema_create(
    config: alembic_config.Config | None = None,
    engine: sa.Engine | None = None,
) -> None:
    """Make all tables.

    :raises DBMigrationError: there is a schema already
    """
    if not _create(engine):
        raise exceptions.DBMigrationError(
            "there is a schema already in %s, which a new one would "
            "overwrite. Use `rally db upgrade` to bring it up to date, or "
            "`rally db recreate` to delete all that it holds"
            % errors.shown((engine or db_engine.get_engine()).url)
        )


def schema_ensure(engine: sa.Engine | None = None) -> bool:
    """Make the schema if there is none.

    :returns: whether it was made
    :raises SchemaOutdated: there is one, of another release
    """
    revision = schema_revision(engine=engine)
    if revision is None:
        if _create(engine):
            return True
        revision = schema_revision(engine=engine)
    if revision != HEAD_REVISION:
        raise _outdated(engine or db_engine.get_engine(), revision)
    return False


def schema_upgrade(
    revision: str | None = None,
    config: alembic_config.Config | None = None,
    engine: sa.Engine | None = None,
) -> None:
    """Migrate to *revision* (default: the newest), keeping the data.

    :raises DBMigrationError: there is no way from the one to the other
    """
    from alembic import command, util

    engine = engine or db_engine.get_engine()
    config = config or _config()
    before = schema_revision(engine=engine)
    _prepare_file(engine)
    try:
        with _transaction(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision or "head")
    except util.CommandError as e:
        if before and not _is_known(config, before):
            raise _outdated(engine, before) from e
        raise exceptions.DBMigrationError(str(e)) from e
    finally:
        config.attributes.pop("connection", None)


def schema_stamp(
    revision: str, config: alembic_config.Config | None = None
) -> None:
    """Record *revision* without touching a table."""
    from alembic import command, util

    config = config or _config()
    try:
        with _transaction(db_engine.get_engine()) as connection:
            config.attributes["connection"] = connection
            command.stamp(config, revision)
    except util.CommandError as e:
        raise exceptions.DBMigrationError(str(e)) from e
    finally:
        config.attributes.pop("connection", None)


def schema_cleanup() -> None:
    """Drop every table of ours, with what it holds."""
    engine = db_engine.get_engine()
    with _transaction(engine) as connection:
        models.Base.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    db_engine.engine_reset()


def _create(engine: sa.Engine | None) -> bool:
    """Make the schema unless there is one; True if it was made."""
    engine = engine or db_engine.get_engine()
    _prepare_file(engine)
    with _transaction(engine) as connection:
        if _revision(connection) is not None:
            return False
        models.Base.metadata.create_all(connection)
        # MySQL keeps tables of a try that failed, perhaps without indices
        for table in models.Base.metadata.tables.values():
            for index in table.indexes:
                index.create(connection, checkfirst=True)
        version = sa.Table(
            "alembic_version",
            sa.MetaData(),
            sa.Column("version_num", sa.String(32), nullable=False),
            sa.PrimaryKeyConstraint(
                "version_num", name="alembic_version_pkc"
            ),
        )
        version.create(connection, checkfirst=True)
        connection.execute(
            version.insert().values(version_num=HEAD_REVISION)
        )
    return True


def _prepare_file(engine: sa.Engine) -> None:
    """Let an SQLite file, new or not, keep a write-ahead log."""
    path = sqlite_file.path_of(engine.url)
    if path and os.path.exists(path):
        sqlite_file.adopt(path)
    elif path:
        sqlite_file.make(path)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql(
        "SELECT version_num FROM alembic_version"
    )
    return found.scalar()


@contextlib.contextmanager
def _connection(engine: sa.Engine | None) -> t.Iterator[sa.Connection]:
    engine = engine or db_engine.get_engine()
    with errors.translated(engine.url), engine.connect() as connection:
        yield connection


@contextlib.contextmanager
def _transaction(engine: sa.Engine) -> t.Iterator[sa.Connection]:
    """A transaction that no other process can come before."""
    with errors.translated(engine.url), engine.connect() as connection:
        writer = connection.execution_options(rally_writes=True)
        with schema_lock.held(writer), writer.begin():
            yield writer


def _config() -> alembic_config.Config:
    from alembic import config

    made = config.Config()
    made.set_main_option("script_location", MIGRATIONS.replace("%", "%%"))
    return made


def _is_known(config: alembic_config.Config, revision: str) -> bool:
    from alembic import script

    folder = script.ScriptDirectory.from_config(config)
    return any(revision == s.revision for s in folder.walk_revisions())


def _outdated(engine: sa.Engine, revision: str | None) -> Exception:
    if revision in _UPGRADABLE:
        advice = "Run `rally db upgrade`; it keeps all data."
    else:
        advice = (
            "This release does not know that revision. If an older Rally "
            "made it, upgrade it with Rally 5.1.1 first; if a newer one "
            "did, use that."
        )
    return errors.SchemaOutdated(
        url=errors.shown(engine.url),
        revision=revision,
        head=HEAD_REVISION,
        advice=advice,
    )
