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

"""Damages valid inputs: their bytes, and values inside their structure."""

from __future__ import annotations

import contextlib
import random
import typing as t

import msgspec

from rally.task.results import packed
from tests.fuzz import seeds

DEEP = 1200
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def _deep() -> t.Any:
    nested: t.Any = 0
    for _ in range(400):
        nested = [nested]
    return nested


#: values that no peer would send, or none in this place
HOSTILE: tuple[t.Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 10**6, 2**31, 2**53, 2**53 + 1,
    2**62, 2**63 - 1, 2**64 - 1, -(2**63), 0.0, -1.5, float("nan"),
    float("inf"), "", "0", "x", "9" * 4000, "-1", "\0", "\x1b[2J", b"",
    b"\xff" * 9, [], {}, [[]], [0], [1, 2, 3], [[1, 0, 5]], [[0, -1, 9]],
    [[1, 1, 2**53]], {"int": "x"}, {"object": ["x", {}]}, {"float": "nan"},
    {"int": "9" * 4000}, {"": 0}, _deep(),
    {"object": ["rally.task.results.distribution.Distribution", {}]},
)
#: msgpack that claims more than it holds, and nesting without an end
RAW = (
    b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01", b"\xc1",
    b"\x91" * DEEP, b"\x81\xa1a" * DEEP, b"\xd8\x00" + bytes(16), b"\xa1\xff",
)


class Mutator:
    """Makes inputs for one target; the same seed makes the same ones."""

    def __init__(self, target: str, seed: int) -> None:
        self._random = random.Random("%s %d" % (target, seed))
        self._is_zipped = target == "chunk"
        self._is_structured = target not in ("spool", "spool_folder")
        self._is_sealed = target == "spool"
        self._seeds = seeds.of(target)

    def make(self) -> bytes:
        """One input."""
        return self.change(self._random.choice(self._seeds))

    def reseed(self, seed: int) -> None:
        self._random.seed(seed)

    def change(self, data: bytes) -> bytes:
        """*data*, damaged; its structure only if it has one."""
        if self._is_structured and self._random.random() < 0.6:
            with contextlib.suppress(
                msgspec.MsgspecError, ValueError, RecursionError,
                TypeError, packed.ChunkError,
            ):
                return self._restructured(data)
        for _ in range(self._random.choice((0, 1, 1, 1, 2, 8))):
            data = self._damaged(data)
        if self._is_sealed and self._random.random() < 0.5:
            data = seeds.sealed(data)
        return data

    # ---- bytes

    def _damaged(self, data: bytes) -> bytes:
        at = self._random.randrange(len(data) + 1)
        end = min(len(data), at + self._random.choice((0, 1, 1, 4, 32)))
        match self._random.randrange(6):
            case 0:
                return data[:at]
            case 1 if at < len(data):
                flipped = data[at] ^ (1 << self._random.randrange(8))
                return data[:at] + bytes([flipped]) + data[at + 1:]
            case 2:
                other = self._random.choice(self._seeds)
                start = self._random.randrange(len(other) + 1)
                return data[:at] + other[start:]
            case 3:
                return data[:at] + self._random.choice(RAW) + data[end:]
            case 4:
                count = self._random.choice((1, 2, 9, 100))
                return data[:at] + self._random.randbytes(count) + data[end:]
        return data[:at] + data[at:end] * 3 + data[end:]

    # ---- structure

    def _restructured(self, data: bytes) -> bytes:
        if self._is_zipped:
            data = packed.decompress(data)
        tree = _decode(data)
        for _ in range(self._random.choice((1, 1, 2, 5))):
            tree = self._changed(tree)
        data = _encode(tree)
        return packed.compress(data) if self._is_zipped else data

    def _changed(self, value: t.Any) -> t.Any:
        """*value* with something inside it replaced, removed or repeated."""
        if isinstance(value, dict) and value and self._goes_on():
            key = self._random.choice(list(value))
            changed = dict(value)
            if self._random.random() < 0.05:
                changed[self._hostile_key()] = changed.pop(key)
            elif self._random.random() < 0.05:
                del changed[key]
            else:
                changed[key] = self._changed(value[key])
            return changed
        if isinstance(value, list) and value and self._goes_on():
            at = self._random.randrange(len(value))
            if self._random.random() < 0.1:
                return value[:at] + value[at:at + 1] * 3 + value[at + 1:]
            return [
                *value[:at], self._changed(value[at]), *value[at + 1:]
            ]
        if isinstance(value, bytes) and value and self._goes_on():
            return self._damaged(value)
        if type(value) is int and self._random.random() < 0.6:
            return self._near(value)
        return self._random.choice(HOSTILE)

    def _goes_on(self) -> bool:
        return self._random.random() < 0.95

    def _hostile_key(self) -> t.Any:
        keys = [x for x in HOSTILE if isinstance(x, (str, int))]
        return self._random.choice(keys)

    def _near(self, value: int) -> int:
        shift = self._random.choice((-1, 1, 1000, -10**9, 10**18))
        return max(-(2**63), min(2**64 - 1, value + shift))
