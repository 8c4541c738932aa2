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

"""One handle of libcurl: it keeps connections, sessions and names."""

from __future__ import annotations

import threading
import typing as t

import pycurl

from rally.common.http import errors, memo, request, tallies, template
from rally.common.http import response as response_module

#: connections that one handle keeps open
_MAX_CONNECTIONS = 32
_PROTOCOLS = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
_NAMES = {
    getattr(pycurl, name): name.removeprefix("E_")
    for name in dir(pycurl)
    if name.startswith("E_") and not name.startswith("E_MULTI_")
} | {
    # these have older names, too
    pycurl.E_OPERATION_TIMEDOUT: "OPERATION_TIMEDOUT",
    pycurl.E_PEER_FAILED_VERIFICATION: "PEER_FAILED_VERIFICATION",
}


def _new_curl() -> pycurl.Curl:
    curl = pycurl.Curl()
    curl.setopt(pycurl.NOSIGNAL, 1)  # signals are not for threads
    curl.setopt(pycurl.COOKIEFILE, "")  # keep cookies, in memory
    curl.setopt(pycurl.MAXCONNECTS, _MAX_CONNECTIONS)
    curl.setopt(pycurl.PROTOCOLS, _PROTOCOLS)
    curl.setopt(pycurl.REDIR_PROTOCOLS, _PROTOCOLS)
    # the builtin takes any part of a body, at the least cost
    curl.setopt(pycurl.WRITEFUNCTION, len)
    return curl


class _Body:
    """Takes a body in parts, up to a limit."""

    # apart from the handle: else libcurl and the handle would hold each
    # other, and connections would outlive their thread until that is noticed
    __slots__ = ("parts", "left_bytes")

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, max_bytes: int) -> None:
        self.parts: list[bytes] = []
        self.left_bytes = max_bytes

    def take(self, part: bytes) -> int:
        self.left_bytes -= len(part)
        if self.left_bytes < 0:
            return 0  # makes libcurl give up
        self.parts.append(part)
        return len(part)


