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
import pathlib
import signal
import stat
import tempfile
import time
from unittest import mock

import hypothesis
from hypothesis import strategies as st

from rally.common import private_files
from rally.task.distributed import spool
from rally.task.results import head as head_module
from tests.fuzz import seeds
from tests.unit import test

RUN = "3f0c5e62-run"
numbers = st.integers(0, 2**53)
moments = st.integers(-(2**61), 2**62)
heads = st.builds(
    head_module.ChunkHead,
    count=numbers,
    failed=numbers,
    first_ns=moments,
    last_ns=moments,
    finished_ns=moments,
    numbers=st.lists(
        st.tuples(numbers, st.integers(1, 2**53), numbers), max_size=3
    ).map(tuple),
)
HEAD = head_module.ChunkHead(3, 1, 10, 20, 30, ((1, 2, 3),))


def packed(
    payload: bytes,
    head: head_module.ChunkHead = HEAD,
    sequence: int = 7,
    run: str = RUN,
) -> bytes:
    chunk = head_module.PackedChunk(head, payload)
    return b"".join(spool.pack(run, spool.SpooledChunk(sequence, chunk)))


def kept(sequence: int, payload: bytes) -> spool.SpooledChunk:
    return spool.SpooledChunk(
        sequence, head_module.PackedChunk(HEAD, payload)
    )


