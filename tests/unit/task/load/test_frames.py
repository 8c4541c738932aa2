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

"""Tests of what goes through the pipe of a worker."""

from __future__ import annotations

import os
import random

import msgspec

from rally.task.load import frames
from tests.unit import test

SENT: list[frames.Frame] = [
    frames.WorkerReady(), frames.Block(b"x" * 5000, 17), frames.Event(3),
    frames.WorkerSnapshot(1, b"state", True), frames.Problem("hm"),
    frames.Failure("ValueError", "no", "trace"), frames.Bye([1, 2]),
]


class FramesTestCase(test.TestCase):
    def test_they_arrive_whole_however_the_pipe_cuts_them(self) -> None:
        source, target = os.pipe()
        self.addCleanup(os.close, source)
        writer = frames.FrameWriter(target)
        for frame in SENT:
            writer.write(frame)
        os.close(target)
        data = os.read(source, 1 << 16)

        for seed in range(20):
            reader, got, at = frames.FrameReader(), [], 0
            sizes = random.Random(seed)
            while at < len(data):
                size = sizes.choice((1, 3, 700))
                got += reader.feed(data[at:at + size])
                at += size
            self.assertEqual(SENT, got)

    def test_what_is_no_frame_is_one_kind_of_error(self) -> None:
        problem = frames.encode_state(frames.Problem("xxx"))
        for body in (
            b"garbage", problem.replace(b"xxx", b"\xff\xff\xff"),
            b"\x91" * 5000,
        ):
            data = len(body).to_bytes(4, "little") + body
            self.assertRaises(
                msgspec.DecodeError, frames.FrameReader().feed, data
            )

    def test_a_length_that_no_frame_has_is_not_waited_for(self) -> None:
        self.assertRaises(
            msgspec.DecodeError, frames.FrameReader().feed,
            (frames.MAX_BYTES + 1).to_bytes(4, "little"),
        )

    def test_garbage_is_refused(self) -> None:
        reader = frames.FrameReader()
        self.assertRaises(
            msgspec.DecodeError, reader.feed, b"\x04\0\0\0what is this"
        )
