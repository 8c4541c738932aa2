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

"""Tests of the streams between a runner and its readers."""

from __future__ import annotations

import threading

from rally.common import utils
from rally.task.load import streams
from tests.unit import test


class StreamTestCase(test.TestCase):
    def test_it_is_the_deque_that_plugins_know(self) -> None:
        stream: streams.Stream[int] = streams.Stream()
        utils.DequeAsQueue(stream).put(1)
        stream.extend([2, 3])
        self.assertEqual([1, 2, 3], list(stream))
        self.assertEqual(1, stream.popleft())

    def test_a_reader_waits_for_an_item(self) -> None:
        stream: streams.Stream[int] = streams.Stream()
        threading.Timer(0.02, stream.append, (7,)).start()
        self.assertEqual(7, stream.get(10))

    def test_a_reader_gives_up_after_its_timeout(self) -> None:
        self.assertIsNone(streams.Stream[int]().get(0.01))

    def test_what_was_there_at_the_close_is_still_read(self) -> None:
        stream = streams.Stream([1])
        stream.close()
        self.assertTrue(stream.is_closed)
        self.assertEqual(1, stream.get(None))
        self.assertIsNone(stream.get(None))

    def test_a_close_ends_the_wait(self) -> None:
        stream: streams.Stream[int] = streams.Stream()
        threading.Timer(0.02, stream.close).start()
        self.assertIsNone(stream.get(10))

    def test_a_reader_may_wait_for_a_few(self) -> None:
        stream = streams.Stream([1])
        threading.Timer(0.02, stream.extend, ([2, 3],)).start()
        self.assertEqual([1, 2], stream.gather(2, 10))
        self.assertEqual([3], stream.gather(2, 0.01))

    def test_a_close_ends_the_wait_for_more(self) -> None:
        stream = streams.Stream([1])
        threading.Timer(0.02, stream.close).start()
        self.assertEqual([1], stream.gather(2, 10))
        self.assertEqual([], stream.gather(2, 10))


class LimitTestCase(test.TestCase):
    def test_whoever_appends_too_much_waits_for_room(self):
        stream = streams.Stream()
        stream.limit = 2
        done = threading.Event()

        def fill():
            for i in range(5):
                stream.append(i)
            done.set()

        thread = threading.Thread(target=fill, daemon=True)
        thread.start()
        got = [stream.get(10) for _ in range(5)]
        thread.join(10)

        self.assertEqual(list(range(5)), got)
        self.assertTrue(done.is_set())

    def test_an_abandoned_stream_holds_nobody_up(self):
        stream = streams.Stream()
        stream.limit = 1
        stream.append(1)
        thread = threading.Thread(target=stream.append, args=(2,))
        thread.start()
        stream.abandon()
        thread.join(10)

        self.assertEqual([1, 2], stream.take(5))
