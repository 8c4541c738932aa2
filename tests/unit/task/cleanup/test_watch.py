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

"""Clean-ups that lose something without raising."""

from __future__ import annotations

import logging
import typing as t

import ddt

from rally import exceptions
from rally.common import broker
from rally.task.cleanup import watch
from tests.unit import test

LOG = logging.getLogger("cloud_plugins.cleanup")
MODULE = "cloud_plugins.contexts.users"


class NotFound(Exception):
    """As most clients call it."""


class EndpointNotFound(NotFound):
    """As the catalogue of a cloud raises it."""


class Catalogue:
    """As keystoneauth has it: one service, in one region."""

    catalog: t.ClassVar[list[dict[str, str]]] = [
        {"type": "image"}, {"type": "disabled"},
    ]

    def get_endpoints(self, service_type: str) -> dict[str, list[str]]:
        is_there = service_type in ("image", "img")  # an alias
        return {"image": ["http://i"]} if is_there else {}

    def url_for(self, service_type: str, region: str) -> str:
        raise EndpointNotFound("endpoint not found")


class HTTPError(Exception):
    def __init__(self, **attributes: t.Any) -> None:
        super().__init__("no")
        self.__dict__.update(attributes)


@ddt.ddt
class CompleteTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        LOG.propagate = True

    def lost(self, work: t.Callable[[], t.Any], module: str = MODULE) -> str:
        """What the error says; empty: there is none."""
        try:
            with watch.complete(module):
                work()
        except watch.CleanupIncomplete as e:
            return str(e)
        return ""

    @staticmethod
    def consuming(error: Exception | None) -> t.Callable[[], None]:
        def consume(cache: dict[str, t.Any], item: t.Any) -> None:
            if error is not None:
                raise error

        return lambda: broker.run(lambda queue: queue.append(1), consume, 2)

    def test_nothing_was_lost(self) -> None:
        self.assertEqual("", self.lost(self.consuming(None)))

    def test_an_item_that_was_not_consumed(self) -> None:
        self.assertIn(
            "ValueError: boom", self.lost(self.consuming(ValueError("boom")))
        )

    def test_items_that_were_not_published(self) -> None:
        def publish(queue: t.Any) -> None:
            raise KeyError("users")

        text = self.lost(
            lambda: broker.run(publish, lambda cache, item: None)
        )

        self.assertIn("KeyError: 'users'", text)

    def test_what_threads_of_a_broker_share_out_themselves(self) -> None:
        def consume(cache: dict[str, t.Any], item: t.Any) -> None:
            self.consuming(ValueError("inner"))()

        self.assertIn("inner", self.lost(
            lambda: broker.run(lambda queue: queue.append(1), consume)
        ))

    def test_three_losses_are_named_and_all_counted(self) -> None:
        def consume(cache: dict[str, t.Any], item: t.Any) -> None:
            raise ValueError(item)

        text = self.lost(
            lambda: broker.run(lambda queue: queue.extend(range(7)), consume)
        )

        self.assertIn("ValueError: 2; and 4 more", text)

    @ddt.data(
        NotFound("user"), HTTPError(http_status=404),
        HTTPError(status_code=404), HTTPError(code=404),
        exceptions.GetResourceNotFound(resource="x"),
    )
    def test_what_is_gone_already_is_not_lost(self, error: Exception) -> None:
        self.assertEqual("", self.lost(self.consuming(error)))

    @ddt.data(
        HTTPError(http_status=503), HTTPError(code="ECONNREFUSED"),
        exceptions.PluginNotFound(base="B", name="x", platform="y"),
        EndpointNotFound("no endpoint in this region"),
    )
    def test_other_answers_are(self, error: Exception) -> None:
        self.assertNotEqual("", self.lost(self.consuming(error)))

    @ddt.data(
        (logging.ERROR, "Seems like list() method is broken", True),
        (logging.ERROR, "whatever", True),
        (logging.WARNING, "Resource deletion failed, max retries", True),
        (logging.WARNING, "Unable to delete router", True),
        (logging.WARNING, "Argument x is deprecated, use y", False),
        (logging.INFO, "It failed before, it works now", False),
    )
    @ddt.unpack
    def test_failures_that_the_plugin_logs(
        self, level: int, text: str, is_lost: bool
    ) -> None:
        said = self.lost(lambda: LOG.log(level, text))

        self.assertEqual(is_lost, text.partition(",")[0] in said)

    @ddt.data(NotFound("no such thing"), EndpointNotFound("no endpoint"))
    def test_what_cannot_be_listed_may_be_there(
        self, error: Exception
    ) -> None:
        def work() -> None:
            try:
                raise error
            except NotFound:
                LOG.exception("Seems like list() method is broken")

        def publish(queue: t.Any) -> None:
            raise error

        self.assertIn("list() method is broken", self.lost(work))
        self.assertIn(str(error), self.lost(
            lambda: broker.run(publish, lambda cache, item: None)
        ))

    @ddt.data(
        ("volume", False), ("image", True), ("img", True), ("disabled", True),
    )
    @ddt.unpack
    def test_nothing_can_be_in_a_service_that_the_cloud_does_not_have(
        self, service: str, is_lost: bool
    ) -> None:
        def look_up() -> None:
            Catalogue().url_for(service, "Nowhere")

        def work() -> None:
            try:
                look_up()
            except NotFound:
                LOG.exception("Seems like list() method is broken")

        self.assertEqual(is_lost, bool(self.lost(work)))
        self.assertEqual(is_lost, bool(self.lost(
            lambda: broker.run(lambda queue: look_up(), lambda cache, _: None)
        )))

    @ddt.data(
        ("Failed to remove quotas of project 1: %s", NotFound("gone"), False),
        ("Failed to remove quotas of project 1: %s",
         HTTPError(http_status=500), True),
        ("Failed to list quotas of project 1: %s", NotFound("gone"), True),
    )
    @ddt.unpack
    def test_a_warning_of_what_is_gone_already_is_no_loss(
        self, text: str, error: Exception, is_loss: bool
    ) -> None:
        def work() -> None:
            try:
                raise error
            except Exception as e:
                LOG.warning(text, e)

        self.assertEqual(is_loss, bool(self.lost(work)))

    def test_equal_losses_are_told_once_with_their_cause(self) -> None:
        def work() -> None:
            for _ in range(5):
                try:
                    raise OSError("no route")
                except OSError:
                    LOG.exception("The list() method is broken.")

        self.assertEqual(
            "Parts of it failed: The list() method is broken: OSError: no "
            "route. What they were to delete may still be there.",
            self.lost(work),
        )

    @ddt.data("other_plugins.contexts", "rally.plugins.common.contexts")
    def test_what_other_packages_log_is_theirs(self, module: str) -> None:
        self.assertEqual(
            "", self.lost(lambda: LOG.error("failed"), module)
        )

    def test_an_error_of_the_clean_up_itself_comes_first(self) -> None:
        def work() -> None:
            LOG.error("failed")
            raise ValueError("boom")

        self.assertRaises(ValueError, self.lost, work)

    def test_afterwards_nobody_listens(self) -> None:
        self.lost(lambda: LOG.error("failed"))

        self.assertEqual([], logging.getLogger("cloud_plugins").handlers)
        self.consuming(ValueError("later"))()
        self.assertEqual("", self.lost(lambda: None))