class FormatTestCase(test.TestCase):
    @hypothesis.settings(max_examples=200, deadline=None)
    @hypothesis.given(
        payload=st.binary(max_size=300),
        head=heads | st.builds(
            head_module.ChunkHead, *[st.integers()] * 5,
            numbers=st.tuples(st.tuples(*[st.integers()] * 3)),
        ),
        sequence=numbers | st.integers(),
        run=st.just(RUN) | st.text(max_size=80),
    )
    def test_what_was_packed_comes_back_or_cannot_be_packed(
        self, payload, head, sequence, run
    ):
        try:
            data = packed(payload, head, sequence, run)
        except ValueError:
            return

        self.assertEqual(
            spool.SpooledChunk(
                sequence, head_module.PackedChunk(head, payload)
            ),
            spool.unpack(run, data),
        )

    @hypothesis.given(payload=st.binary(max_size=300), head=heads)
    def test_every_head_of_the_wire_can_be_spooled(self, payload, head):
        self.assertEqual(
            head, spool.unpack(RUN, packed(payload, head)).chunk.head
        )

    def test_files_of_the_first_version_are_read(self):
        rows = seeds.rows(9)

        found = spool.unpack(seeds.RUN, seeds.spooled_1(7, rows))

        self.assertEqual(spool.SpooledChunk(7, rows.packed()), found)

    def test_those_that_cannot_be_opened_are_refused(self):
        data = seeds.spooled_1(7, seeds.rows(9))
        broken = seeds.sealed(data[:-1] + bytes([data[-1] ^ 1]))

        self.assertRaises(ValueError, spool.unpack, seeds.RUN, broken)

    def test_every_truncation_is_detected(self):
        data = packed(b"payload of a chunk")
        for length in range(len(data)):
            self.assertRaises(ValueError, spool.unpack, RUN, data[:length])

    def test_every_flipped_bit_is_detected(self):
        data = packed(b"payload of a chunk")
        for position in range(len(data) * 8):
            flipped = bytearray(data)
            flipped[position // 8] ^= 1 << (position % 8)
            self.assertRaises(ValueError, spool.unpack, RUN, bytes(flipped))

    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(
        payload=st.binary(max_size=100),
        extra=st.binary(min_size=1, max_size=20),
    )
    def test_bytes_too_many_are_detected(self, payload, extra):
        self.assertRaises(
            ValueError, spool.unpack, RUN, packed(payload) + extra
        )

    @hypothesis.settings(max_examples=200, deadline=None)
    @hypothesis.given(data=st.binary(max_size=400))
    def test_bytes_of_others_are_no_chunk(self, data):
        self.assertRaises(ValueError, spool.unpack, RUN, data)

    def test_a_chunk_of_another_run_is_refused(self):
        data = packed(b"payload")
        error = self.assertRaises(ValueError, spool.unpack, "other", data)
        self.assertIn("another run", str(error))


class SpoolTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "spool"
        self.spool = spool.Spool(self.folder, RUN)

    def write(self, sequence: int, payload: bytes = b"payload") -> None:
        self.spool.write_all([kept(sequence, payload)])

    def path(self, sequence: int) -> pathlib.Path:
        return self.folder / RUN / ("%012d.chunk" % sequence)

    def test_gives_back_what_was_written(self):
        self.write(5, b"\0bytes\xff")

        chunk = self.spool.read(5)

        self.assertEqual(kept(5, b"\0bytes\xff"), chunk)

    def test_another_process_sees_every_change(self):
        reader = spool.Spool(self.folder, RUN)
        self.write(2)
        self.write(1)
        self.assertEqual([1, 2], reader.sequences())
        self.assertEqual(b"payload", reader.read(2).chunk.payload)

        reader.remove(1)
        reader.remove(1)

        self.assertEqual([2], self.spool.sequences())

    def test_a_number_is_used_once(self):
        self.write(1)
        self.assertRaises(ValueError, self.write, 1)

    def test_some_are_kept_together_or_none_of_them(self):
        self.spool.write_all([kept(1, b"a"), kept(2, b"b")])
        with mock.patch.object(
            os, "fsync", side_effect=[None, OSError(28, "no space")]
        ):
            self.assertRaises(
                spool.SpoolError,
                self.spool.write_all, [kept(3, b"c"), kept(4, b"d")],
            )
        self.assertEqual([1, 2], self.spool.sequences())
        self.assertEqual(
            ["000000000001.chunk", "000000000002.chunk"],
            sorted(os.listdir(self.folder / RUN)),
        )

    def test_a_folder_that_fails_keeps_none_of_them(self):
        chunks = [kept(1, b"a"), kept(2, b"b")]
        with mock.patch.object(
            private_files, "sync_folder", side_effect=OSError(5, "bad disk")
        ):
            self.assertRaises(
                spool.SpoolError, self.spool.write_all, chunks
            )
        self.assertEqual([], self.spool.sequences())
        self.spool.write_all(chunks)
        self.assertEqual([1, 2], self.spool.sequences())

    def test_only_its_owner_can_read_it(self):
        previous = os.umask(0)
        self.addCleanup(os.umask, previous)
        fresh = spool.Spool(self.folder.parent / "fresh", RUN)
        fresh.write_all([kept(1, b"")])

        modes = {
            stat.S_IMODE(path.stat().st_mode)
            for path in (fresh.folder.parent, fresh.folder)
        }
        files = [path.stat().st_mode for path in fresh.folder.iterdir()]

        self.assertEqual({0o700}, modes)
        self.assertEqual([0o600], [stat.S_IMODE(mode) for mode in files])

    def test_runs_are_kept_apart(self):
        other = spool.Spool(self.folder, "another-run")
        self.write(1)
        self.assertEqual([], other.sequences())
        self.assertEqual([RUN, "another-run"], spool.Spool.runs(self.folder))
        self.assertEqual([], spool.Spool.runs(self.folder / "absent"))

        other.discard()
        other.discard()

        self.assertEqual([RUN], spool.Spool.runs(self.folder))
        self.assertEqual([1], self.spool.sequences())

    def test_a_run_id_cannot_lead_elsewhere(self):
        for run_id in ("", "..", ".hidden", "a/b", "a" * 65, "a\0b"):
            self.assertRaises(ValueError, spool.Spool, self.folder, run_id)

    def test_a_missing_chunk_is_reported(self):
        self.assertRaises(spool.ChunkUnreadable, self.spool.read, 9)

    def test_a_damaged_chunk_is_put_aside(self):
        self.write(1)
        self.path(1).write_bytes(self.path(1).read_bytes()[:-1])

        self.assertRaises(spool.ChunkUnreadable, self.spool.read, 1)

        self.assertEqual([], self.spool.sequences())
        self.assertEqual(
            ["000000000001.chunk.torn"], os.listdir(self.folder / RUN)
        )

    def test_a_chunk_under_another_name_is_put_aside(self):
        self.write(1)
        self.path(1).rename(self.path(2))
        self.assertRaises(spool.ChunkUnreadable, self.spool.read, 2)

    def test_recovery_keeps_what_is_whole_and_counts_the_rest(self):
        for sequence in (1, 2, 3):
            self.write(sequence)
        self.path(2).write_bytes(b"RALLYCH1")
        (self.folder / RUN / "notes.txt").write_text("alien")
        (self.folder / RUN / "0000000000007.chunk").write_text("alien")
        (self.folder / RUN / (".x" + private_files.UNFINISHED)).touch()

        found = spool.Spool(self.folder, RUN).recover()

        self.assertEqual([1, 3], list(found.sequences))
        self.assertEqual((3, 1), (found.torn, found.unfinished))
        again = self.spool.recover()
        self.assertEqual((0, 0), (again.torn, again.unfinished))
        # the process that found them may not have come to tell
        self.assertEqual((4, 4), (found.cut, again.cut))
        self.assertEqual(found.sequences, again.sequences)

    def test_a_last_record_cut_off_anywhere_is_counted(self):
        self.write(0)
        self.write(1)
        whole = self.path(1).read_bytes()
        for length in range(len(whole)):
            self.path(1).write_bytes(whole[:length])

            found = self.spool.recover()

            self.assertEqual((1, 1), (found.end, found.cut), length)
            self.assertEqual([0], self.spool.sequences())

    def test_a_chunk_put_aside_is_damaged_not_missing(self):
        self.write(0)
        os.truncate(self.path(0), 10)
        self.spool.recover()

        error = self.assertRaises(
            spool.ChunkUnreadable, self.spool.read, 0
        )
        self.assertIn("damaged", str(error))

    def test_a_writer_is_known_as_long_as_it_lives(self):
        self.assertFalse(self.spool.is_written())
        ours, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            self.spool.claim()
            os.write(theirs, b"x")
            time.sleep(60)
            os._exit(0)
        os.read(ours, 1)

        self.assertTrue(self.spool.is_written())
        before = os.listdir("/proc/self/fd")
        self.assertRaises(spool.SpoolError, self.spool.claim)
        self.assertEqual(before, os.listdir("/proc/self/fd"))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.assertFalse(self.spool.is_written())
        self.assertEqual(0, self.spool.recover().cut)

    def test_a_full_disk_is_explained_and_leaves_nothing(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("needs /dev/full")
        descriptor = os.open("/dev/full", os.O_WRONLY)
        self.addCleanup(os.close, descriptor)
        self.patch_mkstemp(descriptor)

        error = self.assertRaises(spool.SpoolError, self.write, 1)

        self.assertIn("no space left", str(error))
        self.assertIn("Free space", str(error))
        self.assertEqual([], self.spool.sequences())

    def patch_mkstemp(self, descriptor: int) -> None:
        """A disk without space, whoever runs this test."""

        def full(**kwargs: object) -> tuple[int, str]:
            return os.dup(descriptor), str(self.folder / "gone")

        original = private_files.tempfile.mkstemp
        private_files.tempfile.mkstemp = full
        self.addCleanup(setattr, private_files.tempfile, "mkstemp", original)

    def test_a_vanished_folder_is_explained(self):
        self.spool.discard()
        error = self.assertRaises(spool.SpoolError, self.write, 1)
        self.assertIn(str(self.folder), str(error))

    def test_a_file_in_place_of_the_folder_is_explained(self):
        (self.folder / "taken").touch()
        error = self.assertRaises(
            spool.SpoolError, spool.Spool, self.folder / "taken", RUN
        )
        self.assertIn("can write to", str(error))

    def test_numbers_beyond_the_format_are_an_error(self):
        self.assertRaises(ValueError, self.write, -1)
