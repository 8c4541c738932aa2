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

from rally.task import atomic, scenario


class RequestScenario(scenario.Scenario):
    """A scenario whose atomic action is an HTTP request."""

    IMPORTS = ("rally.common.http.kept_connections",)

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
        from rally.common.http import kept_connections

        with kept_connections.request(method, url, **kwargs) as response:
            found = response.status_code
        if status_code != found:
            raise ValueError(
                f"the answer has status code {found}, not "
                f"{status_code}"
            )
