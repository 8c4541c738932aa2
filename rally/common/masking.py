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


"""Hiding passwords and the like from whoever reads over a shoulder.

What is shown to people goes through ``masked`` if it is data, and through
``masked_text`` if it is a sentence or a traceback that may quote such data.
"""

from __future__ import annotations

import collections.abc
import re
import typing as t

MASK = "***"

#: a secret that is shorter may be any part of any word
SHORTEST_QUOTED = 4

_SECRET_KEY = re.compile(
    r"passw(or)?d|passphrase|secret|token|hmac|credential|conn_str"
    r"|(^|_)(pass|pwd|auth)$|(private|api|access|account|storage)_?key"
    r"|(^|_)key(_data)?$"
)
#: ... unless it names what is no secret at all
_OPEN_KEY = re.compile(r"public|(_|^)(file|path|ttl|timeout|url|expir\w*)$")
#: a file name, which is not what the file holds
_PATH = re.compile(r"(~|\.{0,2})/\S*|[\w.-]+\.(pem|key|crt|cert)")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?"
    r"(-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
#: user and password between the scheme and the host of a URL
_USERINFO = re.compile(r"(?<=://)[^/\s?#'\"]+@")
_WORD = r"(?:\w*(?:passw(?:or)?d|secret|token|hmac_key|api_?key)\w*)"
#: how text quotes a pair: "password": "x", 'password': 'x', password=x
_QUOTED_PAIR = re.compile(
    r"((['\"])%s\2\s*[:=]\s*)(['\"])(?:(?!\3).)*\3" % _WORD, re.IGNORECASE
)
_BARE_PAIR = re.compile(r"(\b%s=)[^\s&;,'\")]+" % _WORD, re.IGNORECASE)


def masked(value: t.Any) -> t.Any:
    """A copy of *value*, of plain data, with its secrets hidden.

    What is secret shows in the key: a password, a token, the contents of a
    key. User and password of URLs and private keys are hidden wherever they
    are. Nothing, booleans and the names of files stay as they are.
    """
    return _masked(value, is_secret=False)


def masked_text(text: str, secrets: t.Iterable[str] = ()) -> str:
    """*text* with the secrets hidden that it quotes.

    :param secrets: what else must not be shown, see ``secrets_of``
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _PRIVATE_KEY.sub(MASK, text)
    text = _USERINFO.sub(MASK + "@", text)
    text = _QUOTED_PAIR.sub(r"\1\3%s\3" % MASK, text)
    return _BARE_PAIR.sub(r"\1%s" % MASK, text)


def secrets_of(*values: t.Any) -> set[str]:
    """What ``masked`` hides of *values*, to be hidden in text as well.

    A password that is also an open value, such as the name of its user, is
    not among them: without it no sentence about that user could be read.
    """
    secrets: set[str] = set()
    open_values: set[str] = set()
    for value in values:
        _collect(value, False, secrets, open_values)
    return {
        secret for secret in secrets - open_values
        if len(secret) >= SHORTEST_QUOTED
    }


def _masked(value: t.Any, is_secret: bool) -> t.Any:
    if isinstance(value, collections.abc.Mapping):
        return {
            key: _masked(each, is_secret or _is_secret(key, each))
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_masked(each, is_secret) for each in value]
    if is_secret and _can_be_secret(value):
        return MASK
    if isinstance(value, str):
        return masked_text(value)
    return value


def _collect(
    value: t.Any, is_secret: bool, secrets: set[str], open_values: set[str]
) -> None:
    if isinstance(value, collections.abc.Mapping):
        for key, each in value.items():
            _collect(
                each, is_secret or _is_secret(key, each), secrets,
                open_values,
            )
    elif isinstance(value, (list, tuple)):
        for each in value:
            _collect(each, is_secret, secrets, open_values)
    elif _can_be_secret(value):
        (secrets if is_secret else open_values).add(str(value))


def _is_secret(key: t.Any, value: t.Any) -> bool:
    name = str(key).lower().replace("-", "_")
    if isinstance(value, str) and _PATH.fullmatch(value):
        # what is called a password is one even if it looks like a path
        return bool(re.search(r"passw(or)?d|secret|token", name))
    return bool(_SECRET_KEY.search(name)) and not _OPEN_KEY.search(name)


def _can_be_secret(value: t.Any) -> bool:
    return value is not None and value != "" and not isinstance(value, bool)
