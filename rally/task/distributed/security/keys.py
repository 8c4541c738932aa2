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

"""Who may join: the controller's key pair, and the keys of its agents.

The controller keeps its own pair and the public keys of its agents; the
secret key of an agent exists on the agent's node only. ZeroMQ's CURVE uses
them to authenticate both sides and to encrypt what they say.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
import os
import pathlib
import re
import typing as t

import zmq

from rally import exceptions
from rally.common import private_files
from rally.common.counting import listed
from rally.task.distributed.security import key_files, key_index
from rally.task.distributed.security import labels as labels_module

LOG = logging.getLogger(__name__)

CONTROLLER_FILE = "controller.key"
AGENTS_FOLDER = "agents"
PUBLIC_SUFFIX = ".pub"
#: an agent that came by a join token, and may not join any more: its use of
#: the token is still counted, and its name is not given to others
REVOKED_SUFFIX = ".revoked"
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclasses.dataclass(frozen=True, slots=True)
class KeyPair:
    """Keys in Z85, as ZeroMQ takes them; the secret is never shown."""

    public: str
    secret: str = dataclasses.field(repr=False)

    @classmethod
    def new(cls) -> KeyPair:
        public, secret = zmq.curve_keypair()
        return cls(public.decode("ascii"), secret.decode("ascii"))


@dataclasses.dataclass(frozen=True, slots=True)
class AgentKey:
    """What an agent needs to join: its own pair, and whom it trusts."""

    name: str
    public: str
    secret: str = dataclasses.field(repr=False)
    controller_public: str


@dataclasses.dataclass(frozen=True, slots=True)
class AuthorizedAgent:
    """An entry of the allow-list."""

    name: str
    public: str
    created: str
    token: str = ""  # that it came by
    address: str = ""  # where it came from, then
    labels: labels_module.Labels = dataclasses.field(default_factory=dict)


def default_folder() -> pathlib.Path:
    return pathlib.Path.home() / ".rally" / "keys"


def check_name(name: str) -> str:
    """*name*, if an agent can have it.

    :raises InvalidArgumentsException: it cannot
    """
    if not NAME.fullmatch(name):
        raise exceptions.InvalidArgumentsException(
            "%r cannot be the name of an agent, because names are part of "
            "file names and reports. Use 1 to 64 letters, digits, dots, "
            "dashes and underscores." % name
        )
    return name


def controller_key(folder: pathlib.Path | None = None) -> KeyPair:
    """The controller's key pair; made when first asked for.

    :raises RallyException: it cannot be read or made, or is not secret
    """
    path = _ready(folder) / CONTROLLER_FILE
    if not path.exists():
        _make_controller_key(path)
    return read_pair(path)


def read_pair(path: pathlib.Path) -> KeyPair:
    """Both halves of a key.

    :raises RallyException: it cannot be read, or is not secret
    """
    values = key_files.parse(
        path, key_files.read_secret(path), ("public", "secret")
    )
    key_files.check_pair(path, values["public"], values["secret"])
    return KeyPair(values["public"], values["secret"])


def authorize(
    name: str,
    folder: pathlib.Path | None = None,
    controller_hint: str | None = None,
    labels: labels_module.Labels | None = None,
) -> str:
    """Let an agent join, with a new key; an earlier one of it is refused.

    :param controller_hint: address of the controller, for people to read
    :param labels: what it is to be chosen by
    :returns: text of the key file for the agent's node. It is the only copy
        of the agent's secret key: print it, never keep it
    """
    with authorizing(name, folder, controller_hint, labels) as text:
        return text


@contextlib.contextmanager
def authorizing(
    name: str,
    folder: pathlib.Path | None = None,
    controller_hint: str | None = None,
    labels: labels_module.Labels | None = None,
) -> t.Iterator[str]:
    """``authorize`` an agent once its key file has been handed over.

    If that fails in the body, an earlier key of the agent stays valid.
    """
    check_name(name)
    controller = controller_key(folder)
    pair = KeyPair.new()
    created = datetime.datetime.now(datetime.timezone.utc)
    stamp = created.isoformat(timespec="seconds")
    folder = _ready(folder)
    comments = _advice(name, stamp, controller_hint)
    is_replaced = _entry(folder, name).exists()
    if is_replaced:
        comments.append("It replaces an earlier key, which is now refused.")
    values = {
        "name": name,
        "public": pair.public,
        "secret": pair.secret,
        "controller": controller.public,
    }
    yield key_files.render(comments, values)
    with changing(folder):
        if is_replaced:
            _keep_record(folder, name)
        allow(folder, [AuthorizedAgent(
            name, pair.public, stamp,
            labels=labels_module.checked(labels or {}),
        )])
    if is_replaced:
        LOG.warning(
            "Agent %s was authorized before: its earlier key is refused "
            "from now on.",
            name,
        )


def revoke(name: str, folder: pathlib.Path | None = None) -> None:
    """Refuse an agent's key from its next message on.

    :raises InvalidArgumentsException: there is no such agent
    """
    check_name(name)
    folder = _ready(folder)
    agents_folder = folder / AGENTS_FOLDER
    try:
        with changing(folder):
            _keep_record(folder, name)
            _entry(folder, name).unlink()
            private_files.sync_folder(agents_folder)
    except FileNotFoundError:
        known = listed([agent.name for agent in agents(folder)]) or "none"
        raise exceptions.InvalidArgumentsException(
            "Agent %s is not authorized in %s, so there is no key to revoke. "
            "Authorized are: %s." % (name, agents_folder, known)
        ) from None
    except OSError as error:
        raise unusable(agents_folder, error.strerror) from None


def load_agent_key(path: pathlib.Path | str) -> AgentKey:
    """The key an agent was given.

    :raises KeyFileMissing: it cannot be opened
    :raises KeyFileMalformed: it is not what ``authorize`` made
    :raises SecretKeyExposed: others may read it
    """
    path = pathlib.Path(path)
    wanted = ("name", "public", "secret", "controller")
    values = key_files.parse(path, key_files.read_secret(path), wanted)
    key_files.check_pair(path, values["public"], values["secret"])
    key_files.check_public(path, values["controller"])
    if not NAME.fullmatch(values["name"]):
        raise key_files.malformed(path, "its name is not one of an agent")
    return AgentKey(
        values["name"],
        values["public"],
        values["secret"],
        values["controller"],
    )


def operator_key(folder: pathlib.Path | None = None) -> AgentKey:
    """What proves to a running controller that its owner speaks.

    :raises KeyFileMissing: there is no controller's key
    :raises RallyException: it cannot be used
    """
    path = (folder or default_folder()) / CONTROLLER_FILE
    pair = read_pair(path)
    return AgentKey("operator", pair.public, pair.secret, pair.public)


def agents(folder: pathlib.Path | None = None) -> list[AuthorizedAgent]:
    """Who may join, by name; entries that cannot be read are left out."""
    return _agents(folder, PUBLIC_SUFFIX)


def revoked_agents(
    folder: pathlib.Path | None = None
) -> list[AuthorizedAgent]:
    """Who came by a join token and was revoked, by name."""
    return _agents(folder, REVOKED_SUFFIX)


def taken_names(folder: pathlib.Path | None = None) -> set[str]:
    """Names that were given to agents, whatever became of those."""
    agents_folder = (folder or default_folder()) / AGENTS_FOLDER
    return {
        path.stem for path in agents_folder.iterdir()
        if path.suffix in (PUBLIC_SUFFIX, REVOKED_SUFFIX)
    }


def _agents(
    folder: pathlib.Path | None, suffix: str
) -> list[AuthorizedAgent]:
    agents_folder = (folder or default_folder()) / AGENTS_FOLDER
    paths = sorted(agents_folder.glob("*" + suffix))
    return [agent for agent in map(usable_entry, paths) if agent]


def read_authorized(path: pathlib.Path) -> AuthorizedAgent:
    """One entry of the allow-list.

    :raises OSError: it cannot be read
    :raises KeyFileMalformed: it is not an entry that ``authorize`` made, or
        others may write to it
    """
    values = read_public_file(path, ("name", "public", "created"))
    if values["name"] != path.stem:
        raise key_files.malformed(path, "its name is not that of the file")
    return AuthorizedAgent(
        values["name"], values["public"], values["created"],
        values.get("token", ""), values.get("address", ""),
        labels_module.of_values(values),
    )


def read_public_file(
    path: pathlib.Path, wanted: t.Collection[str]
) -> dict[str, str]:
    """Values of a file that is about a public key.

    :raises OSError: it cannot be read
    :raises KeyFileMalformed: it is not such a file, or others may write to it
    """
    status = path.stat()
    if status.st_mode & private_files.WRITABLE_BY_OTHERS:
        raise key_files.malformed(path, "other users may write to it")
    if status.st_size > key_files.MAX_BYTES:
        raise key_files.malformed(path, "it is too large")
    values = key_files.parse(path, path.read_bytes(), wanted)
    key_files.check_public(path, values["public"])
    return values


def usable_entry(path: pathlib.Path) -> AuthorizedAgent | None:
    """One entry of the allow-list, or None, and why is logged."""
    try:
        return read_authorized(path)
    except (key_files.KeyFileMalformed, OSError) as error:
        LOG.warning("Ignored an entry of the allow-list: %s", error)
        return None


def index(
    folder: pathlib.Path | None, suffix: str
) -> key_index.KeyIndex[AuthorizedAgent]:
    """Entries of the allow-list, or records of those that were, by key."""
    return key_index.KeyIndex(
        (folder or default_folder()) / AGENTS_FOLDER, suffix, usable_entry
    )


class AllowList(t.Protocol):
    """Says who may join."""

    def name_of(self, public_key: str) -> str | None:
        """Name of the agent with this key (Z85); None: it may not join."""

    def labels_of(self, public_key: str) -> labels_module.Labels:
        """Its labels, as far as ``name_of`` has seen them."""

    def is_as_before(self) -> bool:
        """Whether nobody was let in or put out since the last call."""


class AgentAllowList:
    """The allow-list that ``rally agent authorize`` and ``revoke`` edit.

    A revocation holds from the next question on, see ``KeyIndex``.
    """

    def __init__(self, folder: pathlib.Path | None = None) -> None:
        """:raises KeyFolderUnusable: others may add agents to the list"""
        folder = folder or default_folder()
        check_writers(folder, folder / AGENTS_FOLDER)
        self._agents = index(folder, PUBLIC_SUFFIX)

    def name_of(self, public_key: str) -> str | None:
        agent = self._agents.get(public_key)
        return None if agent is None else agent.name

    def labels_of(self, public_key: str) -> labels_module.Labels:
        agent = self._agents.known(public_key)
        return {} if agent is None else agent.labels

    def is_as_before(self) -> bool:
        return self._agents.is_as_before()


def check_writers(*folders: pathlib.Path) -> None:
    """:raises KeyFolderUnusable: others may add something to one of them"""
    for folder in folders:
        with contextlib.suppress(OSError):  # not there: nothing is in it
            _check_writers(folder)


def _check_writers(folder: pathlib.Path) -> None:
    """:raises KeyFolderUnusable: others could authorize agents
    :raises OSError: it cannot be looked at
    """
    if folder.stat().st_mode & private_files.WRITABLE_BY_OTHERS:
        raise unusable(folder, "other users may write to it")


def unusable(
    path: pathlib.Path, reason: str | None
) -> key_files.KeyFolderUnusable:
    return key_files.KeyFolderUnusable(path=path, reason=reason)


def _ready(folder: pathlib.Path | None) -> pathlib.Path:
    """The key folder, made if need be and safe to use."""
    folder = folder or default_folder()
    agents_folder = folder / AGENTS_FOLDER
    try:
        private_files.make_folder(agents_folder)
        for path in (folder, agents_folder):
            _check_writers(path)
    except OSError as error:
        raise unusable(folder, error.strerror) from None
    return folder


def _make_controller_key(path: pathlib.Path) -> None:
    pair = KeyPair.new()
    text = key_files.render(
        [
            "Rally controller key. Keep it private: whoever has it can pose",
            "as this controller. The keys of all agents name its public half.",
        ],
        {"public": pair.public, "secret": pair.secret},
    )
    try:
        private_files.create(path, text.encode("ascii"))
    except OSError as error:
        raise unusable(path.parent, error.strerror) from None


def _entry(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Where the allow-list has an agent."""
    return folder / AGENTS_FOLDER / (name + PUBLIC_SUFFIX)


