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

"""Scenarios of HTTP requests on libcurl."""

from __future__ import annotations

import typing as t

from rally.common import clock, validation
from rally.common.http import arguments, errors
from rally.task import atomic, scenario
from rally.utils import typeutils

if t.TYPE_CHECKING:
    from rally.common.http import exchange as exchange_module
    from rally.common.http import handle as handle_module


@validation.configure(name="http_requests")
class HttpRequestsValidator(validation.Validator):
    """Requests of a task file can be made, as far as can be told before.

    ``Http.request`` and ``Http.requests`` have it.

    .. code-block:: python

        @validation.add("http_requests")
    """

    def validate(
        self,
        context: dict[str, t.Any],
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        from rally.common.http import exchange

        args = config.get("args") or {}
        requests: t.Any = args.get("requests", [args])
        for number, given in enumerate(requests, 1):
            try:
                exchange.Exchange(given)
            except errors.HttpArgumentError as e:
                self.fail("Request %d: %s" % (number, e.format_message()))
        unknown = exchange.unknown_names(requests)
        if unknown:
            self.fail(
                "Nothing gives a value for {%s}. Values come from `extract` "
                "of a request before, from the columns of a context of data "
                "({data.COLUMN}), or are {iteration}; say `templates: false` "
                "if the braces are meant as they are."
                % "}, {".join(sorted(unknown))
            )


class _HttpScenario(scenario.Scenario):
    """Makes requests on the handle of its thread."""

    def _make(
        self, given: t.Any, requests: t.Sequence[arguments.Request]
    ) -> None:
        """Make *requests*, of which *given* is the key."""
        from rally.common.http import handle as handle_module

        handle = handle_module.of_thread()
        exchanges = handle.memo.of(given, lambda: _exchanges(requests))
        handle.forget_cookies()
        values = self._values()
        for exchange in exchanges:
            with atomic.ActionTimer(self, exchange.name):
                if not exchange.has_phases:
                    exchange.make(handle, values)
                else:
                    self._make_with_phases(exchange, handle, values)

    def _values(self) -> dict[str, t.Any]:
        """What templates may have, before there is any answer."""
        context = self.context
        values = {"iteration": context.get("iteration")}
        if "data" in context:
            for column, value in context["data"].items():
                values["data." + column] = value
        return values

    def _make_with_phases(
        self, exchange: exchange_module.Exchange,
        handle: handle_module.Handle, values: dict[str, t.Any],
    ) -> None:
        begun_s = clock.now_ns() / 1e9
        try:
            exchange.make(handle, values)
        finally:
            children = self._atomic_actions[-1]["children"]
            for phase, took_s in handle.phases()._asdict().items():
                if took_s:
                    children.append({
                        "name": phase, "children": [],
                        "started_at": begun_s,
                        "finished_at": begun_s + took_s,
                    })
                    begun_s += took_s


def _exchanges(
    requests: t.Sequence[arguments.Request],
) -> list[exchange_module.Exchange]:
    from rally.common.http import exchange

    return [
        exchange.Exchange(given, name)
        for given, name in zip(requests, exchange.names_of(requests))
    ]


@validation.add("http_requests")
@scenario.configure(name="Http.request")
class HttpRequest(_HttpScenario):
    @classmethod
    def _args_schema(cls) -> dict[str, t.Any]:
        return typeutils.hint_to_schema(arguments.Request)

    def run(self, **request: t.Any) -> None:
        """Make one HTTP request and check the answer.

        Connections, TLS sessions and host names are kept from iteration to
        iteration; cookies are not.

        :param request: the request: ``url``, and what it says beside that
        """
        self._make(request, (t.cast(arguments.Request, request),))


@validation.add("http_requests")
@scenario.configure(name="Http.requests")
class HttpRequests(_HttpScenario):
    def run(
        self,
        requests: t.Annotated[
            list[arguments.Request], typeutils.Field(min_length=1)
        ],
    ) -> None:
        """Make HTTP requests one after another, each an atomic action.

        Cookies, and values that ``extract`` takes from an answer, go into
        the requests that follow, and end with the iteration.

        :param requests: the requests, each as in ``Http.request``
        """
        self._make(requests, requests)
