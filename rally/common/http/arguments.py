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

"""The arguments of a request: for the client and for task files."""

from __future__ import annotations

import typing as t

import typing_extensions as te

from rally.utils import typeutils

Scalar: t.TypeAlias = str | int | float | bool

METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
)
HttpVersion: t.TypeAlias = t.Literal["auto", "1.0", "1.1", "2", "2-only"]

#: how a request is made unless its arguments say otherwise
TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10.0
REDIRECTS = 10
MAX_SIZE_BYTES = 64 << 20
MAX_GENERATED_BYTES = 256 << 20


def _meaning(description: str) -> typeutils.Field:
    return typeutils.Field(description=description)


class BasicAuth(te.TypedDict, closed=True):  # type: ignore[call-arg]
    user: te.Required[t.Annotated[str, _meaning("Name of the user.")]]
    password: te.Required[t.Annotated[str, _meaning("The password.")]]


class Auth(te.TypedDict, total=False, closed=True):  # type: ignore[call-arg]
    """Exactly one of both."""

    basic: t.Annotated[BasicAuth, _meaning("User and password.")]
    bearer: t.Annotated[str, _meaning("A token.")]


class Options(te.TypedDict, total=False):
    """All that a request may have beside its method and URL.

    At most one of ``text``, ``json``, ``file``, ``form`` and ``size`` is
    its body.
    """

    params: t.Annotated[
        dict[str, Scalar | list[Scalar]],
        _meaning("Added to the query of the URL."),
    ]
    headers: t.Annotated[
        dict[str, str], _meaning("Headers beside those that are always sent.")
    ]
    cookies: t.Annotated[
        dict[str, str],
        _meaning("Cookies beside those that servers have set."),
    ]
    text: t.Annotated[str, _meaning("A text as the body.")]
    json: t.Annotated[t.Any, _meaning("A document as the body.")]
    file: t.Annotated[
        str,
        _meaning("Path of a file to send, on the host that makes the "
                 "request."),
    ]
    form: t.Annotated[
        dict[str, Scalar], _meaning("Fields of a form as the body.")
    ]
    size: t.Annotated[int, _meaning("A made-up body of so many bytes.")]
    auth: t.Annotated[Auth, _meaning("Who asks; exactly one of both.")]
    cert: t.Annotated[
        str | list[str],
        _meaning("File of a certificate with its key, or a list of both."),
    ]
    verify: t.Annotated[
        bool | str,
        _meaning("false takes any certificate of the server; or a file of "
                 "authorities (true by default)."),
    ]
    proxy: t.Annotated[
        str,
        _meaning("URL of a proxy; empty for none, whatever the environment "
                 "says."),
    ]
    http_version: t.Annotated[
        HttpVersion,
        _meaning("auto, the default, is 2 with TLS if the server can."),
    ]
    redirects: t.Annotated[
        int, _meaning("How many are followed (%d by default)." % REDIRECTS)
    ]
    timeout: t.Annotated[
        float,
        _meaning("Seconds until the end of the answer (%g by default)."
                 % TIMEOUT_S),
    ]
    connect_timeout: t.Annotated[
        float,
        _meaning("Seconds until there is a connection (%g by default)."
                 % CONNECT_TIMEOUT_S),
    ]
    max_size: t.Annotated[
        int,
        _meaning("Bytes that a decompressed body may have; beyond, the "
                 "request fails (%d by default)." % MAX_SIZE_BYTES),
    ]
    new_connection: t.Annotated[
        bool, _meaning("Whether to open a connection for this request.")
    ]
    compressed: t.Annotated[
        bool, _meaning("Whether to ask for a compressed answer.")
    ]


class HeaderCheck(
    te.TypedDict, total=False, closed=True  # type: ignore[call-arg]
):
    equals: str
    matches: str  # a regular expression that is found in it
    present: bool


class SizeCheck(
    te.TypedDict, total=False, closed=True  # type: ignore[call-arg]
):
    min: t.Annotated[int, _meaning("Bytes, decompressed.")]
    max: t.Annotated[int, _meaning("Bytes, decompressed.")]


Status: t.TypeAlias = int | str


class Expectation(
    te.TypedDict, total=False, closed=True  # type: ignore[call-arg]
):
    """What an answer has to be; else the iteration fails."""

    status: t.Annotated[
        Status | list[Status],
        _meaning("200, `2xx`, or a list of such (below 400 by default)."),
    ]
    headers: t.Annotated[
        dict[str, str | HeaderCheck],
        _meaning("Name of a header, and its value, or one of equals, matches "
                 "(a regular expression) and present (true or false)."),
    ]
    text: t.Annotated[
        str | list[str], _meaning("What the body contains; each of a list.")
    ]
    regex: t.Annotated[
        str | list[str],
        _meaning("A regular expression found in the body; each of a list."),
    ]
    json: t.Annotated[
        dict[str, t.Any],
        _meaning("A path in the document, and the value that stands there."),
    ]
    size: t.Annotated[SizeCheck, _meaning("How large the body is.")]


class Source(te.TypedDict, total=False, closed=True):  # type: ignore[call-arg]
    """Where in an answer a value is; exactly one of them."""

    json: str  # path
    regex: str  # its first group, or all that it matches
    header: str
    cookie: str


class Request(Options, total=False, closed=True):  # type: ignore[call-arg]
    """A request of a task file."""

    url: te.Required[t.Annotated[str, _meaning("What is asked for.")]]
    method: t.Annotated[str, _meaning("The method (GET by default).")]
    name: t.Annotated[str, _meaning("Name of the atomic action.")]
    expect: t.Annotated[
        Expectation,
        _meaning("What the answer has to be; else the iteration fails."),
    ]
    extract: t.Annotated[
        dict[str, Source],
        _meaning("Names for values of the answer, each with one of json (a "
                 "path), regex (its first group), header and cookie."),
    ]
    phases: t.Annotated[
        bool,
        _meaning("Whether name lookup, connect, TLS, first byte and transfer "
                 "are atomic actions below the request."),
    ]
    templates: t.Annotated[
        bool,
        _meaning("Whether {name} stands for a value (true by default)."),
    ]


OWN_KEYS = (
    "url", "method", "name", "expect", "extract", "phases", "templates",
)
