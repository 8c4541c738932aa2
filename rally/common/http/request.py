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

"""From the arguments of a request to options of libcurl, once for many."""

from __future__ import annotations

import functools
import os
import pathlib
import ssl
import typing as t

import certifi
import pycurl

from rally.common import version
from rally.common.http import arguments, errors, template
from rally.common.http import memo as memo_module

#: options by their number in pycurl; None: as a new handle has it
CurlOptions: t.TypeAlias = dict[int, t.Any]

_BODIES = ("text", "json", "file", "form", "size")
#: values as they are in a request without arguments; each request says all
#: of them, so that nothing is left of the one before
_VERSIONS: t.Mapping[str, int] = {
    "auto": pycurl.CURL_HTTP_VERSION_2TLS,
    "1.0": pycurl.CURL_HTTP_VERSION_1_0,
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2_0,
    "2-only": pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
}
#: libcurl 8.16 and later: a redirect changes a method as its status says
_OBEY_STATUS = 2


class Body(t.NamedTuple):
    """Method and body, which libcurl has several options for."""

    method: str
    data: str | bytes | template.Template | None


class Prepared:
    """A request, ready to be made any number of times."""

    __slots__ = (
        "method", "url", "max_size", "has_cert", "_options", "_varying",
        "_body",
    )

    def __init__(
        self, method: str, url: str | template.Template,
        options: CurlOptions, body: Body, max_size: int,
    ) -> None:
        self.method = method
        self.max_size = max_size
        self.url = url
        self._options = options
        self._body = body
        self.has_cert = options[pycurl.SSLCERT] is not None
        self._varying = [
            option for option, value in options.items() if _varies(value)
        ]

    def bound(
        self, values: template.Values | None = None
    ) -> tuple[CurlOptions, Body]:
        """Options and body with *values* in their places.

        They are the same objects each time if nothing varies.
        """
        options, body = self._options, self._body
        if self._varying:
            options = dict(options)
            for option in self._varying:
                options[option] = _filled(options[option], values or {})
        if isinstance(body.data, template.Template):
            body = body._replace(data=body.data.fill(values or {}).encode())
        return options, body


def _varies(value: t.Any) -> bool:
    if isinstance(value, list):
        return any(map(_varies, value))
    return isinstance(value, template.Template)


def _filled(value: t.Any, values: template.Values) -> t.Any:
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if isinstance(value, template.Template):
        return value.fill(values)
    return value


def prepare(
    method: str, url: str, options: arguments.Options,
    is_template: bool = False,
) -> Prepared:
    """Turn arguments into options.

    :param is_template: whether ``{name}`` is a place for a value
    :raises HttpArgumentError: something is wrong with them
    """
    return _Preparation(method, url, options, is_template).prepared()


def remembered(
    memo: memo_module.Memo, method: str, url: str, options: arguments.Options
) -> Prepared:
    """Like ``prepare``, of what was prepared a moment ago."""
    if "file" in options:  # it may have another content now
        return prepare(method, url, options)
    return t.cast(Prepared, memo.of(
        (method, url, options), lambda: prepare(method, url, options)
    ))


