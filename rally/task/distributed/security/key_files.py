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

"""The text of key files, and reading a secret one safely.

A key file is a few lines ``name = value``; lines that begin with ``#`` are
for people. No value is ever logged.
"""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

import zmq

from rally import exceptions
from rally.common import private_files

MAX_BYTES = 65536


class SecretKeyExposed(exceptions.RallyException):
    error_code = 250
    msg_fmt = (
        "Secret key %(path)s is readable by other users (mode %(mode)o), so "
        "any of them can pose as its owner. Run `chmod 600 %(path)s`, or "
        "make a new one if the file was shared: with `rally agent "
        "authorize`, or with `rally agent invite` if it is a join token."
    )


class KeyFileMissing(exceptions.RallyException):
    error_code = 251
    msg_fmt = (
        "Key file %(path)s cannot be read (%(reason)s). An agent proves its "
        "identity with it, so it cannot join without it. Run `rally agent "
        "authorize NAME > NAME.key` on the controller, copy the file to this "
        "node, and run `chmod 600` on it."
    )


class KeyFileMalformed(exceptions.RallyException):
    error_code = 252
    msg_fmt = (
        "Key file %(path)s cannot be used: %(reason)s. Without an intact key "
        "no connection can be protected. Replace it with a new one: "
        "`rally agent authorize NAME > NAME.key` on the controller."
    )


class KeyFolderUnusable(exceptions.RallyException):
    error_code = 147
    msg_fmt = (
        "Key folder %(path)s cannot be used: %(reason)s. It holds the "
        "controller's secret key and says which agents may join. Make it a "
        "folder that only you can write to: `chmod 700 %(path)s`."
    )


def render(comments: t.Iterable[str], values: t.Mapping[str, str]) -> str:
    """Text of a key file."""
    lines = ["# %s" % line for line in comments]
    lines.extend("%s = %s" % item for item in values.items())
    return "\n".join(lines) + "\n"


def parse(
    path: pathlib.Path, data: bytes, wanted: t.Collection[str]
) -> dict[str, str]:
    """Inverse of ``render``.

    :param wanted: names that must be there, each once
    :raises KeyFileMalformed: *data* is not such a text
    """
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise malformed(path, "it is not a text file") from None
    values: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, separator, value = line.partition(" = ")
        if not separator or name in values:
            raise malformed(path, "line %d is not understood" % number)
        values[name] = value.strip()
    missing = sorted(set(wanted) - set(values))
    if missing:
        raise malformed(path, "it has no %s" % " and no ".join(missing))
    return values


def malformed(path: pathlib.Path, reason: str) -> KeyFileMalformed:
    return KeyFileMalformed(path=path, reason=reason)


def read_secret(path: pathlib.Path) -> bytes:
    """Content of a secret key file.

    The checks are made on the open file, so that it cannot be exchanged
    between check and use.

    :raises KeyFileMissing: it cannot be opened
    :raises KeyFileMalformed: it is not a small regular file
    :raises SecretKeyExposed: others may read it
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise KeyFileMissing(path=path, reason=error.strerror) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise malformed(path, "it is not a small regular file")
        mode = stat.S_IMODE(status.st_mode)
        if mode & private_files.FOR_OTHERS and not _is_credential(path, mode):
            raise SecretKeyExposed(path=path, mode=mode)
        return file.read(MAX_BYTES)


def _is_credential(path: pathlib.Path, mode: int) -> bool:
    """Whether it was given to this service by systemd, see systemd.exec(5).

    Such a file is of root, and the user of the service may read it by an ACL,
    the mask of which is shown as the permission of the group.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    is_there = folder is not None and path.parent == pathlib.Path(folder)
    return is_there and not mode & (private_files.FOR_OTHERS ^ stat.S_IRGRP)


def check_pair(path: pathlib.Path, public: str, secret: str) -> None:
    """Refuse a public key that does not belong to the secret key.

    :raises KeyFileMalformed: it does not, or one of them is not a key
    """
    check_public(path, public)
    try:
        derived = zmq.curve_public(secret.encode("ascii")).decode("ascii")
    except (ValueError, zmq.ZMQError):
        raise malformed(path, "its secret key is not a key") from None
    if derived != public:
        raise malformed(path, "its secret and public key do not match")


def check_public(path: pathlib.Path, public: str) -> None:
    """Refuse what cannot be a public key.

    :raises KeyFileMalformed: *public* is not 40 characters of Z85
    """
    if not is_key(public):
        raise malformed(path, "its public key is not a key")


def is_key(public: str) -> bool:
    """Whether *public* can be a public key."""
    # deriving from it is how libzmq itself checks the alphabet
    try:
        zmq.curve_public(public.encode("ascii"))
    except (ValueError, zmq.ZMQError):
        return False
    return True
