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

"""Environments as the database has them, and their plugins at work."""

from __future__ import annotations

import datetime as dt
import traceback
import typing as t

from rally import plugins
from rally.common import db, logging, masking
from rally.env import platform, reasons

LOG = logging.getLogger(__name__)
Row: t.TypeAlias = dict[str, t.Any]
STATUS = platform.STATUS


def read_env(uuid_or_name: str) -> Row:
    """An environment with its platforms by name.

    :raises DBRecordNotFound: there is none
    """
    return with_platforms(db.env_get(uuid_or_name))


def with_platforms(env: Row) -> Row:
    """*env* and, by name, its platforms."""
    platforms = {
        row["platform_name"]: with_text_times(row)
        for row in db.platforms_list(env["uuid"])
    }
    return {**env, "platforms": platforms}


def with_text_times(row: Row) -> Row:
    """*row* with its times as environments show them."""
    return {
        key: value.isoformat() if isinstance(value, dt.datetime) else value
        for key, value in row.items()
    }


@plugins.ensure_plugins_are_loaded
def plugin_of(row: Row) -> platform.Platform:
    """The plugin of a platform, with its data.

    :raises PluginNotFound: it is not installed any more
    """
    plugin_cls = platform.Platform.get(row["plugin_name"])
    return plugin_cls(
        row["plugin_spec"],
        uuid=row["uuid"],
        plugin_data=row["plugin_data"],
        platform_data=row["platform_data"],
        status=row["status"],
    )


def secrets_of(row: Row) -> set[str]:
    """What nothing that is said of a platform may show."""
    return masking.secrets_of(
        row["plugin_spec"], row["plugin_data"], row["platform_data"]
    )


def create(row: Row) -> bool:
    """Make a platform and record it; False if its plugin cannot."""
    failure: Exception | None = None
    new = STATUS.FAILED_TO_CREATE  # also if interrupted: it is not usable
    try:
        platform_data, plugin_data = plugin_of(row).create()
        db.platform_set_data(
            row["uuid"],
            platform_data=dict(platform_data or {}),
            plugin_data=dict(plugin_data or {}),
        )
        new = STATUS.READY
    except Exception as e:  # a plugin's code
        failure = e
    finally:
        set_status(row, new)
    if failure is not None:
        _log_failure(row, "made", failure)
    return failure is None


def destroy(row: Row) -> dict[str, t.Any]:
    """Destroy a platform and record it; tells how it went.

    :returns: ``message``, ``status`` (``old`` and ``new``), and
        ``traceback`` if it failed
    """
    old = row["status"]
    told: dict[str, t.Any] = {"message": "Destroyed"}
    if STATUS.DESTROYING not in STATUS.TRANSITION_TABLE.get(old, ()):
        return {
            "message": "There is nothing to destroy",
            "status": {"old": old, "new": old},
        }
    set_status(row, STATUS.DESTROYING)
    new = STATUS.FAILED_TO_DESTROY
    failure: Exception | None = None
    try:
        plugin_of(row).destroy()
        new = STATUS.DESTROYED
    except Exception as e:  # a plugin's code
        failure = e
    finally:
        set_status(row, new)
    if failure is not None:
        told = {
            "message": "Could not destroy",
            "traceback": _log_failure(row, "destroyed", failure),
        }
    return {**told, "status": {"old": old, "new": new}}


def _log_failure(row: Row, done: str, error: Exception) -> str:
    """Say that a platform cannot be *done*; returns the traceback.

    Not while *error* is being handled: the logging library would add it, with
    the secrets that it may quote.
    """
    secrets = secrets_of(row)
    lines = traceback.format_exception(error)
    text = masking.masked_text("".join(lines), secrets)
    LOG.error(
        "Platform %s of environment %s cannot be %s: %s",
        row["plugin_name"], row["env_uuid"], done,
        masking.masked_text(reasons.of_exception(error), secrets),
    )
    LOG.debug("%s", text)
    return text


def set_status(row: Row, status: str) -> None:
    db.platform_set_status(row["uuid"], row["status"], status)
    row["status"] = status