class _Preparation:
    """One request on its way to libcurl."""

    def __init__(
        self, method: str, url: str, options: arguments.Options,
        is_template: bool,
    ) -> None:
        unknown = sorted(set(options) - set(_known_options()))
        if unknown:
            raise errors.HttpArgumentError(
                reason="there is no option %s; there are %s"
                % (", ".join(unknown), ", ".join(_known_options()))
            )
        self._method = method.upper()
        self._url = url
        self._given = options
        self._parse = template.parse if is_template else _no_template
        self._of_json = template.of_json if is_template else _as_json

    def prepared(self) -> Prepared:
        given = self._given
        data, content_type = self._body()
        url = self._full_url()
        options: CurlOptions = {
            pycurl.URL: url,
            pycurl.HTTPHEADER: self._headers(content_type),
            pycurl.COOKIE: self._cookies(),
            **self._auth(),
            **self._tls(),
            pycurl.PROXY: given.get("proxy"),
            pycurl.HTTP_VERSION: _version(given.get("http_version", "auto")),
            **_redirects(given.get("redirects", arguments.REDIRECTS)),
            pycurl.TIMEOUT_MS: _ms(given, "timeout", arguments.TIMEOUT_S),
            pycurl.CONNECTTIMEOUT_MS: _ms(
                given, "connect_timeout", arguments.CONNECT_TIMEOUT_S
            ),
            pycurl.FRESH_CONNECT: int(given.get("new_connection", False)),
            pycurl.FORBID_REUSE: int(given.get("new_connection", False)),
            # the empty text stands for all that libcurl can decode
            pycurl.ACCEPT_ENCODING:
                "" if given.get("compressed", True) else None,
        }
        return Prepared(
            self._method, url, options, Body(self._method, data),
            given.get("max_size", arguments.MAX_SIZE_BYTES),
        )

    def _full_url(self) -> str | template.Template:
        parse = self._parse
        parts = [parse(self._url, template.in_url)]
        separator = "&" if "?" in self._url else "?"
        for name, value in self._given.get("params", {}).items():
            for item in value if isinstance(value, list) else [value]:
                parts += [
                    separator, template.in_form(name), "=",
                    parse(
                        template.plain(item), template.in_form,
                        template.in_form,
                    ),
                ]
                separator = "&"
        return template.join(parts)

    def _headers(
        self, content_type: str | None
    ) -> list[str | template.Template]:
        # no request waits for a server to say that it may go on
        given = {"Expect": "", "User-Agent": _user_agent()}
        if content_type:
            given["Content-Type"] = content_type
        bearer = self._given.get("auth", {}).get("bearer")
        if bearer is not None:
            # libcurl sends it to no other host that a redirect leads to
            given["Authorization"] = template.in_header("Bearer " + bearer)
        names = {name.lower(): name for name in given}
        for name, value in self._given.get("headers", {}).items():
            given.pop(names.get(name.lower(), ""), None)
            given[name] = template.in_header(value)
        return [
            self._parse(
                # the semicolon: a header without a value, not without itself
                "%s: %s" % (name, value) if value or name == "Expect"
                else name + ";", template.in_header,
            )
            for name, value in given.items()
        ]

    def _cookies(self) -> str | template.Template | None:
        cookies = self._given.get("cookies")
        if not cookies:
            return None
        return self._parse(
            "; ".join(
                "%s=%s" % (name, template.in_header(value))
                for name, value in cookies.items()
            ),
            template.in_header,
        )

    def _auth(self) -> CurlOptions:
        auth = self._given.get("auth", {})
        if len(auth) > 1:
            raise errors.HttpArgumentError(
                reason="`auth` takes either `basic` or `bearer`"
            )
        basic = auth.get("basic")
        if basic is None:
            return {pycurl.USERNAME: None, pycurl.PASSWORD: None}
        return {
            pycurl.USERNAME: self._parse(basic["user"], template.plain),
            pycurl.PASSWORD: self._parse(basic["password"], template.plain),
        }

    def _tls(self) -> CurlOptions:
        cert: t.Any = self._given.get("cert")
        verify = self._given.get("verify", True)
        pair = [cert, None] if isinstance(cert, (str, type(None))) else cert
        paths = [p and os.path.expanduser(p) for p in pair]
        return {
            pycurl.SSLCERT: paths[0],
            pycurl.SSLKEY: paths[1] or paths[0],
            pycurl.SSL_VERIFYPEER: int(bool(verify)),
            pycurl.SSL_VERIFYHOST: 2 if verify else 0,
            pycurl.CAINFO: (
                os.path.expanduser(verify) if isinstance(verify, str)
                else _authorities()
            ),
        }

    def _body(self) -> tuple[str | bytes | template.Template | None, str]:
        """The body, and its type if its kind has one."""
        given = self._given
        kinds = [kind for kind in _BODIES if kind in given]
        if not kinds:
            return None, ""
        if len(kinds) > 1:
            raise errors.HttpArgumentError(
                reason="it has several bodies: %s" % ", ".join(kinds)
            )
        if kinds == ["text"]:
            text = self._parse(given["text"], template.plain)
            return _encoded(text), "text/plain; charset=utf-8"
        if kinds == ["json"]:
            return _encoded(self._of_json(given["json"])), "application/json"
        if kinds == ["form"]:
            return self._form(), "application/x-www-form-urlencoded"
        octets = "application/octet-stream"
        if kinds == ["file"]:
            return _content_of(given["file"]), octets
        return generated(given["size"]), octets

    def _form(self) -> bytes | template.Template:
        texts: list[str | template.Template] = []
        for name, value in self._given["form"].items():
            texts += ["&"] * bool(texts) + [
                template.in_form(name), "=",
                self._parse(
                    template.plain(value), template.in_form, template.in_form
                ),
            ]
        return _encoded(template.join(texts))


@functools.cache
def _known_options() -> tuple[str, ...]:
    return tuple(arguments.Options.__annotations__)


@functools.cache
def _user_agent() -> str:
    return "rally/%s" % version.version_string()


@functools.cache
def _authorities() -> str:
    """The file of certificate authorities that this host trusts."""
    found = ssl.get_default_verify_paths().cafile
    return found or certifi.where()


def _no_template(
    text: str, encode_value: t.Any, encode_text: t.Any = template.plain
) -> str:
    return t.cast(str, encode_text(text))


def _as_json(document: t.Any) -> str:
    return template.json.dumps(document)


def _encoded(
    text: str | template.Template
) -> bytes | template.Template:
    return text.encode() if isinstance(text, str) else text


def _content_of(path: str) -> bytes:
    try:
        return pathlib.Path(path).expanduser().read_bytes()
    except OSError as e:
        raise errors.HttpArgumentError(
            reason="the file of its body cannot be read: %s" % e
        ) from e


@functools.lru_cache(maxsize=4)
def generated(size: int) -> bytes:
    """A body of *size* bytes; all threads share it.

    :raises HttpArgumentError: it is too large to be held
    """
    if not 0 <= size <= arguments.MAX_GENERATED_BYTES:
        raise errors.HttpArgumentError(
            reason="a body of %d bytes cannot be made up, only of 0 to %d"
            % (size, arguments.MAX_GENERATED_BYTES)
        )
    return bytes(range(256)) * (size // 256) + bytes(range(size % 256))


def _version(name: str) -> int:
    if name not in _VERSIONS:
        raise errors.HttpArgumentError(
            reason="there is no http_version %r; there are %s"
            % (name, ", ".join(_VERSIONS))
        )
    return _VERSIONS[name]


def _redirects(most: int) -> CurlOptions:
    return {
        pycurl.FOLLOWLOCATION: _OBEY_STATUS if most else 0,
        pycurl.MAXREDIRS: int(most),
    }


def _ms(given: arguments.Options, name: str, default_s: float) -> int:
    value_s = t.cast(float, given.get(name, default_s))
    if value_s <= 0:
        raise errors.HttpArgumentError(
            reason="%s is %s s, but has to be above 0" % (name, value_s)
        )
    return max(1, round(value_s * 1000))
