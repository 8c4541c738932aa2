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

"""Base of the plugins that handle verifiers."""

from __future__ import annotations

import abc
import io
import os
import shutil
import typing as t

from rally import exceptions
from rally.common.plugin import info, plugin
from rally.verification import context as verifier_context
from rally.verification import installation, repository, utils

if t.TYPE_CHECKING:
    from rally.common import objects
    from rally.common.io import subunit_v2

_C = t.TypeVar("_C", bound="type[VerifierManager]")
Data: t.TypeAlias = dict[str, t.Any]

URL_RE = repository.URL_RE
ROOT = "~/.rally/verification"


def folder_of(verifier_uuid: str) -> str:
    """Where all is that belongs to a verifier."""
    return os.path.join(
        os.path.expanduser(ROOT), "verifier-%s" % verifier_uuid
    )


class VerifierSetupFailure(exceptions.RallyException):
    """What to do: look at the end of the log, which has the output of git or
    pip; delete the verifier and create it again.
    """

    error_code = 224
    msg_fmt = "Failed to set up verifier '%(verifier)s': %(message)s"


class Results(t.Protocol):
    """What a run gives."""

    @property
    def tests(self) -> t.Any:
        """Id of a test -> what is known of it."""

    @property
    def totals(self) -> t.Any:
        """Counts and duration."""


def configure(
    name: str,
    platform: str = "default",
    default_repo: str | None = None,
    default_version: str | None = None,
    context: Data | None = None,
) -> t.Callable[[_C], _C]:
    """Make a class known as the plugin of a kind of verifiers.

    :param name: the kind, as ``create-verifier --type`` takes it
    :param platform: what it tests
    :param default_repo: where it is cloned from, unless somebody says
    :param default_version: branch that is checked out, unless somebody says
    :param context: contexts of each run: name -> config
    """

    def decorator(cls: _C) -> _C:
        cls = plugin.configure(name=name, platform=platform)(cls)
        cls._meta_set("default_repo", default_repo)
        cls._meta_set("default_version", default_version)
        cls._meta_set("context", context or {})
        return cls

    return decorator


#: run argument -> its type, and how that is said
_TYPES: t.Mapping[str, tuple[type, str]] = {
    "pattern": (str, "a string"),
    "concurrency": (int, "an integer, 0 or more"),
    "load_list": (list, "a list of ids of tests"),
    "skip_list": (dict, "a mapping of tests to reasons"),
    "xfail_list": (dict, "a mapping of tests to reasons"),
}


