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

"""Errors of the database, told in terms of its user."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

import sqlalchemy as sa
from oslo_db import exception as db_exc

from rally import exceptions
from rally.common import masking
from rally.common.db import causes, retrying


class DatabaseNotWritable(exceptions.DBException):
    """What to do: do what the message ends with: it names the folder, the mode
    or the disk that is in the way.
    """

    error_code = 160
    msg_fmt = (
        "The database %(path)s cannot be written: %(reason)s. Nothing that "
        "Rally measures or creates can be recorded without it. %(advice)s"
    )


class DatabaseUnavailable(exceptions.DBException):
    error_code = 161
    msg_fmt = (
        "The database %(url)s does not answer: %(reason)s. Rally keeps "
        "environments, tasks and results there. Check that the server runs "
        "and that option `connection` of section [database] in rally.conf "
        "is right (`rally db show` prints it)."
    )


class DatabaseBusy(exceptions.DBException):
    error_code = 162
    msg_fmt = (
        "The database %(url)s was locked by another program for longer than "
        "Rally waits (%(wait_s)d s): %(reason)s. What was to be stored is "
        "not. Find out who holds it (`fuser` on the file) and try again."
    )


class SchemaMissing(exceptions.DBException):
    error_code = 163
    msg_fmt = (
        "The database %(url)s lacks a table or column that Rally needs: "
        "%(reason)s. Run `rally db ensure` if it is new, `rally db upgrade` "
        "if an older release made it."
    )


class SchemaOutdated(exceptions.DBMigrationError):
    """What to do: run `rally db upgrade` if the message says so; it keeps all
    data. A schema of a newer release needs that release.
    """

    error_code = 164
    msg_fmt = (
        "The schema of database %(url)s is at revision %(revision)s, this "
        "release needs %(head)s; reading or writing it could damage it. "
        "%(advice)s"
    )


class StatementFailed(exceptions.DBException):
    error_code = 165
    msg_fmt = (
        "The database %(url)s refused a statement: %(reason)s. The change "
        "it belonged to was not made. If the database is not damaged or full "
        "(see its own log), this is a bug of Rally: run again with --debug "
        "and report the traceback."
    )


class BadConnection(exceptions.InvalidConnectionString):
    error_code = 166
    msg_fmt = (
        "%(connection)r is not the address of a database. Without one Rally "
        "can record nothing. Set option `connection` of section [database] "
        "in rally.conf to something like sqlite:////home/me/rally.sqlite or "
        "postgresql://user:password@host/rally"
    )


class DatabaseOfStranger(exceptions.DBException):
    error_code = 170
    msg_fmt = (
        "%(path)s belongs to user %(owner)s, and everybody may make files in "
        "%(folder)s. As a database it would give that user the passwords "
        "that Rally keeps, and let Rally run what that user wrote into it. "
        "Name a file in a folder of your own in option `connection` of "
        "section [database] in rally.conf; copy this one there if you trust "
        "it."
    )


class NotStorable(exceptions.DBException):
    error_code = 179
    msg_fmt = (
        "No database can store this: %(problem)s. So nothing of it was "
        "recorded. Give a shorter one, or plain text."
    )


class ResultsDeleted(exceptions.DBRecordNotFound):
    error_code = 189
    msg_fmt = (
        "The results that were read have been deleted meanwhile, with the "
        "task that they belong to, so what was shown or written of it is not "
        "complete. Run the command again without that task."
    )


class StatementTooLarge(exceptions.DBException):
    error_code = 188
    msg_fmt = (
        "The database %(url)s does not take statements as large as this "
        "one%(sizes)s, so something large, such as the result of an "
        "iteration, could not be stored. It would be refused each time, so "
        "it is not tried again. Set `max_allowed_packet = 64M` in section "
        "[mysqld] of the server's configuration and restart it, or have its "
        "administrator run `SET GLOBAL max_allowed_packet = 67108864`, which "
        "holds for new connections until then. The largest iteration that "
        "Rally keeps, 16 MiB, fits into that."
    )


class DriverMissing(exceptions.DBException):
    error_code = 168
    msg_fmt = (
        "The database %(url)s cannot be reached: the Python package that "
        "speaks to it is not installed (%(reason)s). Rally keeps all it "
        "records there. Run `pip install rally[postgres]` or `pip install "
        "rally[mysql]`."
    )


#: parts of SQLite's messages that say a file cannot be written
_NOT_WRITABLE = (
    "readonly database", "read-only", "unable to open database",
    "disk is full", "disk i/o error", "file is not a database",
)
#: how SQLite, MySQL and PostgreSQL say that a table or column is missing
_NO_SUCH = re.compile(
    r"no such (table|column)|has no column named|unknown column"
    r"|(table|relation|column) .*(does not|doesn't) exist"
)
#: of what may be no address: all that may be a user and a password
_BEFORE_HOST = re.compile(r"[^/\s]*:.*(?=@)", re.DOTALL)
#: errors that are not the fault of what was asked: later it may succeed
PASSING = (DatabaseNotWritable, DatabaseUnavailable, DatabaseBusy)


def shown(url: sa.URL | str) -> str:
    """The address of a database without its secrets.

    :param url: as text: what somebody took for an address. Then all before
        the last @ is hidden, as nobody knows where a password begins
    """
    if isinstance(url, str):
        return masking.masked_text(_BEFORE_HOST.sub(masking.MASK, url))
    return masking.masked_text(url.render_as_string(hide_password=True))


def _secrets_of(url: sa.URL) -> set[str]:
    return masking.secrets_of({"password": url.password, **url.query})


@contextlib.contextmanager
def translated(url: sa.URL) -> t.Iterator[None]:
    """Raise our own exceptions for those of the libraries.

    What oslo.db does not wrap comes from SQLAlchemy as it is: a failing
    BEGIN, for one.
    """
    try:
        yield
    except (db_exc.DBError, sa.exc.DBAPIError) as e:
        raise _translate(e, url) from e


def _translate(
    error: db_exc.DBError | sa.exc.DBAPIError, url: sa.URL
) -> exceptions.DBException:
    address = shown(url)
    original = causes.original_of(error)
    if isinstance(original, exceptions.DBException):
        return original
    reason = next(iter(str(original).splitlines()), "no reason was given")
    reason = masking.masked_text(reason, _secrets_of(url))
    text = reason.lower()
    if url.get_backend_name() == "sqlite":
        return _of_sqlite(url, reason)
    if causes.is_too_large(error):
        return StatementTooLarge(url=address, sizes="")
    if _NO_SUCH.search(text):
        return SchemaMissing(url=address, reason=reason)
    if causes.is_in_trouble(error):
        return DatabaseUnavailable(url=address, reason=reason)
    return StatementFailed(url=address, reason=reason)


def _of_sqlite(url: sa.URL, reason: str) -> exceptions.DBException:
    """Its driver has one class for nearly everything."""
    address, text = shown(url), reason.lower()
    if any(part in text for part in _NOT_WRITABLE):
        return not_writable(str(url.database), reason)
    if "database is locked" in text or "table is locked" in text:
        return DatabaseBusy(
            url=address, reason=reason, wait_s=retrying.busy_s.get()
        )
    if _NO_SUCH.search(text):
        return SchemaMissing(url=address, reason=reason)
    return StatementFailed(url=address, reason=reason)


def not_writable(path: str, reason: str) -> DatabaseNotWritable:
    """Say why the SQLite file *path* cannot be written and what helps."""
    path = os.path.abspath(path)
    folder = os.path.dirname(path)
    found = _obstacle(path, folder)
    if found is None and "full" in reason.lower():
        found = reason, "Free some space on the disk that holds it."
    why, advice = found or (
        reason,
        "Check the file and the disk it is on, or name another file in "
        "option `connection` of section [database] in rally.conf.",
    )
    return DatabaseNotWritable(path=path, reason=why, advice=advice)


def _obstacle(path: str, folder: str) -> tuple[str, str] | None:
    """What stands in the way of writing *path*, with advice."""
    user: t.Any = os.environ.get("USER") or os.getuid()
    if not os.path.isdir(folder):
        return (
            "folder %s does not exist" % folder,
            "Create it with `mkdir -p %s`." % folder,
        )
    if os.path.isdir(path):
        return "it is a folder", "Name a file in option `connection`."
    if os.path.exists(path) and not os.access(path, os.W_OK):
        return (
            "user %s has no write permission on it" % user,
            "Run `chmod u+w %s` as its owner, or name another file in option "
            "`connection` of section [database] in rally.conf." % path,
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return (
            "user %s has no write permission on folder %s, which SQLite "
            "needs for its journal" % (user, folder),
            "Grant it, or name a file elsewhere in option `connection` of "
            "section [database] in rally.conf.",
        )
    return None
