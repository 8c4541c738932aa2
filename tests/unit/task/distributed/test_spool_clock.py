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

import pathlib
import tempfile

from rally.task.distributed import spool_clock
from tests.unit import test


class SpoolClockTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def keep(self, fresh_ns, has_chunks=True, boot_id="boot-1"):
        return spool_clock.keep_base(
            self.folder, fresh_ns, has_chunks, boot_id
        )

    def test_what_is_kept_keeps_its_clock(self):
        self.assertEqual(100, self.keep(100, has_chunks=False))
        self.assertEqual(100, self.keep(200))
        self.assertEqual(100, self.keep(300))

    def test_without_chunks_the_clock_is_read_anew(self):
        self.keep(100, has_chunks=False)
        self.assertEqual(200, self.keep(200, has_chunks=False))
        self.assertEqual(200, self.keep(300))

    def test_the_clock_of_another_boot_is_of_no_use(self):
        self.keep(100, has_chunks=False)
        self.assertEqual(200, self.keep(200, boot_id="boot-2"))
        self.assertEqual(200, self.keep(300, boot_id="boot-2"))

    def test_a_damaged_note_is_none(self):
        for text in ("", "boot-1", "boot-1 x", "a b c", "\0"):
            (self.folder / spool_clock.FILE).write_text(text)
            self.assertEqual(200, self.keep(200))

    def test_hosts_that_do_not_say_when_they_booted_keep_none(self):
        self.keep(100, has_chunks=False, boot_id="")
        self.assertEqual(200, self.keep(200, boot_id=""))
