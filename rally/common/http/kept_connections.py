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

"""Requests by ``requests`` on connections that are kept."""

from __future__ import annotations

import functools
import os
import threading
import time
import typing as t

import requests

#: a connection that was idle for longer is not used again: no common server
#: closes one earlier, and a request on one that it closes just now fails
_MAX_IDLE_S = 1.0
#: where ``requests`` finds settings that no argument gives
_SETTINGS = ("http_proxy", "https_proxy", "all_proxy", "no_proxy",
             "requests_ca_bundle", "curl_ca_bundle", "netrc")
_NETRC_FILES = ("~/.netrc", "~/_netrc")


def _has_settings() -> bool:
    """Whether the environment has anything to say about a request.

    To find out costs 2 % of a request, to let ``requests`` look 25 %.
    """
    return any(name in os.environ for name in _names()) or any(
        os.path.exists(os.path.expanduser(path)) for path in _NETRC_FILES
    )


@functools.cache
def _names() -> tuple[str, ...]:
    """Of settings, as anybody writes them, or somebody has here."""
    usual = {*_SETTINGS, *map(str.upper, _SETTINGS)}
    odd = {name for name in os.environ if name.lower() in _SETTINGS}
    return tuple(usual | odd)


class _KeptSession(requests.Session):
    """Keeps connections for the next request, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self._used_at_s = 0.0

    def is_fresh(self) -> bool:
        return time.monotonic() - self._used_at_s < _MAX_IDLE_S

    def make(
        self, method: str, url: str, **kwargs: t.Any
    ) -> requests.Response:
        """What ``request`` of a new session gives."""
        self.cookies.clear()
        self.trust_env = _has_settings()
        response = self.request(method=method, url=url, **kwargs)
        self._used_at_s = time.monotonic()
        return response


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.sessions: dict[str, _KeptSession] = {}


_of_thread = _OfThread()


def request(
    method: str, url: str, **kwargs: t.Any
) -> requests.Response:
    """``requests.request``, on connections that this thread has open.

    Cookies, credentials and redirects begin anew each time, as there. A
    connection is for one way to prove who somebody is, since before
    requests 2.32 it would be used for others, too.
    """
    key = repr((kwargs.get("verify"), kwargs.get("cert")))
    session = _of_thread.sessions.get(key)
    if session is None or not session.is_fresh():
        if session is not None:
            session.close()
        session = _of_thread.sessions[key] = _KeptSession()
    return session.make(method, url, **kwargs)
