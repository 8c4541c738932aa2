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

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading

from rally.common.http import async_client, client, errors, tallies
from tests.unit import test
from tests.unit.common.http import servers


def counted(before: tallies.Totals) -> tallies.Totals:
    """What was counted since."""
    requests, sent, got = (
        now - then for now, then in zip(tallies.totals(), before)
    )
    return requests, sent, got


def in_thread(call: object) -> None:
    thread = threading.Thread(target=call)  # type: ignore[arg-type]
    thread.start()
    thread.join()


class TalliesTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.before = tallies.totals()

    def server(self, **options: object) -> servers.CountingServer:
        server = servers.CountingServer(**options)  # type: ignore[arg-type]
        self.addCleanup(server.close)
        return server

    def test_what_goes_over_the_wire_is_counted_to_the_byte(self) -> None:
        server = self.server()

        def visit() -> None:
            web = client.Client()
            web.get(server.url)
            web.get(server.url, headers={"X-Long": "x" * 500})
            web.post(server.url, json={"a": 1})
            web.request("PUT", server.url, size=300_000)

        in_thread(visit)
        self.assertEqual(
            (4, server.got, server.sent), counted(self.before)
        )
        self.assertGreater(server.got, 300_000)

    def test_requests_of_coroutines_count_too(self) -> None:
        server = self.server()

        async def visit() -> None:
            web = async_client.AsyncClient()
            await asyncio.gather(*(web.get(server.url) for _ in range(5)))

        in_thread(lambda: asyncio.run(visit()))
        gc.collect()  # connections of a loop that is over
        self.assertEqual(
            (5, server.got, server.sent), counted(self.before)
        )

    def test_an_answer_that_breaks_off_counts_as_far_as_it_came(self) -> None:
        server = self.server(answer=servers.ANSWER[:-5], closes=True)

        def visit() -> None:
            with contextlib.suppress(errors.HttpError):
                client.Client().get(server.url)

        in_thread(visit)
        self.assertEqual(
            (1, server.got, server.sent), counted(self.before)
        )

    def test_nothing_is_forgotten_or_kept_when_threads_end(self) -> None:
        server = self.server()
        in_thread(lambda: client.Client().get(server.url))
        known = len(tallies._all)
        for _ in range(5):
            in_thread(lambda: client.Client().get(server.url))
        self.assertEqual(
            (6, server.got, server.sent), counted(self.before)
        )
        self.assertEqual(known, len(tallies._all))
