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

"""Tests of sharing out work."""

from __future__ import annotations

import typing as t

from rally.common import broker, logging
from tests.unit import test

LOG = logging.getLogger(broker.__name__)


class BrokerTestCase(test.TestCase):
    def test_every_item_is_consumed_once(self) -> None:
        consumed: list[int] = []

        broker.run(
            lambda queue: queue.extend(range(100)),
            lambda cache, item: consumed.append(item),
            consumers_count=4,
        )

        self.assertEqual(list(range(100)), sorted(consumed))

    def test_cache_belongs_to_one_thread(self) -> None:
        caches: list[t.Any] = []

        def consume(cache: dict[str, t.Any], item: int) -> None:
            if "seen" not in cache:
                caches.append(cache)
            cache["seen"] = cache.get("seen", 0) + 1

        broker.run(lambda queue: queue.extend(range(50)), consume, 3)

        self.assertEqual(50, sum(cache["seen"] for cache in caches))

    def test_failed_item_does_not_end_the_rest(self) -> None:
        consumed: list[int] = []

        def consume(cache: dict[str, t.Any], item: int) -> None:
            if item == 2:
                raise ValueError("boom")
            consumed.append(item)

        with logging.LogCatcher(LOG) as catcher:
            broker.run(lambda queue: queue.extend(range(5)), consume)

        self.assertEqual([0, 1, 3, 4], consumed)
        catcher.assertInLogs("ValueError: boom")

    def test_failed_publisher_is_logged_and_what_came_is_consumed(
        self,
    ) -> None:
        consumed: list[int] = []

        def publish(queue: t.Any) -> None:
            queue.append(1)
            raise ValueError("boom")

        with logging.LogCatcher(LOG) as catcher:
            broker.run(publish, lambda cache, item: consumed.append(item))

        self.assertEqual([1], consumed)
        catcher.assertInLogs("publish")
