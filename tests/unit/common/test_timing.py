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

"""Tests of measuring time and of sleeps."""

from __future__ import annotations

import queue
import threading
import time

from rally import exceptions
from rally.common import clock, timing
from tests.unit import test


class TimerTestCase(test.TestCase):
    def test_measures_the_block(self) -> None:
        before = clock.now()

        with timing.Timer() as timer:
            time.sleep(0.01)

        self.assertTrue(before <= timer.timestamp())
        self.assertTrue(timer.finish_timestamp() <= clock.now())
        self.assertTrue(0.01 <= timer.duration() < 1)
        self.assertIsNone(timer.error)

    def test_keeps_and_passes_on_the_error(self) -> None:
        timer = timing.Timer()

        def fail() -> None:
            with timer:
                raise ValueError("boom")

        self.assertRaises(ValueError, fail)
        assert timer.error is not None
        self.assertIs(ValueError, timer.error[0])
        self.assertTrue(timer.duration() >= 0)

    def test_subclasses_may_assign_its_times(self) -> None:
        class Own(timing.Timer):
            def __enter__(self) -> Own:
                self.start = 5.25
                return self

            def __exit__(self, *error: object) -> None:
                self.finish = 7.5

        with Own() as timer:
            pass
        self.assertEqual(
            (5.25, 7.5, 2.25),
            (timer.timestamp(), timer.finish_timestamp(), timer.duration()),
        )

    def test_formats_for_people(self) -> None:
        self.assertEqual("2.50 sec", timing.format_duration(2.5))
        self.assertEqual("2.50 msec", timing.format_duration(0.0025))

    def test_takes_nothing_beside_its_times(self) -> None:
        self.assertFalse(hasattr(timing.Timer(), "__dict__"))


class SleepTestCase(test.TestCase):
    def test_sleeps_as_long_as_asked(self) -> None:
        with timing.Timer() as timer:
            timing.interruptable_sleep(0.05, atomic_delay=0.01)

        self.assertTrue(0.05 <= timer.duration() < 10)

    def test_nonsense_is_refused(self) -> None:
        sleep = timing.interruptable_sleep

        self.assertRaises(ValueError, sleep, -1)
        self.assertRaises(ValueError, sleep, 1, 0)
        self.assertRaises(ValueError, sleep, 1, -1)

    def test_stopwatch_sleeps_until_a_moment(self) -> None:
        stopwatch = timing.Stopwatch()
        stopwatch.start()

        with timing.Timer() as timer:
            time.sleep(0.03)
            stopwatch.sleep(0.05)
            stopwatch.sleep(0.01)  # has passed

        self.assertTrue(0.05 <= timer.duration() < 10)

    def test_stop_event_ends_the_sleep(self) -> None:
        event = threading.Event()
        event.set()
        stopwatch = timing.Stopwatch(event)

        with timing.Timer() as timer:
            stopwatch.sleep(30)

        self.assertTrue(timer.duration() < 5)


class TerminateTestCase(test.TestCase):
    def test_a_sleep_ends_whenever_its_thread_is_terminated(self) -> None:
        for spins in range(200):
            caught: list[BaseException] = []
            about_to = threading.Event()

            def sleeper(
                caught: list[BaseException] = caught,
                about_to: threading.Event = about_to,
            ) -> None:
                try:
                    about_to.set()
                    timing.interruptable_sleep(60, atomic_delay=60)
                except exceptions.ThreadTimeoutException as e:
                    caught.append(e)

            victim = threading.Thread(target=sleeper, daemon=True)
            victim.start()
            about_to.wait()
            for _ in range(spins):  # another moment each time
                pass
            timing.terminate_thread(victim.ident or 0)
            victim.join(20)
            self.assertEqual(1, len(caught))

    def test_deadline_ends_a_thread(self) -> None:
        caught: list[BaseException] = []

        def sleeper() -> None:
            try:
                timing.interruptable_sleep(30, atomic_delay=0.01)
            except exceptions.ThreadTimeoutException as e:
                caught.append(e)

        deadlines: queue.Queue[tuple[int | None, float | None]]
        deadlines = queue.Queue()
        watch = threading.Thread(
            target=timing.timeout_thread, args=(deadlines,)
        )
        watch.start()
        victims = [threading.Thread(target=sleeper) for _ in range(2)]
        for position, victim in enumerate(victims):
            victim.start()
            # the later deadline comes first
            deadline = time.time() + 0.1 - position * 0.05
            deadlines.put((victim.ident, deadline))

        for victim in victims:
            victim.join(10)
        deadlines.put((None, None))
        watch.join(10)

        self.assertEqual(2, len(caught))
        self.assertFalse(watch.is_alive())
