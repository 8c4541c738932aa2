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
"""How an agent gets a key of its own: it makes one, and shows a join token.

The key is on disk before it is asked to be let in, so that an agent which is
killed asks once more for the same; and once it has been let in, its name is
kept with it, so that a restarted agent does not ask at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import re
import socket
import typing as t

from rally import exceptions
from rally.common import clock, logging, private_files, systemd
from rally.task.distributed import (
    commands,
    endpoint_ports,
    notices,
    serve,
    service_ports,
    spool,
)
from rally.task.distributed.security import key_files, keys, tokens
from rally.task.distributed.wire import (
    agent_transport,
    channels,
    codec,
    messages,
)
from rally.task.distributed.wire.channels import Channel, ConnectionChange

LOG = logging.getLogger(__name__)

#: the key of an agent, and one that was not let in yet
KEY, APPLYING = "agent.key", "applying.key"
#: an application that is not answered is repeated after this long ...
AGAIN_NS = 1_000_000_000
#: ... and a part of this, which differs between applicants
SPREAD_NS = 1_000_000_000
NS = 1_000_000_000
NEVER = 1 << 62

TEXTS: t.Mapping[ConnectionChange, str] = {
    ConnectionChange.CONNECTED: "asking %(address)s to be let in",
    ConnectionChange.DISCONNECTED: "lost the connection to %(address)s",
    ConnectionChange.UNREACHABLE: (
        "no controller answers at %(address)s; dialing on, because a "
        "controller listens only during a run"
    ),
    ConnectionChange.MISMATCHED: (
        "what answers at %(address)s is not the controller that made the "
        "token: check the address; dialing on"
    ),
    ConnectionChange.SILENT: (
        "what listens at %(address)s does not answer: a controller that "
        "stands still or may open no more files, or something else; dialing on"
    ),
}


class NotLetIn(exceptions.RallyException):
    error_code = 228
    msg_fmt = (
        "The controller at %(address)s does not let this agent join: "
        "%(reason)s. Without a key that it knows, the agent can take part in "
        "no run. Make another token with `rally agent invite` on the "
        "controller, or a key with `rally agent authorize NAME`."
    )


class KeyNotKept(exceptions.RallyException):
    error_code = 229
    msg_fmt = (
        "The key of this agent cannot be kept in %(path)s: %(reason)s. An "
        "agent that forgets its key needs another use of its join token at "
        "each start, so it does not start. Name a folder that you can write "
        "to with --keys-folder."
    )


class KeyInUse(exceptions.RallyException):
    error_code = 238
    msg_fmt = (
        "Another agent runs with the key in %(path)s. Two that are the same "
        "to the controller would take each other's work, so this one does "
        "not start. Give it a name of its own with --name, or another folder "
        "with --keys-folder."
    )


ENDED = (
    "join token %s is not valid there: it has expired, was revoked, or was "
    "never made there"
)


def default_folder() -> pathlib.Path:
    return pathlib.Path.home() / ".rally" / "agent"


def own_name() -> str:
    """The name that an agent wishes unless it is told one: of its host."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())
    return name[:64] or "agent"


@contextlib.contextmanager
def own_key(
    controller: str,
    token: tokens.JoinToken,
    name: str | None = None,
    folder: pathlib.Path | None = None,
    give_up_after_s: float | None = None,
    manager: systemd.ServiceManager | None = None,
) -> t.Iterator[keys.AgentKey | None]:
    """The key of an agent that was let in, now or at an earlier start.

    No other process of this host has it meanwhile.

    :param controller: address of the control channel
    :param name: that it wishes; None: that of the host
    :param folder: where keys are kept; None: ``~/.rally/agent``
    :param give_up_after_s: how long to wait for an answer; None: for ever
    :param manager: of the service that this process is
    :returns: None: nobody has answered for so long
    :raises NotLetIn: the controller does not want it
    :raises KeyInUse: another process has it
    :raises RallyException: the address or a key file cannot be used
    """
    name = keys.check_name(name or own_name())
    own = folder_of(folder or default_folder(), name, token)
    claim = _claim(own)
    try:
        yield _enrolled_key(
            controller, token, name, own, give_up_after_s, manager
        )
    finally:
        os.close(claim)


def folder_of(
    folder: pathlib.Path, name: str, token: tokens.JoinToken
) -> pathlib.Path:
    """Where a key is kept: one for each controller, and name wished.

    A home folder may be shared by many hosts.
    """
    controller = hashlib.blake2b(
        token.controller_public.encode("ascii"), digest_size=4
    ).hexdigest()
    return folder / ("%s-%s" % (name, controller))


def _claim(own: pathlib.Path) -> int:
    """A descriptor; the folder is claimed until it is closed."""
    try:
        private_files.make_folder(own)
        claim = spool.lock(own)
    except OSError as error:
        raise KeyNotKept(path=own, reason=error.strerror) from None
    if claim is None:
        raise KeyInUse(path=own)
    return claim


