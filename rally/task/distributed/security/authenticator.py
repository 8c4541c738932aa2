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

"""Who may connect: the answer to ZeroMQ's authentication requests.

ZeroMQ asks over an internal socket (RFC 27, ZAP) for each connection. It is
answered in the loop that reads the messages: no thread, no polling.
"""

from __future__ import annotations

import contextlib

import zmq
from zmq.utils import z85

from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels, sockets

ENDPOINT = "inproc://zeromq.zap.01"
VERSION = b"1.0"
#: connections that are let in, or not, before messages are looked at again
ANSWERS_AT_ONCE = 16
#: begins the ``User-Id`` of a connection with the key of a join token: such
#: a key is no agent's, whatever lists say later
APPLICANT = "token "


class Authenticator:
    """Lets known keys in; makes the key the ``User-Id`` of its messages.

    That of a join token has a mark before it, see ``APPLICANT``.

    Must be there before the first socket that it guards is bound.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        allow: keys.AllowList,
        trouble: sockets.Trouble,
        operator_key: str,
        applications: channels.Applications | None = None,
    ) -> None:
        """:param operator_key: public key of operators, beside agents'

        :param applications: knows the keys of join tokens; None: of none
        """
        self._applications = applications
        self._allow = allow
        self._operator_key = operator_key
        self._trouble = trouble
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(ENDPOINT)

    def answer(self) -> None:
        """Answer requests that wait; in a flood of them others have their
        turn."""
        with contextlib.suppress(zmq.Again):
            for _ in range(ANSWERS_AT_ONCE):
                request = self.socket.recv_multipart(zmq.NOBLOCK)
                self._reply(request)

    def _reply(self, request: list[bytes]) -> None:
        route, empty, _, number, _, address, _, mechanism, *proof = request
        user = None
        if mechanism == b"CURVE":
            user = self._user(proof[0], address.decode("ascii", "replace"))
        verdict = [b"400", b"Unknown key", b"", b""]
        if user is not None:
            verdict = [b"200", b"OK", user, b""]
        # a peer that left in the meantime needs no answer
        with contextlib.suppress(zmq.Again):
            self.socket.send_multipart(
                [route, empty, VERSION, number, *verdict], zmq.NOBLOCK
            )

    def _user(self, key: bytes, address: str) -> bytes | None:
        public = z85.encode(key)
        text = public.decode("ascii")
        if text == self._operator_key:
            return public
        # there are few tokens, and many agents to look for the key among
        if self._applications is not None and (
            self._applications.token_of(text) is not None
        ):
            return APPLICANT.encode("ascii") + public
        if self._allow.name_of(text) is not None:
            return public
        self._trouble.note(
            "unknown_key",
            "%s from %s" % (public.decode("ascii"), address),
            "Refused a connection from %s: its key is not authorized. Run "
            "`rally agent authorize NAME` if it should be" % address,
        )
        return None
