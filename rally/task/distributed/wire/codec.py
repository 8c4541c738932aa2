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

"""Typed messages to bytes and back. ``decode`` trusts nothing."""

from __future__ import annotations

import typing as t

import msgspec

from rally import exceptions
from rally.task.distributed.wire import messages

T = t.TypeVar("T")

_PREFIX = messages.PROTOCOL_VERSION + b"\0"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(messages.Message)
_LOAD_DECODER = msgspec.msgpack.Decoder(messages.LoadMessage)
_CONTENT_DECODER = msgspec.msgpack.Decoder(messages.LoadContent)


class ProtocolError(exceptions.RallyException):
    error_code = 249
    msg_fmt = (
        "A peer sent what this version of Rally cannot read: %(problem)s. "
        "Such messages are dropped. Install the same version of Rally on the "
        "controller and on all agents."
    )


def encode(message: messages.Message) -> bytes:
    """*message* for the wire: protocol version, tagged msgpack object."""
    return _PREFIX + _ENCODER.encode(message)


def decode(body: bytes | memoryview) -> messages.Message:
    """Inverse of ``encode``.

    :raises ProtocolError: for bytes that ``encode`` cannot have made
    """
    view = memoryview(body)
    if view[:len(_PREFIX)] != _PREFIX:
        raise ProtocolError(
            problem="it does not speak %s" % messages.PROTOCOL_VERSION.decode()
        )
    return _decoded(_DECODER, view[len(_PREFIX):], "message")


def encode_load(message: messages.LoadMessage) -> bytes:
    """Bytes of a message between an agent and its load process."""
    return _ENCODER.encode(message)


def decode_load(body: bytes) -> messages.LoadMessage:
    """Inverse of ``encode_load``.

    :raises ProtocolError: for bytes that ``encode_load`` cannot have made
    """
    return _decoded(_LOAD_DECODER, body, "message")


def encode_content(content: messages.LoadContent) -> bytes:
    """Bytes of the content of a load."""
    return _ENCODER.encode(content)


def decode_content(body: bytes) -> messages.LoadContent:
    """Inverse of ``encode_content``.

    :raises ProtocolError: for bytes that ``encode_content`` cannot have made
    """
    return _decoded(_CONTENT_DECODER, body, "content")


def _decoded(
    decoder: msgspec.msgpack.Decoder[T], body: bytes | memoryview, what: str
) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise ProtocolError(problem="malformed " + what) from None
