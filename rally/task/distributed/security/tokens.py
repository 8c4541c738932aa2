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
"""Join tokens: who may become an agent without a key made beforehand.

A token is a key pair of its own. Its secret half is in a file for those who
are invited, so they prove who they are as agents do; the controller keeps the
public half, and what the token is good for. Who came by it stands in the
allow-list, and that is how its uses are counted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import logging
import pathlib
import sys
import typing as t

from rally import exceptions
from rally.common import private_files
from rally.common.counting import counted, listed
from rally.task.distributed.security import key_files, key_index, keys
from rally.task.distributed.security import labels as labels_module

LOG = logging.getLogger(__name__)

FOLDER = "tokens"
SUFFIX = ".token"
#: a token for more is a mistake, or the allow-list is no list any more
MAX_USES = 10_000
#: names a token file on standard input
STANDARD_INPUT = "-"
_ID_BYTES = 4


class JoinTokenUnusable(exceptions.RallyException):
    error_code = 227
    msg_fmt = (
        "Join token %(path)s cannot be used: %(reason)s. An agent that has no "
        "key yet enrols with it, so it cannot join without it. Make one with "
        "`rally agent invite --out FILE` on the controller, copy it to this "
        "node, and run `chmod 600` on it."
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """What a token is good for, as the controller keeps it."""

    public: str
    created: str
    expires: str
    uses: int
    labels: labels_module.Labels = dataclasses.field(default_factory=dict)
    revoked: str = ""  # when

    @property
    def id(self) -> str:
        return id_of(self.public)

    def has_ended(self, now: datetime.datetime) -> bool:
        """Whether it is worth nothing, however often it was used."""
        return bool(self.revoked) or now >= self.end

    @property
    def end(self) -> datetime.datetime:
        """From when on it is worth nothing."""
        return min(
            datetime.datetime.fromisoformat(end)
            for end in (self.expires, self.revoked) if end
        )


@dataclasses.dataclass(frozen=True, slots=True)
class JoinToken:
    """What somebody who is invited has: the token, and whom it trusts."""

    public: str
    secret: str = dataclasses.field(repr=False)
    controller_public: str

    @property
    def id(self) -> str:
        return id_of(self.public)


def id_of(public_key: str) -> str:
    """What a token is called, in lists and commands."""
    return hashlib.blake2b(
        public_key.encode("ascii"), digest_size=_ID_BYTES
    ).hexdigest()


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


# ---- on the controller


def invite(
    uses: int,
    expires_s: float,
    labels: labels_module.Labels | None = None,
    folder: pathlib.Path | None = None,
) -> str:
    """Make a join token.

    :param uses: how many agents may join by it
    :param expires_s: how long they may do so, seconds from now
    :param labels: that each of them gets
    :returns: text of the file for those who are invited. It is the only copy
        of the token's secret: hand it over, never keep it
    :raises InvalidArgumentsException: there can be no such token
    """
    with inviting(uses, expires_s, labels, folder) as text:
        return text


@contextlib.contextmanager
def inviting(
    uses: int,
    expires_s: float,
    labels: labels_module.Labels | None = None,
    folder: pathlib.Path | None = None,
) -> t.Iterator[str]:
    """``invite``; there is no token if handing it over fails in the body."""
    controller = keys.controller_key(folder)
    pair = keys.KeyPair.new()
    token = _new_token(pair.public, uses, expires_s, labels or {})
    text = key_files.render(_advice(token), {
        "public": pair.public,
        "secret": pair.secret,
        "controller": controller.public,
    })
    tokens_folder = _ready(folder)
    _write(tokens_folder, token)
    try:
        yield text
    except BaseException:
        _path(tokens_folder, token.id).unlink()
        raise


def _new_token(
    public: str, uses: int, expires_s: float, labels: labels_module.Labels
) -> Token:
    if not 1 <= uses <= MAX_USES:
        raise exceptions.InvalidArgumentsException(
            "A join token cannot be for %d agents. Make it for 1 to %d; "
            "there may be several tokens." % (uses, MAX_USES)
        )
    now = utc_now()
    try:
        expires = now + datetime.timedelta(seconds=expires_s)
    except (OverflowError, ValueError):
        expires = now
    if expires <= now:
        raise exceptions.InvalidArgumentsException(
            "A join token cannot expire in %g s: nobody could use it, or it "
            "would never end. Give it some hours or days." % expires_s
        )
    return Token(
        public, now.isoformat(timespec="seconds"),
        expires.isoformat(timespec="milliseconds"), uses,
        labels_module.checked(labels),
    )


def revoke(
    token_id: str, folder: pathlib.Path | None = None,
    with_agents: bool = False,
) -> list[str]:
    """Refuse a token from the next message on.

    :param with_agents: and the agents that came by it
    :returns: names of the agents that are refused now
    :raises InvalidArgumentsException: there is no such token
    """
    known = {token.id: token for token in tokens(folder)}
    names = [
        agent.name for agent in keys.agents(folder)
        if agent.token == token_id
    ]
    # of one that ended long ago only those are left that came by it
    if token_id not in known and not names:
        raise exceptions.InvalidArgumentsException(
            "There is no join token %s, so there is nothing to revoke. "
            "Tokens are: %s." % (token_id, listed(list(known)) or "none")
        )
    if token_id in known and not known[token_id].revoked:
        stamp = utc_now().isoformat(timespec="seconds")
        with keys.changing(folder):  # nobody is being let in by it
            _write(
                _ready(folder),
                dataclasses.replace(known[token_id], revoked=stamp),
            )
    if not with_agents:
        return []
    for name in names:
        keys.revoke(name, folder)
    return names


def tokens(folder: pathlib.Path | None = None) -> list[Token]:
    """All tokens there have been, oldest first."""
    paths = ((folder or keys.default_folder()) / FOLDER).glob("*" + SUFFIX)
    found = [token for token in map(_usable, paths) if token]
    return sorted(found, key=lambda token: (token.created, token.id))


def uses_of(
    agents: t.Iterable[keys.AuthorizedAgent],
) -> dict[str, set[str]]:
    """Public keys that came by each token.

    :param agents: all that are authorized, and all that were
    """
    found: dict[str, set[str]] = {}
    for agent in agents:
        if agent.token:
            found.setdefault(agent.token, set()).add(agent.public)
    return found


class TokenList:
    """The tokens that may be used now, as ``invite`` and ``revoke`` say."""

    def __init__(
        self, folder: pathlib.Path | None = None,
        now: t.Callable[[], datetime.datetime] = utc_now,
    ) -> None:
        """:raises KeyFolderUnusable: others may add tokens to the list"""
        tokens_folder = (folder or keys.default_folder()) / FOLDER
        keys.check_writers(tokens_folder)
        self._now = now
        self._tokens = key_index.KeyIndex(tokens_folder, SUFFIX, _usable)

    def token_of(self, public_key: str) -> Token | None:
        """The token with this key; None: there is none, or it has ended."""
        token = self._tokens.get(public_key)
        if token is None or token.has_ended(self._now()):
            return None
        return token

    def public_keys(self) -> set[str]:
        """Keys of all tokens, ended ones as well."""
        return {token.public for token in self._tokens.all()}


def _usable(path: pathlib.Path) -> Token | None:
    try:
        return _read(path)
    except (key_files.KeyFileMalformed, OSError) as error:
        LOG.warning("Ignored a join token: %s", error)
        return None


def _read(path: pathlib.Path) -> Token:
    values = keys.read_public_file(
        path, ("public", "created", "expires", "uses")
    )
    try:
        uses = int(values["uses"])
        ends = [
            datetime.datetime.fromisoformat(values[key])
            for key in ("expires", "revoked") if values.get(key)
        ]
    except ValueError:
        raise key_files.malformed(path, "its end is not understood") from None
    if any(end.tzinfo is None for end in ends):
        raise key_files.malformed(path, "its end is in no time zone")
    token = Token(
        values["public"], values["created"], values["expires"], uses,
        labels_module.of_values(values), values.get("revoked", ""),
    )
    if token.id != path.stem:
        raise key_files.malformed(path, "its key is not that of its name")
    return token


def _write(tokens_folder: pathlib.Path, token: Token) -> None:
    values = {
        "public": token.public,
        "created": token.created,
        "expires": token.expires,
        "uses": str(token.uses),
        **({"revoked": token.revoked} if token.revoked else {}),
        **labels_module.values(token.labels),
    }
    text = key_files.render(["Public key of a join token."], values)
    try:
        private_files.write(
            _path(tokens_folder, token.id), [text.encode("ascii")]
        )
    except OSError as error:
        raise keys.unusable(tokens_folder, error.strerror) from None


def _path(tokens_folder: pathlib.Path, token_id: str) -> pathlib.Path:
    return tokens_folder / (token_id + SUFFIX)


def _ready(folder: pathlib.Path | None) -> pathlib.Path:
    """The folder of the tokens, made if need be and safe to use."""
    tokens_folder = (folder or keys.default_folder()) / FOLDER
    try:
        private_files.make_folder(tokens_folder)
    except OSError as error:
        raise keys.unusable(tokens_folder, error.strerror) from None
    keys.check_writers(tokens_folder)
    return tokens_folder


def _advice(token: Token) -> list[str]:
    lines = [
        "Rally join token %s for %s, until %s."
        % (token.id, counted(token.uses, "agent"), token.expires),
        "Keep it private: whoever has it can join as a new agent. On a node:",
        "  chmod 600 fleet.join",
        "  rally agent start --controller tcp://CONTROLLER:9790 "
        "--join fleet.join",
    ]
    if token.labels:
        lines.append("Labels: %s" % labels_module.text(token.labels))
    return lines


# ---- on a node


def load_join_token(path: pathlib.Path | str) -> JoinToken:
    """The token that somebody was handed; ``-`` is standard input.

    :raises JoinTokenUnusable: it is not what ``invite`` made
    :raises SecretKeyExposed: others may read it
    """
    wanted = ("public", "secret", "controller")
    is_input = str(path) == STANDARD_INPUT
    shown = pathlib.Path("on standard input" if is_input else path)
    try:
        values = key_files.parse(
            shown,
            sys.stdin.buffer.read(key_files.MAX_BYTES) if is_input
            else key_files.read_secret(shown),
            wanted,
        )
        key_files.check_pair(shown, values["public"], values["secret"])
        key_files.check_public(shown, values["controller"])
    except (key_files.KeyFileMissing, key_files.KeyFileMalformed) as error:
        raise JoinTokenUnusable(
            path=shown, reason=error.kwargs["reason"]
        ) from None
    return JoinToken(
        values["public"], values["secret"], values["controller"]
    )
