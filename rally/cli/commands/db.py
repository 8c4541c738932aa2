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

"""Commands about the database itself."""

from __future__ import annotations

import re
import typing as t

import typer

from rally.cli import envutils
from rally.common import cfg, db

CONF = cfg.CONF

db_app = typer.Typer(help="Create, upgrade and inspect the database.")


@db_app.command()
def recreate() -> None:
    """Remove all records: drop the database and create it anew."""
    print("Recreating database: %s" % _url())
    db.schema.schema_cleanup()
    print("All records were removed")
    db.schema.schema_create()
    print("Database created successfully")
    envutils.clear_env()


@db_app.command()
def create() -> None:
    """Create the database."""
    print("Creating database: %s" % _url())
    db.schema.schema_create()
    print("Database created successfully")


@db_app.command()
def ensure() -> None:
    """Create the database if it does not exist."""
    print("Database: %s" % _url())
    if db.schema.schema_revision() is None:
        db.schema.schema_ensure()
        print("Database created successfully")
    else:
        print("It is there already")


@db_app.command()
def upgrade() -> None:
    """Upgrade the database to the schema of this release."""
    print("Upgrading database: %s" % _url())
    before = db.schema.schema_revision()
    db.schema.schema_upgrade()
    if db.schema.schema_revision() == before:
        print("The database is up to date already")
    else:
        print("The database was upgraded")


@db_app.command()
def revision() -> None:
    """Print the revision of the database's schema."""
    print(db.schema.schema_revision())


@db_app.command()
def show(
    creds: t.Annotated[
        bool,
        typer.Option("--creds", help="Show the user name and the password."),
    ] = False,
) -> None:
    """Show the connection string."""
    print(_url(creds))


def _url(with_credentials: bool = False) -> str:
    """The connection string, credentials masked unless asked for."""
    connection = db.engine.parsed(CONF.database.connection)
    if with_credentials:
        return connection.render_as_string(hide_password=False)
    return re.sub("//[^@/]+@", "//**:**@", db.errors.shown(connection))
