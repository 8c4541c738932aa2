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

"""Text and bytes."""

from __future__ import annotations

import sys


def _incoming(incoming: str | None) -> str:
    return incoming or sys.stdin.encoding or sys.getdefaultencoding()


def safe_decode(
    text: str | bytes, incoming: str | None = None, errors: str = "strict"
) -> str:
    """Text of bytes; text stays what it is.

    :param incoming: encoding of the bytes; if they have another one, UTF-8
    :param errors: as in ``bytes.decode``
    :raises TypeError: *text* is neither text nor bytes
    """
    if isinstance(text, str):
        return text
    if not isinstance(text, bytes):
        raise TypeError(f"{type(text)} cannot be decoded")
    try:
        return text.decode(_incoming(incoming), errors)
    except UnicodeDecodeError:
        return text.decode("utf-8", errors)


def safe_encode(
    text: str | bytes,
    incoming: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
) -> bytes:
    """Bytes of text; bytes are encoded anew if the encodings differ.

    :param incoming: encoding of the bytes given
    :param encoding: encoding of the bytes returned
    :param errors: as in ``str.encode``
    :raises TypeError: *text* is neither text nor bytes
    """
    if isinstance(text, str):
        return text.encode(encoding, errors)
    if not isinstance(text, bytes):
        raise TypeError(f"{type(text)} cannot be encoded")
    if text and encoding.lower() != _incoming(incoming).lower():
        return safe_decode(text, incoming, errors).encode(encoding, errors)
    return text
