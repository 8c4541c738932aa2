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

"""Scenarios of HTTP requests."""

from __future__ import annotations

import random
import typing as t

from rally.plugins.common.scenarios.requests import utils
from rally.task import scenario


@scenario.configure(name="HttpRequests.check_request")
class HttpRequestsCheckRequest(utils.RequestScenario):
    def run(
        self, url: str, method: str, status_code: int, **kwargs: t.Any
    ) -> None:
        """Make one HTTP request and check the status code.

        :param url: URL of the request
        :param method: method of the request
        :param status_code: status code that the answer should have
        :param kwargs: further arguments of ``requests.request``
        """
        self._check_request(url, method, status_code, **kwargs)


@scenario.configure(name="HttpRequests.check_random_request")
class HttpRequestsCheckRandomRequest(utils.RequestScenario):
    def run(self, requests: list[dict[str, t.Any]], status_code: int) -> None:
        """Make one HTTP request of a list, chosen at random.

        :param requests: requests, each with the arguments of
            ``requests.request``; an own ``status_code`` wins
        :param status_code: status code that the answer should have
        """
        request = {"status_code": status_code, **random.choice(requests)}
        self._check_request(**request)
