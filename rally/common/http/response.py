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

"""What came back."""

from __future__ import annotations

import json
import re
import typing as t

_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.I)


class Phases(t.NamedTuple):
    """How long each part of a request took, seconds; 0: there was none."""

    name_lookup: float
    connect: float
    tls: float
    first_byte: float  # until the first byte of the answer
    transfer: float  # from there to its end


class Headers:
    """Of an answer, in order; names are found whatever their case."""

    def __init__(self, lines: t.Iterable[bytes]) -> None:
        """:param lines: of all answers, those that redirected first"""
        self._items: list[tuple[str, str]] = []
        for line in lines:
            if line.startswith(b"HTTP/"):
                self._items.clear()
                continue
            name, colon, value = line.decode("iso-8859-1").partition(":")
            if colon:
                self._items.append((name.strip(), value.strip()))

    def get_all(self, name: str) -> list[str]:
        """The values of each header of this name."""
        lower = name.lower()
        return [v for key, v in self._items if key.lower() == lower]

    def get(self, name: str, default: str | None = None) -> str | None:
        """The values of all headers of this name, with commas between."""
        values = self.get_all(name)
        return ", ".join(values) if values else default

    def items(self) -> list[tuple[str, str]]:
        return list(self._items)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __repr__(self) -> str:
        return "Headers(%r)" % self._items


class Response:
    """One answer. It stays as it is when the next request is made."""

    __slots__ = (
        "method", "url", "status", "body", "redirects", "sent_bytes",
        "received_bytes", "phases", "_lines", "_headers",
    )

    def __init__(
        self, method: str, url: str, status: int, lines: list[bytes],
        body: bytes, redirects: int, sent_bytes: int, received_bytes: int,
        phases: Phases,
    ) -> None:
        """:param url: the one that was reached in the end

        :param sent_bytes: headers and body as they went over the wire, of
            all requests if there were redirects
        :param received_bytes: the same of the answer, before decompression
        """
        self.method = method
        self.url = url
        self.status = status
        self.body = body
        self.redirects = redirects
        self.sent_bytes = sent_bytes
        self.received_bytes = received_bytes
        self.phases = phases
        self._lines = lines
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:
        if self._headers is None:
            self._headers = Headers(self._lines)
        return self._headers

    @property
    def cookies(self) -> dict[str, str]:
        """Those that it sets, also where it was redirected."""
        found = {}
        for line in self._lines:
            name, _, value = line.decode("iso-8859-1").partition(":")
            if name.lower() == "set-cookie":
                key, _, text = value.partition(";")[0].partition("=")
                found[key.strip()] = text.strip()
        return found

    def text(self) -> str:
        """The body in the character set that its headers name, or UTF-8."""
        found = _CHARSET.search(self.headers.get("content-type") or "")
        try:
            return self.body.decode(found[1] if found else "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> t.Any:
        """The body as JSON.

        :raises ValueError: it is none
        """
        return json.loads(self.body)

    def __repr__(self) -> str:
        return "<%s %s: %d, %d bytes>" % (
            self.method, self.url, self.status, len(self.body)
        )
