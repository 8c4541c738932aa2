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

"""The errors Rally raises on purpose.

Each has a number of its own below 256: where such an error escapes, it is the
exit status of the command.
"""

from __future__ import annotations

import typing as t


class RallyException(Exception):
    """Base of Rally's errors; a subclass says its text and its number.

    ``msg_fmt`` is a %-format over the keyword arguments, and over ``message``
    which is the positional one. Where neither says what to do, the docstring
    does, in a paragraph of its own: users find it on the page about
    troubleshooting.

    What to do: read the message; with --debug, the command prints where the
    error came from.
    """

    error_code: int = 100
    msg_fmt: str = "%(message)s"

    def __init__(self, message: t.Any = None, **kwargs: t.Any) -> None:
        self.kwargs = kwargs
        if "%(message)s" in self.msg_fmt:
            text = type(self).__name__ if message is None else message
            kwargs["message"] = text
        super().__init__(self.msg_fmt % kwargs)

    def format_message(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[t.Any, ...]:
        # the default calls the class with the finished text only, which
        # lacks the keyword arguments; errors do cross processes
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(
    cls: type[RallyException], args: tuple[t.Any, ...]
) -> RallyException:
    error = cls.__new__(cls)
    error.args = args
    return error


class ValidationError(RallyException):
    """What to do: correct what the message names, in the task file, the
    specification or the option; `rally task validate` checks a task file
    without running it.
    """

    error_code = 110
    msg_fmt = "Validation error: %(message)s"


class InvalidArgumentsException(RallyException):
    """What to do: give the command what the message asks for; its --help has
    all arguments.
    """

    error_code = 111
    msg_fmt = "Invalid arguments: %(message)s"


class InvalidConfigException(RallyException):
    """What to do: correct what the message names in the task file."""

    error_code = 112
    msg_fmt = "Invalid configuration: %(message)s"


class InvalidTaskException(InvalidConfigException):
    """What to do: correct what the message names in the task file, then check
    it with `rally task validate`.
    """

    error_code = 113
    msg_fmt = "Task config is invalid: `%(message)s`"


class InvalidTaskConfig(InvalidTaskException):
    """What to do: correct the workload at that position; `rally plugin show
    NAME` prints what a plugin takes.
    """

    error_code = 114
    msg_fmt = (
        "The input task is invalid: workload %(name)s at position %(pos)s "
        "cannot run.\n\nIts configuration:\n%(config)s\n\n"
        "What is wrong with it:\n%(reason)s"
    )


class InvalidScenarioArgument(RallyException):
    """What to do: correct `args` of the workload; `rally plugin show NAME`
    prints what the scenario takes.
    """

    error_code = 115
    msg_fmt = "Invalid scenario argument: %(message)s"


class InvalidConnectionString(RallyException):
    error_code = 116
    msg_fmt = (
        "The connection string of the database is invalid: %(message)s. "
        "Correct option `connection` in section [database]."
    )


class CannotKeepDefault(RallyException):
    """What to do: let the user who runs Rally write the file, or set the
    variable that the message names.
    """

    error_code = 118
    msg_fmt = (
        "%(path)s cannot be written: %(reason)s. It keeps the defaults of "
        "later commands, so %(name)s is not remembered; everything else was "
        "done. Make the file writable, or set %(name)s=%(value)s in the "
        "environment of later commands."
    )


class DBException(RallyException):
    """What to do: read what the database says in the message. `rally db show`
    prints which database is used.
    """

    error_code = 200
    msg_fmt = "Database error: %(message)s"


class DBMigrationError(DBException):
    """What to do: do what the message advises."""

    error_code = 201
    msg_fmt = "The database schema could not be migrated: %(message)s"


class DBConflict(RallyException):
    """What to do: look at the record again, then repeat the command. A task
    that runs has to be aborted before it is deleted, or deleted with --force.
    """

    error_code = 202
    msg_fmt = "The record is in use or has changed meanwhile: %(message)s"


#: what a record of a table is, and the command that lists all there are
_RECORDS: dict[t.Any, tuple[str, str]] = {
    "envs": ("environment", "rally env list"),
    "tasks": ("task", "rally task list --all-envs"),
    "verifiers": ("verifier", "rally verify list-verifiers"),
    "verifications": ("verification", "rally verify list"),
}


class DBRecordNotFound(RallyException):
    """What to do: look the identifier up, with `rally task list --all-envs`,
    `rally env list` or `rally verify list`. Each database has its own records:
    `rally db show` prints which one is used.
    """

    error_code = 203
    msg_fmt = "There is no %(record)s with %(criteria)s.%(advice)s"

    def __init__(self, message: t.Any = None, **kwargs: t.Any) -> None:
        table = kwargs.get("table")
        record, listing = _RECORDS.get(
            table, ("record of table %s" % table, "")
        )
        advice = listing and (
            " `%s` lists those of this database, and `rally db show` says "
            "which one that is." % listing
        )
        super().__init__(
            message, **{"record": record, "advice": advice, **kwargs}
        )


class DBRecordExists(DBException):
    """What to do: choose another name, or use the record that has it."""

    error_code = 204
    msg_fmt = (
        "Another %(record)s has the %(field)s %(value)s already. Choose "
        "another %(field)s, or use that %(record)s."
    )

    def __init__(self, message: t.Any = None, **kwargs: t.Any) -> None:
        table = kwargs.get("table")
        record, _ = _RECORDS.get(table, ("record of table %s" % table, ""))
        super().__init__(message, **{"record": record, **kwargs})


class DowngradeNotSupported(RallyException):
    error_code = 205
    msg_fmt = (
        "A database schema cannot be downgraded: data would be lost. "
        "Restore the copy made before the upgrade instead."
    )


class NotFoundException(RallyException):
    """What to do: check the name that the message quotes."""

    error_code = 210
    msg_fmt = "Not found: %(message)s"


class PluginNotFound(NotFoundException):
    """What to do: check the spelling with `rally plugin list`. A plugin of
    your own has to be in ~/.rally/plugins or named by --plugin-paths; the log
    says which files could not be imported, and why.
    """

    error_code = 211
    msg_fmt = (
        "There is no %(base)s plugin named '%(name)s' in %(platform)s "
        "platform.%(hint)s"
    )

    def __init__(self, message: t.Any = None, **kwargs: t.Any) -> None:
        kwargs.setdefault("hint", "")
        super().__init__(message, **kwargs)


class PluginWithSuchNameExists(RallyException):
    error_code = 212
    msg_fmt = (
        "Plugin '%(name)s' of platform '%(platform)s' exists already: it "
        "comes from %(existing_path)s, so %(new_path)s cannot take the name. "
        "Rename one of them, or put it into another platform."
    )


class MultiplePluginsFound(RallyException):
    error_code = 213
    msg_fmt = (
        "Plugin name '%(name)s' is ambiguous, it may mean: %(plugins)s. "
        "Name the platform as well, in the form name@platform."
    )


class GetResourceFailure(RallyException):
    """What to do: ask the service for the resource by other means; what it
    answered is in the message.
    """

    error_code = 214
    msg_fmt = "Resource %(resource)s could not be read: %(err)s"


class GetResourceNotFound(GetResourceFailure):
    """What to do: find out who deleted it: something else may use the same
    project, or the service lost it.
    """

    error_code = 215
    msg_fmt = "Resource %(resource)s does not exist."


class GetResourceErrorStatus(GetResourceFailure):
    """What to do: look for the resource in the logs of the service: it says
    there why this went wrong.
    """

    error_code = 216
    msg_fmt = "Resource %(resource)s went to status %(status)s: %(fault)s"


class AuthenticationFailed(InvalidArgumentsException):
    """What to do: check address, user and password with `rally env check`;
    correct them in a new environment.
    """

    error_code = 220
    msg_fmt = (
        "User '%(username)s' could not authenticate to %(url)s in project "
        "'%(project)s': %(etype)s: %(error)s"
    )


class InvalidAdminException(InvalidArgumentsException):
    """What to do: give the user the role of an administrator, or name another
    user in the specification of the environment.
    """

    error_code = 221
    msg_fmt = (
        "User %(username)s is not an administrator: the role is missing."
    )


class DeploymentNotFinishedStatus(RallyException):
    """What to do: look at it with `rally env show`; create another environment
    if its platforms could not be made.
    """

    error_code = 222
    msg_fmt = (
        "Environment %(name)s (%(uuid)s) is not ready but in status "
        "'%(status)s', so nothing can run in it."
    )


class ContextSetupFailure(RallyException):
    """What to do: mend what the message names on the target, then start the
    task again. Contexts that had been set up have been cleaned up.
    """

    error_code = 223
    msg_fmt = "Context '%(ctx_name)s' could not be set up: %(msg)s"


class ManagerException(RallyException):
    """What to do: run the command again with --debug and report the traceback.
    """

    error_code = 230
    msg_fmt = "Rally failed in itself: %(message)s"


class ManagerInvalidSpec(ManagerException):
    """What to do: correct the specification that was given with --spec; `rally
    plugin list --plugin-base Platform` lists the platforms.
    """

    error_code = 231
    msg_fmt = "The specification given to %(mgr)s is invalid:\n%(errors)s"


class ManagerInvalidState(ManagerException):
    """What to do: bring the environment into that state first; `rally env
    show` prints the one that it is in.
    """

    error_code = 232
    msg_fmt = (
        "%(mgr)s is in state '%(actual)s', but this needs state "
        "'%(expected)s'."
    )


class TimeoutException(RallyException):
    """What to do: look at the resource in the service, and at its load. If it
    only needs longer, raise the timeout in the configuration of the plugin.
    """

    error_code = 240
    msg_fmt = (
        "%(resource_type)s %(resource_name)s (%(resource_id)s) did not "
        "become %(desired_status)s within %(timeout)s seconds: its status "
        "is %(resource_status)s."
    )


class ThreadTimeoutException(RallyException):
    """What to do: find out what the iteration waited for, in the atomic
    actions of its report, or raise `timeout` of the runner.
    """

    error_code = 241
    msg_fmt = "The iteration was interrupted: its timeout has passed."


class SSHTimeout(RallyException):
    """What to do: check that the host is up and lets you in: `ssh USER@HOST
    true`.
    """

    error_code = 242
    msg_fmt = "%(message)s"


class SSHError(RallyException):
    """What to do: run the same command with `ssh` by hand; what the host
    answered is in the message.
    """

    error_code = 243
    msg_fmt = "%(message)s"


class RallyAssertionError(RallyException):
    """What to do: look at the iteration's error in the report: what the
    scenario expected of its target did not hold.
    """

    msg_fmt = "Assertion error: %(message)s"


class ScriptError(RallyException):
    """What to do: run the script by hand on the host that it ran on; the
    message has the end of its output.
    """

    msg_fmt = "The script failed: %(message)s"


def _family(root: type[RallyException]) -> t.Iterator[type[RallyException]]:
    yield root
    for child in root.__subclasses__():
        yield from _family(child)


def find_exception(response: t.Any) -> RallyException:
    """Make the error that an HTTP response of a Rally service carries.

    :param response: a ``requests`` response whose JSON has ``error`` with
        ``error_code``, ``args`` or ``message``, and ``kwargs``
    """
    error = response.json()["error"]
    code = error.get("error_code", response.status_code)
    named = {cls.error_code: cls for cls in _family(RallyException)}
    named[RallyException.error_code] = RallyException
    text = error.get("args") or error.get("message")
    cls = named.get(code, RallyException)
    try:
        return cls(text, **error.get("kwargs", {}))
    except (KeyError, TypeError):
        return RallyException(text)  # the text is finished, its parts lack


def make_exception(exc: BaseException) -> RallyException:
    """Turn any exception into one of the family; those stay as they are."""
    if isinstance(exc, RallyException):
        return exc
    return RallyException(str(exc))