class Handle:
    """Makes requests one after another, in one thread at a time.

    Options that are as they were for the request before are not set again:
    that is most of what a request costs in Python.
    """

    def __init__(self) -> None:
        self._tally = tallies.take()
        self.curl = _new_curl()
        self._keeps = False
        self._has_cert = False
        self._other: tuple[
            pycurl.Curl, bool, request.CurlOptions, request.Body | None
        ] | None = None
        self._options: request.CurlOptions = {}
        self._body: request.Body | None = None
        self._got = _Body()
        self._lines: list[bytes] = []
        #: whose cookies the handle has
        self.owner: t.Any = None
        self.memo = memo.Memo()

    def __del__(self) -> None:
        tallies.give_back(self._tally)

    def perform(
        self, prepared: request.Prepared,
        values: template.Values | None = None, keeps: bool = False,
    ) -> int:
        """Make a request; the status of the answer.

        :param keeps: whether ``response`` will be asked for
        :raises HttpError: there is no answer
        """
        self.set_up(prepared, values, keeps)
        try:
            self.curl.perform()
        except pycurl.error as e:
            raise self.error(prepared, e.args[0], e.args[1]) from None
        finally:
            self.count()
        return t.cast(int, self.curl.getinfo(pycurl.RESPONSE_CODE))

    def count(self) -> None:
        """Count the last request, whatever became of it."""
        tally = self._tally
        tally.requests += 1
        tally.sent_bytes += self.sent_bytes()
        tally.received_bytes += self.received_bytes()

    def set_up(
        self, prepared: request.Prepared,
        values: template.Values | None, keeps: bool,
    ) -> None:
        """Make the handle ready to perform."""
        options, body = prepared.bound(values)
        if prepared.has_cert is not self._has_cert:
            self._swap()
        if options is not self._options:
            self._set(options)
        if body is not self._body:
            self._set_body(body)
        if keeps is not self._keeps:
            self._keep(keeps)
        if keeps:
            self._got.begin(prepared.max_size)
            self._lines.clear()

    def _swap(self) -> None:
        """Go on with the other handle of libcurl, and the same cookies.

        One is for requests with a certificate, which cannot be unset.
        """
        cookies = self.curl.getinfo(pycurl.INFO_COOKIELIST)
        mine = self.curl, self._keeps, self._options, self._body
        self.curl, self._keeps, self._options, self._body = (
            self._other or (_new_curl(), False, {}, None)
        )
        self._other, self._has_cert = mine, not self._has_cert
        self.curl.setopt(pycurl.COOKIELIST, "ALL")  # forgets all
        for cookie in cookies:
            self.curl.setopt(pycurl.COOKIELIST, cookie)

    def _set(self, options: request.CurlOptions) -> None:
        curl, before = self.curl, self._options
        self._options = {}  # if one is refused, all are set the next time
        for option, value in options.items():
            if before.get(option) == value:
                continue
            if value is None:
                curl.unsetopt(option)
            elif isinstance(value, str):
                curl.setopt(option, value.encode())
            elif isinstance(value, list):
                curl.setopt(option, [item.encode() for item in value])
            else:
                curl.setopt(option, value)
        self._options = options

    def _set_body(self, body: request.Body) -> None:
        curl, (method, data) = self.curl, body
        self._body = None
        curl.setopt(pycurl.HTTPGET, 1)  # undoes what the others do
        curl.unsetopt(pycurl.CUSTOMREQUEST)
        if method == "HEAD" and data is None:
            curl.setopt(pycurl.NOBODY, 1)
        elif data is not None or method == "POST":
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDS, data or b"")
        # a custom method is for what libcurl has no other word for
        is_plain = method == ("GET" if data is None else "POST")
        if not (is_plain or method in ("HEAD", "POST")):
            curl.setopt(pycurl.CUSTOMREQUEST, method)
        self._body = body

    def _keep(self, keeps: bool) -> None:
        curl = self.curl
        curl.setopt(pycurl.WRITEFUNCTION, self._got.take if keeps else len)
        if keeps:
            curl.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        else:
            curl.unsetopt(pycurl.HEADERFUNCTION)
            self._got.begin(0)
        self._keeps = keeps

    def response(self, prepared: request.Prepared) -> response_module.Response:
        """What the last request, made with ``keeps``, brought."""
        info = self.curl.getinfo
        return response_module.Response(
            prepared.method, info(pycurl.EFFECTIVE_URL),
            info(pycurl.RESPONSE_CODE), self._lines.copy(),
            b"".join(self._got.parts), info(pycurl.REDIRECT_COUNT),
            self.sent_bytes(), self.received_bytes(), self.phases(),
        )

    @property
    def url(self) -> str:
        """Which one the last request has reached."""
        return t.cast(str, self.curl.getinfo(pycurl.EFFECTIVE_URL))

    def sent_bytes(self) -> int:
        return t.cast(int, self.curl.getinfo(pycurl.REQUEST_SIZE))

    def received_bytes(self) -> int:
        info = self.curl.getinfo
        return t.cast(
            int, info(pycurl.HEADER_SIZE) + info(pycurl.SIZE_DOWNLOAD_T)
        )

    def phases(self) -> response_module.Phases:
        """Where the time of the last request went."""
        info = self.curl.getinfo
        lookup = info(pycurl.NAMELOOKUP_TIME)
        connected = max(lookup, info(pycurl.CONNECT_TIME))
        secured = max(connected, info(pycurl.APPCONNECT_TIME))
        first = max(secured, info(pycurl.STARTTRANSFER_TIME))
        end = max(first, info(pycurl.TOTAL_TIME))
        return response_module.Phases(
            lookup, connected - lookup, secured - connected, first - secured,
            end - first,
        )

    def become(self, owner: t.Any) -> None:
        """Take the cookies of *owner*, and give back those of another.

        An owner has a list ``cookies``, used while it has no handle.
        """
        curl = self.curl
        if self.owner is not None:
            self.owner.cookies = curl.getinfo(pycurl.INFO_COOKIELIST)
        curl.setopt(pycurl.COOKIELIST, "ALL")  # forgets all
        for cookie in owner.cookies if owner is not None else ():
            curl.setopt(pycurl.COOKIELIST, cookie)
        self.owner = owner

    def forget_cookies(self) -> None:
        self.owner = None
        self.curl.setopt(pycurl.COOKIELIST, "ALL")

    def error(
        self, prepared: request.Prepared, code: int, text: str
    ) -> errors.HttpError:
        """What to raise for an error of libcurl."""
        name = _NAMES.get(code, "UNKNOWN")
        if code == pycurl.E_WRITE_ERROR and self._got.left_bytes < 0:
            name = "BODY_TOO_LARGE"
            text = "the body has more than max_size: %d bytes" % (
                prepared.max_size
            )
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        reason = "%s (libcurl: %s, %d)" % (text, name, code)
        if status:
            reason += ", after status %d" % status
        url = self._options.get(pycurl.URL) or "(an address)"
        return errors.HttpError(
            method=prepared.method, url=errors.shown(url), reason=reason
        )


class _OfThread(threading.local):
    handle: Handle | None = None


_of_thread = _OfThread()


def of_thread() -> Handle:
    """The handle of this thread, which ends with it."""
    handle = _of_thread.handle
    if handle is None:
        handle = _of_thread.handle = Handle()
    return handle