def _enrolled_key(
    controller: str, token: tokens.JoinToken, name: str, own: pathlib.Path,
    give_up_after_s: float | None,
    manager: systemd.ServiceManager | None,
) -> keys.AgentKey | None:
    """``own_key``, in a folder that is claimed."""
    if (own / KEY).exists():
        return keys.load_agent_key(own / KEY)
    pair = _own_pair(own / APPLYING)
    answer = _ask(controller, token, pair, name, give_up_after_s, manager)
    if answer is None:
        return None
    if not answer.name:
        (own / APPLYING).unlink()
        raise NotLetIn(address=controller, reason=answer.reason)
    return _keep(own, pair, answer.name, token)


def _ask(
    controller: str, token: tokens.JoinToken, pair: keys.KeyPair, name: str,
    give_up_after_s: float | None, manager: systemd.ServiceManager | None,
) -> messages.Enrolled | None:
    """What the controller says; None: nothing."""
    application = _Application(
        messages.Enrol(pair.public, name), controller, clock.now_ns(),
        give_up_after_s,
    )
    end = agent_transport.AgentTransport(
        {Channel.CONTROL: controller},
        keys.AgentKey(
            name, token.public, token.secret, token.controller_public
        ),
        codec.encode, codec.decode,
    )
    with contextlib.closing(end):
        serve.serve(application, service_ports.reporting(
            _Ports(end), manager, lambda: "asking to be let in"
        ))
    if application.is_refused:
        return messages.Enrolled(pair.public, "", ENDED % token.id)
    return application.answer


def _own_pair(path: pathlib.Path) -> keys.KeyPair:
    """The key to apply with; made if there is none from an earlier start."""
    if not path.exists():
        pair = keys.KeyPair.new()
        text = key_files.render(
            ["A key that a Rally agent asks to be let in with."],
            {"public": pair.public, "secret": pair.secret},
        )
        try:
            private_files.create(path, text.encode("ascii"))
        except OSError as error:
            raise KeyNotKept(
                path=path.parent, reason=error.strerror
            ) from None
    return keys.read_pair(path)


def _keep(
    own: pathlib.Path, pair: keys.KeyPair, name: str,
    token: tokens.JoinToken,
) -> keys.AgentKey:
    """Keep the key with the name that it was given."""
    text = key_files.render(
        ["Key of Rally agent %s, which came by join token %s."
         % (name, token.id)],
        {
            "name": name, "public": pair.public, "secret": pair.secret,
            "controller": token.controller_public,
        },
    )
    try:
        private_files.write(own / KEY, [text.encode("ascii")])
        (own / APPLYING).unlink(missing_ok=True)
    except OSError as error:
        raise KeyNotKept(path=own, reason=error.strerror) from None
    LOG.info("This agent is %s from now on; its key is in %s" % (name, own))
    return keys.load_agent_key(own / KEY)


class _Application:
    """Asks until the controller has answered, or for long enough."""

    def __init__(
        self, enrol: messages.Enrol, address: str, now: int,
        give_up_after_s: float | None,
    ) -> None:
        self.answer: messages.Enrolled | None = None
        self.is_refused = False
        self._enrol = enrol
        self._address = address
        self._until_ns = NEVER
        if give_up_after_s is not None:
            self._until_ns = now + int(give_up_after_s * NS)
        spread = hashlib.blake2b(enrol.key.encode(), digest_size=4).digest()
        self._again_ns = AGAIN_NS + (
            SPREAD_NS * int.from_bytes(spread, "big") >> 8 * len(spread)
        )
        self._asked_ns = 0
        self._now = now

    @property
    def finished(self) -> bool:
        return (
            self.answer is not None or self.is_refused
            or self._now >= self._until_ns
        )

    def next_deadline(self) -> int:
        return min(self._asked_ns + self._again_ns, self._until_ns)

    def expire(self, now: int) -> list[commands.Command]:
        """Ask, unless that was just done."""
        self._now = now
        if self.finished or now < self._asked_ns + self._again_ns:
            return []
        return self._ask(now)

    def handle(self, event: t.Any, now: int) -> list[commands.Command]:
        """What to do about *event*; what is not sent is said again."""
        self._now = now
        if isinstance(event, channels.ConnectionEvent):
            return self._on_change(event.change, now)
        if isinstance(event, channels.Received) and (
            isinstance(event.message, messages.Enrolled)
            and event.message.key == self._enrol.key
        ):
            self.answer = event.message
        return []

    def _on_change(
        self, change: ConnectionChange, now: int
    ) -> list[commands.Command]:
        if change is ConnectionChange.REFUSED:
            self.is_refused = True
            return []
        say = commands.Say(TEXTS[change] % {"address": self._address})
        if change is ConnectionChange.CONNECTED:
            return [say, *self._ask(now)]
        return [say]

    def _ask(self, now: int) -> list[commands.Command]:
        self._asked_ns = now
        return [commands.Send("", Channel.CONTROL, self._enrol)]


class _Ports:
    """The connection to the controller, and the log."""

    def __init__(self, end: channels.AgentEnd) -> None:
        self._endpoint = endpoint_ports.AgentEndpoint(end)
        self.now_ns = self._endpoint.now_ns
        self.wait = self._endpoint.wait

    def execute(self, command: t.Any) -> notices.NotSent | None:
        if isinstance(command, commands.Say):
            LOG.info("This agent has no key yet: %s" % command.text)
            return None
        return self._endpoint.execute(command)
