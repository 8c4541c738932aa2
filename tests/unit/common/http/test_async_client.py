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

"""The client for coroutines against a real server."""

from __future__ import annotations

import asyncio

from rally.common.http import async_client, errors
from tests.unit import test
from tests.unit.common.http import servers


class AsyncClientTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.server = servers.OddServer()
        self.addCleanup(self.server.close)
        self.url = self.server.url

    def test_many_requests_run_at_once_and_keep_their_connections(self):
        async def visit(number):
            web = async_client.AsyncClient()
            for _ in range(3):
                answer = await web.request(
                    "POST", self.url + "/echo/%d" % number, json=number
                )
                self.assertEqual(str(number), answer.json()["body"])

        async def main():
            await asyncio.gather(*map(visit, range(20)))

        asyncio.run(main())

        self.assertEqual(60, len(self.server.received))
        self.assertLessEqual(self.server.connections, 20)

    def test_cookies_belong_to_one_client(self):
        async def main():
            one, other = async_client.AsyncClient(), async_client.AsyncClient()
            await one.get(self.url + "/cookie/who/one")
            await other.get(self.url + "/cookie/who/other")
            return [
                (await web.get(self.url)).json()["headers"].get("cookie")
                for web in (one, other, async_client.AsyncClient(), one)
            ]

        self.assertEqual(
            ["who=one", "who=other", None, "who=one"], asyncio.run(main())
        )

    def test_a_cancellation_ends_a_request_at_once(self):
        async def main():
            web = async_client.AsyncClient()
            slow = asyncio.create_task(web.get(self.url + "/slow"))
            while not self.server.received:
                await asyncio.sleep(0.01)
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            self.assertTrue(slow.cancelled())
            return (await web.get(self.url)).status

        self.assertEqual(200, asyncio.run(main()))

    def test_errors_are_those_of_the_other_client(self):
        async def main():
            web = async_client.AsyncClient()
            for path, options, name in (
                ("/slow", {"timeout": 0.2}, "OPERATION_TIMEDOUT"),
                ("/drop", {}, "GOT_NOTHING"),
                ("/huge", {"max_size": 9}, "BODY_TOO_LARGE"),
            ):
                try:
                    await web.get(self.url + path, **options)
                except errors.HttpError as e:
                    self.assertIn(name, str(e))
                else:
                    self.fail(path)
            return (await web.get(self.url)).status

        self.assertEqual(200, asyncio.run(main()))

    def test_each_loop_has_connections_of_its_own(self):
        async def main():
            return (await async_client.AsyncClient().get(self.url)).status

        self.assertEqual([200, 200], [asyncio.run(main()) for _ in "ab"])