@plugin.base()
class VerifierManager(plugin.Plugin, metaclass=abc.ABCMeta):
    """Handles verifiers of one kind.

    :param verifier: the one to handle
    """

    #: argument of a run -> what it means; those of parents count as well
    RUN_ARGS: t.ClassVar[dict[str, str]] = {
        "pattern": "a regular expression of tests to launch.",
        "concurrency": "Number of processes to be used for launching tests. "
        "In case of 0 value, number of processes will be equal to number of "
        "CPU cores.",
        "load_list": "a list of tests to launch.",
        "skip_list": "a list of tests to skip (actually, it is a dict where "
        "keys are names of tests, values are reasons).",
        "xfail_list": "a list of tests that are expected to fail (actually, "
        "it is a dict where keys are names of tests, values are reasons).",
    }

    def __init__(self, verifier: objects.Verifier) -> None:
        self.verifier = verifier

    @classmethod
    def _get_doc(cls) -> str:
        described: dict[str, str] = {}
        for parent in reversed(cls.__mro__):
            described.update(vars(parent).get("RUN_ARGS", {}))
        doc = info.trim(cls.__doc__)
        doc += "\n**Running arguments**:\n\n" + "".join(
            "* *%s*: %s\n" % (name, described[name].rstrip())
            for name in sorted(described)
        )
        doc += "\n**Installation arguments**:\n\n"
        doc += "".join(
            "* *%s*: %s\n" % item for item in cls._installation().items()
        )
        return doc

    @classmethod
    def _installation(cls) -> dict[str, str]:
        if not cls._meta_is_inited(raise_exc=False):
            return {}
        default = cls._meta_get("default_repo")
        return {
            "system_wide": "Whether to use Rally's own Python environment, "
            "which must have all that the tool requires, instead of a "
            "virtual environment for it.",
            "source": "Path or URL of a git repository.%s"
            % (" Default: %s" % default if default else ""),
            "version": "Branch, tag or commit to check out. Default: %s"
            % (cls._meta_get("default_version")
               or "what the repository has checked out"),
        }

    # ---- places

    @property
    def base_dir(self) -> str:
        return folder_of(self.verifier.uuid)

    @property
    def home_dir(self) -> str:
        """Folder for the environment that the verifier is set to."""
        return os.path.join(
            self.base_dir, "for-deployment-%s" % self.verifier.env.uuid
        )

    @property
    def repo_dir(self) -> str:
        return os.path.join(self.base_dir, "repo")

    @property
    def venv_dir(self) -> str:
        return os.path.join(self.base_dir, ".venv")

    @property
    def environ(self) -> dict[str, str]:
        """Variables for commands of the verifier."""
        is_shared = self.verifier.system_wide
        return installation.environ_of(None if is_shared else self.venv_dir)

    # ---- installing

    def install(self) -> None:
        """Clone it, and see that what it requires is there."""
        utils.create_dir(self.base_dir)
        self._clone()
        if self.verifier.system_wide:
            self.check_system_wide()
        else:
            self.install_venv()

    def _clone(self) -> None:
        """Clone it, and store which version that is."""
        source = self.verifier.source or self._meta_get("default_repo")
        if not source:
            raise exceptions.RallyException(
                "Verifier %s has no source: verifiers of type %s have no "
                "default repository. Say with --source what to install."
                % (self.verifier, self.get_name())
            )
        version = self.verifier.version
        default = self._meta_get("default_version")
        is_named = bool(default) and default != "master" and not version
        clone = repository.Repository(self.repo_dir)
        clone.clone(source, default if is_named else None)
        if version:
            clone.checkout(version)
        else:
            self.verifier.update_properties(version=clone.version())

    def install_venv(self) -> None:
        """Make a virtual environment with it, in place of the one it has."""
        installation.make_venv(self.venv_dir, self.repo_dir, self.environ)

    def check_system_wide(self, reqs_file_path: str | None = None) -> None:
        """See that Rally's own Python has all that the verifier requires.

        :param reqs_file_path: file of requirements; that of the repository
        :raises VerifierSetupFailure: something is missing
        """
        path = reqs_file_path or os.path.join(
            self.repo_dir, "requirements.txt"
        )
        missing = installation.missing_requirements(path)
        if missing:
            raise VerifierSetupFailure(
                verifier=self.verifier.name,
                message="it is installed system-wide, so it runs in Rally's "
                "own Python environment, which lacks: %s. Install that "
                "there, or let it have a virtual environment of its own "
                "(without --system-wide)." % ", ".join(missing),
            )

    def checkout(self, version: str) -> None:
        """Change the clone to a branch, tag or commit."""
        repository.Repository(self.repo_dir).checkout(version)

    def uninstall(self, full: bool = False) -> None:
        """Remove what there is for the environment.

        :param full: all there is of the verifier instead
        """
        shutil.rmtree(
            self.base_dir if full else self.home_dir, ignore_errors=True
        )

    # ---- configuring

    def configure(self, extra_options: t.Any = None) -> str:
        """Configure it for its environment; the configuration."""
        raise self._unsupported("configuration")

    def is_configured(self) -> bool:
        return True

    def get_configuration(self) -> str:
        return ""

    def override_configuration(self, new_configuration: str) -> None:
        raise self._unsupported("configuration")

    def extend_configuration(self, extra_options: t.Any) -> str:
        raise self._unsupported("configuration")

    # ---- extensions

    def install_extension(
        self, source: str, version: str | None = None,
        extra_settings: t.Any = None,
    ) -> None:
        raise self._unsupported("extensions")

    def list_extensions(self) -> list[Data]:
        return []

    def uninstall_extension(self, name: str) -> None:
        raise self._unsupported("extensions")

    def _unsupported(self, what: str) -> NotImplementedError:
        return NotImplementedError(
            "'%s' verifiers don't support %s." % (self.get_name(), what)
        )

    # ---- running

    def validate_args(self, args: t.Mapping[str, t.Any]) -> None:
        """:raises ValidationError: an argument of a run is wrong"""
        for name, (kind, shown) in _TYPES.items():
            value = args.get(name)
            if value is None:
                continue
            is_wrong = not isinstance(value, kind) or isinstance(value, bool)
            if is_wrong or (kind is int and value < 0):
                raise exceptions.ValidationError(
                    "'%s' argument should be %s, not %r."
                    % (name, shown, value)
                )

    def validate(self, run_args: t.Mapping[str, t.Any]) -> None:
        """:raises ValidationError: contexts or arguments are wrong"""
        verifier_context.ContextManager.validate(self._meta_get("context"))
        self.validate_args(run_args)

    @abc.abstractmethod
    def list_tests(self, pattern: str = "") -> list[str]:
        """Ids of the tests, all or those that match."""

    @abc.abstractmethod
    def run(self, context: Data) -> Results:
        """Run tests.

        :param context: what contexts have prepared
        """

    def parse_results(
        self, results_data: bytes | str
    ) -> subunit_v2.SubunitV2StreamResult:
        """Results out of what another run has written.

        :param results_data: a stream of subunit v2
        """
        from rally.common.io import subunit_v2 as parser

        if isinstance(results_data, str):
            results_data = results_data.encode("utf-8", "surrogateescape")
        return parser.parse(io.BytesIO(results_data))
