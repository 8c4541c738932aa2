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

"""What the scenarios of HTTP requests have in common."""

from __future__ import annotations

import typing as t

import requests

from rally.task import atomic, scenario


class RequestScenario(scenario.Scenario):
    """A scenario whose atomic action is an HTTP request."""

    @atomic.action_timer("requests.check_request")
    def _check_request(
        self, url: str, method: str, status_code: int, **kwargs: t.Any
    ) -> None:
        """Make one request, and compare the status code of the answer.

        :param url: URL of the request
        :param method: its method
        :param status_code: what the answer should have
        :param kwargs: passed to ``requests.request``
        :raises ValueError: the answer has another one
        """
        response = requests.request(method, url, **kwargs)
        if status_code != response.status_code:
            raise ValueError(
                f"the answer has status code {response.status_code}, not "
                f"{status_code}"
            )
