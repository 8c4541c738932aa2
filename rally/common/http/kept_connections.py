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

import threading
import time
import typing as t

import requests

#: a connection that was idle for longer is not used again: no common server
#: closes one earlier, and a request on one that it closes just now fails
_MAX_IDLE_S = 1.0


class _KeptAdapter(requests.adapters.HTTPAdapter):
    """Outlives the session, which is new for each request."""

    used_at_s = 0.0

    def close(self) -> None:
        """Keep the connections; they are closed when the thread ends."""

    def is_fresh(self) -> bool:
        return time.monotonic() - self.used_at_s < _MAX_IDLE_S


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.adapters: dict[str, _KeptAdapter] = {}


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
    adapter = _of_thread.adapters.get(key)
    if adapter is None or not adapter.is_fresh():
        if adapter is not None:
            requests.adapters.HTTPAdapter.close(adapter)
        adapter = _of_thread.adapters[key] = _KeptAdapter()
    with requests.Session() as session:
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        response = session.request(method=method, url=url, **kwargs)
    adapter.used_at_s = time.monotonic()
    return response
