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

"""Records that are written by a thread of their own."""

from __future__ import annotations

import threading

from rally.common.db import retrying
from rally.task.reporting import record_writer
from tests.unit import test


class RecordWriterTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.written = []
        self.writer = record_writer.RecordWriter(
            retrying.RetryPolicy("uuid", 0)
        )

    def put(self, kind, value):
        self.writer.put(kind, lambda: self.written.append(value))

    def test_the_newest_of_each_kind_is_written(self):
        for value in (1, 2, 3):
            self.put("progress", value)
        self.put("status", "stopping")
        self.writer.close()

        self.writer.run()

        self.assertEqual([3, "stopping"], self.written)

    def test_what_is_superseded_is_not_written(self):
        self.put("status", "stopping")
        self.put("progress", 1)
        self.writer.close("progress")

        self.writer.run()

        self.assertEqual(["stopping"], self.written)

    def test_whoever_puts_does_not_wait_for_the_writing(self):
        begun, may_end = threading.Event(), threading.Event()

        def slow():
            begun.set()
            may_end.wait(30)
            self.written.append("slow")

        thread = threading.Thread(target=self.writer.run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(may_end.set)
        self.writer.put("progress", slow)
        self.assertTrue(begun.wait(30))

        self.put("progress", "next")

        self.assertEqual([], self.written)
        may_end.set()
        self.writer.close()
        thread.join()
        self.assertEqual(["slow", "next"], self.written)
