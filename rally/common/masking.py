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
import json
import re
import typing as t
import urllib.parse

MASK = "***"

#: a secret that is shorter may be any part of any word
SHORTEST_QUOTED = 4

_SECRET_KEY = re.compile(
    r"passw(or)?d|passphrase|secret|token|hmac|credential|conn_str"
    r"|(^|_)(pass|pwd|auth|authorization)$"
    r"|(private|api|access|account|storage)_?key|(^|_)key(_data)?$"
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
#: a name and what separates it from its value, in any of the ways in which
#: text shows a pair: "name": 'name': name=, name: or, in a header, Na-me:
_NAME = re.compile(
    r"""(?P<quote>\\?["'])(?P<quoted>[\w. -]+)(?P=quote)\s*[:=]\s*"""
    r"|(?:(?P<indent>^[ \t>*-]*)|(?<![\w-])-*)(?P<bare>\w[\w-]*)"
    r"(?P<separator>[ \t]*(?:=(?!=)|:(?![:=]|//))[ \t]*)",
    re.MULTILINE,
)
#: a value in quotes, which may hold quotes that are escaped, or that are seen
#: to be inner ones by the letter after them; the second form is that of JSON
#: within a string, where the quotes themselves are escaped. No character fits
#: two alternatives: text of backslashes would take exponential time.
_QUOTED = re.compile(
    r"""(?P<open>[bu]?(?P<quote>["']))"""
    r"(?P<value>(?:\\.|(?!(?P=quote))[^\\]|(?P=quote)(?=\w))*)"
    r"(?P=quote)(?!\w)"
    r"""|\\(?P<quote2>["'])"""
    r"(?P<value2>(?:\\\\(?:\\.|[^\\])|\\(?!\\|(?P=quote2)).|[^\\])*)"
    r"\\(?P=quote2)",
    re.DOTALL,
)
#: one word, or two as in "Authorization: Basic Ym9i", or the line if the text
#: was cut before a quote ends; what opens a list or a mapping is no value,
#: since the pairs in it are looked at one by one
_WORD = re.compile(
    r"""(?![\[{(](?:["'\s\[\]{}()]|$))"""
    r"""(?:[bu]?\\?["'].+|(?:(?:basic|bearer|digest|negotiate)[ ]+)?"""
    r"""[^\s&;,'")]*[^\s&;,'")\\\]}])""",
    re.IGNORECASE,
)
_REST_OF_LINE = re.compile(_WORD.pattern + r"(?:.*\S)?", re.IGNORECASE)
#: as data these name secrets, but sentences say "Unknown key: users", and
#: "TokenExpired: ..." is an exception and its message
_NO_SECRET = re.compile(
    r"(?i:key|auth|pass|credentials?)|[A-Z][A-Za-z]*[a-z][A-Z][A-Za-z]*"
)
_CONSTANT = re.compile(r"none|null|true|false", re.IGNORECASE)


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
    spelled = {each for secret in secrets for each in _spellings(secret)}
    # the longest first: a short one may be a part of it
    for each in sorted(spelled, key=len, reverse=True):
        text = text.replace(each, MASK)
    text = _PRIVATE_KEY.sub(MASK, text)
    text = _USERINFO.sub(MASK + "@", text)
    return _mask_pairs(text)


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


def _spellings(secret: str) -> set[str]:
    """*secret* as it is and as text shows it that quotes it, even twice."""
    spelled = {secret}
    for _ in range(2):
        spelled |= {
            form for each in spelled for form in (
                repr(each)[1:-1],
                # the same between single quotes, whatever it holds
                repr('"' + each)[2:-1],
                json.dumps(each)[1:-1],
                json.dumps(each, ensure_ascii=False)[1:-1],
                urllib.parse.quote(each, safe="", errors="surrogatepass"),
            )
        }
    return spelled


def _mask_pairs(text: str) -> str:
    shown: list[str] = []
    end = 0
    for name in _NAME.finditer(text):
        # what looks like a name may be a part of a value that is hidden
        if name.start() < end or not _may_tell_secret(name):
            continue
        value = _value_of(name)
        if value is not None:
            start, stop = value
            shown += [text[end:start], MASK]
            end = stop
    return "".join(shown) + text[end:]


def _may_tell_secret(name: re.Match[str]) -> bool:
    can_be_sentence = name["bare"] and name["separator"] != "="
    if can_be_sentence and _NO_SECRET.fullmatch(name["bare"]):
        return False
    return _is_secret(name["quoted"] or name["bare"], None)


def _value_of(name: re.Match[str]) -> tuple[int, int] | None:
    """Where the secret is that *name* tells; None if there is none."""
    text, start = name.string, name.end()
    quoted = _QUOTED.match(text, start)
    if quoted:
        group = "value" if quoted["open"] else "value2"
        value, span = quoted[group], quoted.span(group)
    else:
        bare = _bare_value(name)
        if bare is None or _CONSTANT.fullmatch(bare[0]):
            return None
        value, span = bare[0].split()[0], bare.span()
    is_secret = _is_secret(name["quoted"] or name["bare"], value)
    return span if value and is_secret else None


def _bare_value(name: re.Match[str]) -> re.Match[str] | None:
    # a pair of YAML and a header end with their line, a password in them may
    # hold blanks; within a sentence the next word is one of the sentence
    has_line = name["indent"] is not None and ":" in name["separator"]
    pattern = _REST_OF_LINE if has_line else _WORD
    return pattern.match(name.string, name.end())


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
