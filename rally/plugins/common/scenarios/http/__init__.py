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

"""HTTP for scenarios: ``Http.request``, ``Http.requests`` and a client.

::

    from rally.plugins.common.scenarios import http

    class MyScenario(scenario.Scenario):
        def run(self, url: str) -> None:
            web = http.Client(timeout=5)
            token = web.post(url, json={"user": "me"}).json()["token"]
            web.get(url, auth={"bearer": token})
"""

from __future__ import annotations

import typing as t

from rally.common.http.client import Client
from rally.common.http.errors import (
    HttpArgumentError,
    HttpCheckFailed,
    HttpError,
)

if t.TYPE_CHECKING:
    from rally.common.http.async_client import AsyncClient

__all__ = [
    "AsyncClient", "Client", "HttpArgumentError", "HttpCheckFailed",
    "HttpError",
]


def __getattr__(name: str) -> t.Any:
    # the module of AsyncClient needs asyncio, which takes 30 ms to load
    if name == "AsyncClient":
        from rally.common.http.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(name)