def changing(
    folder: pathlib.Path | None = None
) -> t.ContextManager[None]:
    """Whoever changes who may join does so alone, for milliseconds.

    :raises KeyFolderUnusable: it cannot be used
    """
    return private_files.locked(_ready(folder) / AGENTS_FOLDER)


def allow(
    folder: pathlib.Path | None, new: t.Iterable[AuthorizedAgent]
) -> None:
    """Write entries of the allow-list, all durable when this returns.

    :raises KeyFolderUnusable: they cannot be written
    """
    folder = folder or default_folder()
    files = {
        _entry(folder, agent.name): [_text_of(agent).encode("ascii")]
        for agent in new
    }
    try:
        private_files.write_all(files)
    except OSError as error:
        raise unusable(folder, error.strerror) from None


def _text_of(agent: AuthorizedAgent) -> str:
    """Inverse of ``read_authorized``."""
    values = {
        "name": agent.name,
        "public": agent.public,
        "created": agent.created,
        **({"token": agent.token} if agent.token else {}),
        **({"address": agent.address} if agent.address else {}),
        **labels_module.values(agent.labels),
    }
    return key_files.render(
        ["Public key of an authorized Rally agent."], values
    )


def _keep_record(folder: pathlib.Path, name: str) -> None:
    """An entry is to end: if it came by a token, that use stays counted.

    :raises KeyFolderUnusable: that cannot be recorded
    """
    path = _entry(folder, name)
    agent = usable_entry(path) if path.exists() else None
    if agent is None or not agent.token:
        return
    try:
        with contextlib.suppress(FileExistsError):
            os.link(path, path.with_suffix(REVOKED_SUFFIX))
        private_files.sync_folder(path.parent)
    except OSError as error:
        raise unusable(folder, error.strerror) from None


def _advice(name: str, stamp: str, controller_hint: str | None) -> list[str]:
    address = controller_hint or "tcp://CONTROLLER:9790"
    return [
        "Rally agent key of %s, made %s. Keep it private: whoever has"
        % (name, stamp),
        "it can join as this agent. Copy it to that node only, then:",
        "  chmod 600 %s.key" % name,
        "  rally agent start --controller %s --key %s.key" % (address, name),
    ]
