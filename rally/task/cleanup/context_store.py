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

"""What clean-ups need, kept on the controller's host until they are done.

Set-ups put what they made into the context object, credentials included. If
the controller dies, ``rally task recover`` needs it, so it is written after
each set-up: one file per workload, encrypted and authenticated (AES-256-GCM)
with a key of its own that is neither in the database nor in the file. The
uuid of the workload is authenticated, too: no file passes for another one.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import typing as t

import msgspec

from rally import exceptions
from rally.common import logging, private_files
from rally.task.serialization import context_codec

if t.TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import aead

LOG = logging.getLogger(__name__)

#: first byte of each file, authenticated with the rest
VERSION = b"\x01"
KEY_BITS = 256
NONCE_BYTES = 12
#: what a recovery makes anew
NOT_KEPT = frozenset({"task"})
#: attributes that the base class gives a context
OF_ALL_CONTEXTS = frozenset(
    {"context", "task", "env", "config", "_atomic_actions"}
)


def _invalid_tag() -> type[Exception]:
    from cryptography import exceptions as crypto_exceptions

    return crypto_exceptions.InvalidTag


class ContextsNotKept(exceptions.RallyException):
    error_code = 180
    msg_fmt = (
        "What the set-ups of workload %(workload)s recorded cannot be read "
        "from %(path)s: %(reason)s. Clean-ups that need it do not know what "
        "to delete, so they count as failed. Run `rally task recover` on the "
        "host and as the user that ran the task; if the file or its key is "
        "lost, delete by hand what bears the name of the workload."
    )


class ContextKeyExposed(exceptions.RallyException):
    error_code = 181
    msg_fmt = (
        "Key %(path)s is readable by other users (mode %(mode)o), so any of "
        "them could read the credentials that contexts keep for their "
        "clean-up. Run `chmod 600 %(path)s`; if somebody may have copied it, "
        "remove it once no task waits for `rally task recover`."
    )


class Kept(msgspec.Struct, frozen=True):
    """The content of a file."""

    #: full names of the contexts whose set-up had ended, well or not
    contexts: list[str]
    #: the context object, as ``context_codec`` has it
    shared: t.Any
    #: by full name: attributes that the set-up of a context gave it
    own: dict[str, t.Any]
    #: what cannot be kept, as sentences
    omitted: list[str]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Kept)


class ContextStore:
    """The file of one workload."""

    def __init__(self, workload_uuid: str) -> None:
        home = pathlib.Path.home() / ".rally"
        self._uuid = workload_uuid
        self.path = home / "contexts" / workload_uuid
        self.key_path = home / "keys" / "contexts.key"

    def keep(
        self,
        contexts: t.Sequence[str],
        shared: t.Mapping[str, t.Any],
        own: t.Mapping[str, t.Any],
    ) -> list[str]:
        """Write or replace the file; it is durable when this returns.

        :param contexts: full names of those whose set-up has ended
        :param shared: the context object
        :param own: plain attributes of contexts by full name
        :returns: what cannot be kept, as sentences
        :raises OSError: it cannot be written; the earlier one still is there
        :raises ContextKeyExposed: the key is nobody's secret
        """
        problems: list[t.Any] = []
        plain = context_codec.to_plain(
            {k: v for k, v in shared.items() if k not in NOT_KEPT},
            "context", problems,
        )
        omitted = list(map(str, problems))
        data = _ENCODER.encode(Kept(list(contexts), plain, dict(own), omitted))
        for folder in (self.path.parent, self.key_path.parent):
            private_files.make_folder(folder)
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, data, self._bound_to)
        private_files.write(self.path, [VERSION, nonce, sealed])
        return omitted

    @staticmethod
    def attributes_of(ctx: t.Any) -> dict[str, t.Any]:
        """Attributes of a context that can be kept whole, plain.

        Clients and connections cannot, and a half of one is worth nothing.
        """
        found = {}
        for name, value in vars(ctx).items():
            if name in OF_ALL_CONTEXTS:
                continue
            problems: list[t.Any] = []
            try:
                plain = context_codec.to_plain(value, name, problems)
            except Exception:  # methods of plugins' classes
                LOG.debug("Attribute %s is not kept", name, exc_info=True)
                continue
            if not problems:
                found[name] = plain
        return found

    def read(self) -> Kept:
        """What ``keep`` wrote last, with *shared* and *own* as they were.

        :raises ContextsNotKept: it is not there, or not to be trusted
        """
        try:
            sealed = self.path.read_bytes()
            if not self.key_path.exists():
                raise FileNotFoundError("its key, %s, is missing"
                                        % self.key_path)
            nonce = sealed[1 : 1 + NONCE_BYTES]
            if sealed[:1] != VERSION or len(nonce) < NONCE_BYTES:
                raise ValueError("it was not written by this version")
            kept = _DECODER.decode(self._cipher().decrypt(
                nonce, sealed[1 + NONCE_BYTES :], self._bound_to
            ))
            return Kept(
                kept.contexts,
                context_codec.from_plain(kept.shared),
                {name: context_codec.from_plain(each)
                 for name, each in kept.own.items()},
                kept.omitted,
            )
        except _invalid_tag():
            reason = "it was changed, or written with another key"
        except (OSError, ValueError, exceptions.RallyException) as e:
            reason = getattr(e, "strerror", None) or str(e)
        raise ContextsNotKept(
            workload=self._uuid, path=self.path, reason=reason
        )

    def forget(self) -> None:
        """All is cleaned up: remove the file."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
            private_files.sync_folder(self.path.parent)

    @property
    def _bound_to(self) -> bytes:
        return VERSION + self._uuid.encode()

    def _cipher(self) -> aead.AESGCM:
        from cryptography.hazmat.primitives.ciphers import aead

        if not self.key_path.exists():
            private_files.create(  # if nobody else has made it meanwhile
                self.key_path, aead.AESGCM.generate_key(KEY_BITS)
            )
        with open(self.key_path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & private_files.FOR_OTHERS:
                raise ContextKeyExposed(path=self.key_path, mode=mode)
            return aead.AESGCM(file.read(KEY_BITS // 8 + 1))
