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

"""The client for scenarios that wait for each answer."""

from __future__ import annotations

import typing as t

import typing_extensions as te

from rally.common.http import arguments

if t.TYPE_CHECKING:
    from rally.common.http import response


class Client:
    """A visitor of web services, with cookies of its own.

    Make one in each iteration. It costs next to nothing: connections, TLS
    sessions and host names are kept by the thread, whoever uses them. One
    thread at a time may use it.
    """

    def __init__(self, **defaults: te.Unpack[arguments.Options]) -> None:
        """:param defaults: options of each request that does not say else"""
        self._defaults = defaults
        #: as libcurl writes them, while another client has the handle
        self.cookies: list[str] = []

    def request(
        self, method: str, url: str,
        **options: te.Unpack[arguments.Options],
    ) -> response.Response:
        """Make a request and wait for the whole answer, of any status.

        :raises HttpError: there was none
        :raises HttpArgumentError: the request makes no sense
        """
        from rally.common.http import handle as handle_module
        from rally.common.http import request

        handle = handle_module.of_thread()
        if handle.owner is not self:
            handle.become(self)
        given = {**self._defaults, **options} if self._defaults else options
        prepared = request.remembered(handle.memo, method, url, given)
        handle.perform(prepared, keeps=True)
        return handle.response(prepared)

    def get(
        self, url: str, **options: te.Unpack[arguments.Options]
    ) -> response.Response:
        return self.request("GET", url, **options)

    def post(
        self, url: str, **options: te.Unpack[arguments.Options]
    ) -> response.Response:
        return self.request("POST", url, **options)
