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

import os

from rally.task.distributed.load_process import output_tail
from tests.unit import test


class OutputTailTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        reading, self.writing = os.pipe()
        self.said = []
        self.tail = output_tail.OutputTail(
            os.fdopen(reading, "rb", buffering=0), self.said.append
        )
        self.addCleanup(self.tail.close)

    def test_a_little_is_passed_on_whole(self):
        os.write(self.writing, b"one\ntwo\n")
        os.close(self.writing)
        self.tail.close()

        self.assertEqual("one\ntwo\n", "".join(self.said))
        self.assertEqual("one\ntwo", self.tail.text())
        self.assertEqual(0, self.tail.dropped_bytes)

    def test_of_much_the_beginning_is_passed_on_and_the_end_kept(self):
        block = b"%099d\n" % 7
        for _ in range(20_000):
            os.write(self.writing, block)
        os.write(self.writing, b"the end\n")
        os.close(self.writing)
        self.tail.close(60)

        said = "".join(self.said)
        self.assertLess(len(said), output_tail.PASSED_ON_BYTES + 300)
        self.assertIn("what follows is not passed on", said)
        self.assertEqual(1_000_008, self.tail.dropped_bytes)
        self.assertIn("1000008 bytes", said)
        lines = self.tail.text().splitlines()
        self.assertEqual("the end", lines[-1])
        self.assertEqual(output_tail.TAIL_LINES, len(lines))

    def test_a_line_without_an_end_is_cut(self):
        for _ in range(100):
            os.write(self.writing, b"x" * 1000)
        os.close(self.writing)
        self.tail.close(60)
        self.assertLessEqual(
            len(self.tail.text()), output_tail.TAIL_BYTES
        )

    def test_a_pipe_that_somebody_keeps_open_is_not_waited_for(self):
        os.write(self.writing, b"last words")

        self.tail.close(60)

        self.assertEqual("last words", self.tail.text())
        os.close(self.writing)

    def test_a_log_that_cannot_be_written_holds_nothing_up(self):
        reading, writing = os.pipe()

        def fail(text):
            raise OSError("no space left")

        tail = output_tail.OutputTail(
            os.fdopen(reading, "rb", buffering=0), fail
        )
        os.write(writing, b"one\n")
        os.close(writing)
        tail.close(60)
        self.assertEqual("one", tail.text())
