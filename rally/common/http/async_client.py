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

"""The client for coroutines: many requests at once on one event loop.

libcurl says which sockets and which moment it waits for, and the loop of
asyncio waits for them, so nothing polls.
"""

from __future__ import annotations

import asyncio
import threading
import typing as t

import pycurl
import typing_extensions as te

from rally.common.http import arguments, memo, request
from rally.common.http import handle as handle_module
from rally.common.http import response as response_module

#: idle handles that are kept for the next request
_MAX_IDLE = 1000


class AsyncClient:
    """A visitor of web services, with cookies of its own.

    Make one in each iteration, like a ``Client``: the connections belong to
    the event loop. Requests that one client makes at once each begin with
    the cookies it has then; it keeps those of the one that ends last.
    """

    def __init__(self, **defaults: te.Unpack[arguments.Options]) -> None:
        """:param defaults: options of each request that does not say else"""
        self._defaults = defaults
        self.cookies: list[str] = []

    async def request(
        self, method: str, url: str,
        **options: te.Unpack[arguments.Options],
    ) -> response_module.Response:
        """Make a request and wait for the whole answer, of any status.

        A cancellation ends it at once.

        :raises HttpError: there was no answer
        :raises HttpArgumentError: the request makes no sense
        """
        driver = _of_running_loop()
        given = {**self._defaults, **options} if self._defaults else options
        prepared = request.remembered(driver.memo, method, url, given)
        handle = driver.take()
        is_whole = False
        try:
            handle.become(self)
            await driver.perform(handle, prepared)
            answer = handle.response(prepared)
            is_whole = True
        finally:
            handle.become(None)  # gives the cookies back
            driver.give_back(handle, is_whole)
        return answer

    async def get(
        self, url: str, **options: te.Unpack[arguments.Options]
    ) -> response_module.Response:
        return await self.request("GET", url, **options)

    async def post(
        self, url: str, **options: te.Unpack[arguments.Options]
    ) -> response_module.Response:
        return await self.request("POST", url, **options)


class _Driver:
    """Runs transfers of libcurl on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.memo = memo.Memo()
        self._idle: list[handle_module.Handle] = []
        self._waiting: dict[pycurl.Curl, asyncio.Future[int]] = {}
        self._texts: dict[pycurl.Curl, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._multi = multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._wait_for)

    def take(self) -> handle_module.Handle:
        return self._idle.pop() if self._idle else handle_module.Handle()

    def give_back(self, handle: handle_module.Handle, is_whole: bool) -> None:
        """:param is_whole: the handle did what it was asked for"""
        if is_whole and len(self._idle) < _MAX_IDLE:
            self._idle.append(handle)
        else:
            handle.curl.close()

    async def perform(
        self, handle: handle_module.Handle, prepared: request.Prepared
    ) -> None:
        """:raises HttpError: there is no answer"""
        handle.set_up(prepared, None, keeps=True)
        curl = handle.curl
        done = self.loop.create_future()
        self._waiting[curl] = done
        self._multi.add_handle(curl)
        try:
            code = await done
        finally:
            handle.count()
            del self._waiting[curl]
            self._multi.remove_handle(curl)
        if code:
            raise handle.error(prepared, code, self._texts.pop(curl))

    # ---- called by libcurl, which must not be called back from here

    def _watch(self, what: int, fd: int, multi: t.Any, data: t.Any) -> None:
        """Libcurl waits for *fd* now, or for something else of it."""
        loop = self.loop
        if what in (pycurl.POLL_IN, pycurl.POLL_INOUT):
            loop.add_reader(fd, self._act, fd, pycurl.CSELECT_IN)
        else:
            loop.remove_reader(fd)
        if what in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            loop.add_writer(fd, self._act, fd, pycurl.CSELECT_OUT)
        else:
            loop.remove_writer(fd)

    def _wait_for(self, timeout_ms: int) -> None:
        """Libcurl waits until then; -1: for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if timeout_ms >= 0:
            self._timer = self.loop.call_later(
                timeout_ms / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0
            )

    # ---- called by the loop

    def _act(self, fd: int, events: int) -> None:
        self._multi.socket_action(fd, events)
        while True:
            left, whole, failed = self._multi.info_read()
            for curl in whole:
                self._end(curl, 0, "")
            for curl, code, text in failed:
                self._end(curl, code, text)
            if not left:
                return

    def _end(self, curl: pycurl.Curl, code: int, text: str) -> None:
        done = self._waiting.get(curl)
        if done is not None and not done.done():
            if code:
                self._texts[curl] = text
            done.set_result(code)


class _OfThread(threading.local):
    driver: _Driver | None = None


_of_thread = _OfThread()


def _of_running_loop() -> _Driver:
    """The driver of this thread's loop; that of a loop before is dropped."""
    loop = asyncio.get_running_loop()
    driver = _of_thread.driver
    if driver is None or driver.loop is not loop:
        driver = _of_thread.driver = _Driver(loop)
    return driver
