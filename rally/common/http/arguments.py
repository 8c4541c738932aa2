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


class BasicAuth(te.TypedDict, closed=True):  # type: ignore[call-arg]
    user: te.Required[str]
    password: te.Required[str]


class Auth(te.TypedDict, total=False, closed=True):  # type: ignore[call-arg]
    """Exactly one of both."""

    basic: BasicAuth
    bearer: str


class Options(te.TypedDict, total=False):
    """All that a request may have beside its method and URL.

    At most one of ``text``, ``json``, ``file``, ``form`` and ``size`` is
    its body.
    """

    params: dict[str, Scalar | list[Scalar]]  # added to the URL's query
    headers: dict[str, str]
    cookies: dict[str, str]  # sent beside those that servers have set
    text: str
    json: t.Any
    file: str  # path of what to send
    form: dict[str, Scalar]
    size: int  # bytes of a body that is made up
    auth: Auth
    cert: str | list[str]  # file of certificate and key, or of each
    verify: bool | str  # False: any certificate; or a file of authorities
    proxy: str  # URL; empty: none, whatever the environment says
    http_version: HttpVersion  # auto: 2 with TLS if the server can
    redirects: int  # how many are followed at most
    timeout: float  # seconds until the end of the answer
    connect_timeout: float  # seconds
    max_size: int  # bytes of a body, decompressed; beyond: an error
    new_connection: bool
    compressed: bool  # whether a compressed answer is asked for


class HeaderCheck(
    te.TypedDict, total=False, closed=True  # type: ignore[call-arg]
):
    equals: str
    matches: str  # a regular expression that is found in it
    present: bool


class SizeCheck(
    te.TypedDict, total=False, closed=True  # type: ignore[call-arg]
):
    min: int  # bytes, decompressed
    max: int


Status: t.TypeAlias = int | str


class Expectation(
    te.TypedDict, total=False, closed=True  # type: ignore[call-arg]
):
    """What an answer has to be; else the iteration fails."""

    status: Status | list[Status]  # 200, "2xx" or several; else below 400
    headers: dict[str, str | HeaderCheck]  # a text: equals
    text: str | list[str]  # each of them is contained in the body
    regex: str | list[str]  # each is found in the body
    json: dict[str, t.Any]  # path: the value that stands there
    size: SizeCheck


class Source(te.TypedDict, total=False, closed=True):  # type: ignore[call-arg]
    """Where in an answer a value is; exactly one of them."""

    json: str  # path
    regex: str  # its first group, or all that it matches
    header: str
    cookie: str


class Request(Options, total=False, closed=True):  # type: ignore[call-arg]
    """A request of a task file."""

    url: te.Required[str]
    method: str
    name: str  # of its atomic action
    expect: Expectation
    extract: dict[str, Source]
    phases: bool  # whether they become atomic actions below the request
    templates: bool  # False: {name} is nothing but text


OWN_KEYS = (
    "url", "method", "name", "expect", "extract", "phases", "templates",
)
