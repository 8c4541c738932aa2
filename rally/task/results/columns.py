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

"""Integer columns as bytes: the narrowest width that holds the values.

The first byte tells the form, the rest is little-endian:

* ``c``: all values equal, the value once (8 bytes);
* ``0 1 2 3``: values of 1, 2, 4, 8 bytes;
* ``d e f g``: first value (8 bytes), then differences of 1, 2, 4, 8 bytes.
"""

from __future__ import annotations

import typing as t

import numpy as np

Ints: t.TypeAlias = np.ndarray[t.Any, np.dtype[np.int64]]
_WIDTHS = ("<i1", "<i2", "<i4", "<i8")
_LIMITS = (1 << 7, 1 << 15, 1 << 31, 1 << 63)


def _narrow(values: Ints) -> int:
    """Index of the narrowest width that holds *values*."""
    lowest, highest = int(values.min()), int(values.max())
    for i, limit in enumerate(_LIMITS):
        if -limit <= lowest and highest < limit:
            return i
    raise OverflowError("beyond 64 bits")  # cannot be: they are int64


def pack(values: np.ndarray[t.Any, t.Any]) -> bytes:
    """Bytes of a column of integers."""
    values = values.astype(np.int64, copy=False)
    if not len(values):
        return b"c" + bytes(8)
    first = values[:1].astype("<i8").tobytes()
    if values.min() == values.max():
        return b"c" + first
    plain = _narrow(values)
    if plain > 1:
        steps = np.diff(values)
        delta = _narrow(steps)
        if delta < plain:
            return b"defg"[delta:delta + 1] + first + steps.astype(
                _WIDTHS[delta]
            ).tobytes()
    return b"0123"[plain:plain + 1] + values.astype(_WIDTHS[plain]).tobytes()


def unpack(data: bytes, count: int) -> Ints:
    """Inverse of ``pack``.

    :raises ValueError: *data* is not a column of *count* values
    """
    form, body = data[:1], data[1:]
    if form == b"c" and len(body) == 8 and count >= 0:
        value = np.frombuffer(body, "<i8")[0]
        return np.full(count, value, dtype=np.int64)
    if len(form) == 1 and form in b"0123":
        values = np.frombuffer(body, _WIDTHS[b"0123".index(form)])
        if len(values) == count:
            return values.astype(np.int64)
    elif len(form) == 1 and form in b"defg" and len(body) >= 8:
        first = np.frombuffer(body[:8], "<i8")
        steps = np.frombuffer(body[8:], _WIDTHS[b"defg".index(form)])
        if len(steps) == count - 1:
            return np.cumsum(np.concatenate([first, steps.astype(np.int64)]))
    raise ValueError("a column does not hold %d integers" % count)
