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

"""The few requests to Elasticsearch that an export needs."""

from __future__ import annotations

import typing as t

from rally import exceptions
from rally.common import masking
from rally.common.counting import counted
from rally.plugins.common.exporters.elastic import releases

if t.TYPE_CHECKING:
    import requests

_TIMEOUT_S = 60


class ClusterError(exceptions.RallyException):
    error_code = 192
    msg_fmt = (
        "Elasticsearch at %(url)s did not take the export: %(problem)s. "
        "What was sent before that stays there, the rest is missing. Check "
        "the address and that the cluster is healthy, then export again."
    )


class ElasticSearchClient:
    """Requests to one cluster."""

    def __init__(self, url: str) -> None:
        import requests

        self.url = url.rstrip("/")
        #: as people may see it
        self.shown = masking.masked_text(self.url)
        self._session = requests.Session()
        self._release: releases.Release | None = None

    def release(self) -> releases.Release:
        """What the cluster runs."""
        if self._release is None:
            response = self._request("GET", "/")
            try:
                version = response.json()["version"]
                self._release = releases.Release(
                    str(version.get("distribution") or "elasticsearch"),
                    str(version["number"]),
                )
            except (AttributeError, KeyError, TypeError, ValueError):
                raise self._error("it does not say its version") from None
        return self._release

    def has_index(self, index: str) -> bool:
        return self._exists("/" + index)

    def has_document(self, index: str, doc_id: str) -> bool:
        doc_type = self.release().doc_type or "_doc"
        return self._exists("/%s/%s/%s" % (index, doc_type, doc_id))

    def create_index(self, index: str, body: dict[str, t.Any]) -> None:
        self._request("PUT", "/" + index, json=body)

    def push(self, lines: str) -> None:
        """Send lines of a bulk request."""
        response = self._request(
            "POST", "/_bulk", data=lines.encode(),
            headers={"Content-Type": "application/x-ndjson"},
        )
        content = response.json()
        if content.get("errors"):
            problems = [
                str(outcome["error"])
                for item in content.get("items", ())
                for outcome in item.values()
                if "error" in outcome
            ]
            raise self._error(
                "%s refused, the first one because of %s" % (
                    counted(
                        len(problems), "document was", "documents were"
                    ), problems[0] if problems else "?",
                )
            )

    def _exists(self, path: str) -> bool:
        return self._send("HEAD", path).status_code == 200

    def _request(
        self, method: str, path: str, **kwargs: t.Any
    ) -> requests.Response:
        response = self._send(method, path, **kwargs)
        if response.status_code >= 400:
            raise self._error("%s %s was answered with %d: %s" % (
                method, path, response.status_code, response.text[:300],
            ))
        return response

    def _send(
        self, method: str, path: str, **kwargs: t.Any
    ) -> requests.Response:
        import requests

        try:
            return self._session.request(
                method, self.url + path, timeout=_TIMEOUT_S, **kwargs
            )
        except requests.RequestException as error:
            raise self._error(str(error)) from error

    def _error(self, problem: str) -> ClusterError:
        return ClusterError(
            url=self.shown, problem=masking.masked_text(problem)
        )
