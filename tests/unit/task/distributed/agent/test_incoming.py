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

import hypothesis
from hypothesis import strategies as st

from rally.task.distributed import content
from rally.task.distributed.agent import incoming
from rally.task.distributed.wire import messages
from tests.unit import test

PART = messages.PART_BYTES


def data_of(size, seed):
    return bytes([seed]) * size


class IncomingTestCase(test.TestCase):
    def asked(self, todo):
        self.assertLessEqual(len(todo), incoming.WINDOW)
        return [(c.message.digest, c.message.index) for c in todo]

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(
        sizes=st.lists(
            st.sampled_from([0, 1, 2, 100, PART, PART + 1, 3 * PART]),
            max_size=12,
        ),
        dice=st.randoms(use_true_random=False),
    )
    def test_all_arrive_in_whatever_order_the_network_has(self, sizes, dice):
        made = {
            content.described(data): data
            for data in map(data_of, sizes, range(len(sizes)))
        }
        fetching = incoming.Incoming("r", made)
        by_digest = {key.digest: data for key, data in made.items()}
        on_the_way = self.asked(fetching.begin(0))
        now = 0
        while not fetching.is_complete:
            if not on_the_way or dice.random() < 0.1:
                now += incoming.AGAIN_NS
                on_the_way += self.asked(fetching.expire(now))
                continue
            digest, index = on_the_way.pop(dice.randrange(len(on_the_way)))
            if dice.random() < 0.1:
                continue  # it is lost
            data = by_digest[digest][index * PART:(index + 1) * PART]
            wrong = messages.Part(digest, index, data + b"x")
            self.assertEqual([], fetching.take(wrong, now))
            part = messages.Part(digest, index, data)
            on_the_way += self.asked(fetching.take(part, now))
            if dice.random() < 0.1:
                on_the_way += self.asked(fetching.take(part, now))

        self.assertEqual(by_digest, fetching.contents())

    def test_small_ones_share_a_window_and_large_ones_fill_it(self):
        small = [content.described(b"%d" % i) for i in range(100)]
        large = content.described(data_of(20 * PART, 1))

        self.assertEqual(
            incoming.WINDOW,
            len(incoming.Incoming("r", small).begin(0)),
        )
        self.assertEqual(8, len(incoming.Incoming("r", [large]).begin(0)))

    def test_what_does_not_match_its_digest_is_not_taken(self):
        wanted = content.described(b"right")
        fetching = incoming.Incoming("r", [wanted])
        fetching.begin(0)
        fetching.take(messages.Part(wanted.digest, 0, b"wrong"), 0)

        self.assertTrue(fetching.is_complete)
        self.assertIsNone(fetching.contents())

    def test_the_same_content_is_asked_for_once(self):
        one = content.described(b"x")
        self.assertEqual(1, len(incoming.Incoming("r", [one, one]).begin(0)))

    def test_an_empty_content_that_is_no_such_is_not_taken(self):
        fetching = incoming.Incoming("r", [messages.Content("0" * 64, 0)])
        self.assertTrue(fetching.is_complete)
        self.assertIsNone(fetching.contents())
