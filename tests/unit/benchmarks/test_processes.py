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

"""What is read and added up of a tree of processes."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

from tests.benchmarks import errors, family, memory, processes
from tests.unit import test

ROOT = pathlib.Path(__file__).parents[3]
#: a child that ends at once and leaves a grandchild, which spends CPU time
#: and remembers its parent's end
ORPHAN = """
import os, sys, time
if os.fork() == 0:
    if os.fork() == 0:
        while time.process_time() < 0.4: pass
    os._exit(0)
os.wait()
print("said")
sys.exit(3)
"""
#: in a process of its own: the tests' process must not adopt or reap
MEASURE = """
import pathlib, sys
from tests.benchmarks import errors, processes
processes.adopt_orphans()
try:
    usage = processes.run(
        [sys.executable, "-c", sys.argv[1]], env={}, cwd=pathlib.Path.cwd(),
        deadline_s=float(sys.argv[2]),
    )
except errors.BenchmarkError as e:
    print(e)
else:
    print(usage.status, usage.cpu_s >= 0.4, usage.peak_bytes > 1 << 20,
          usage.output.strip())
"""


def measured(program: str, deadline_s: float = 60) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [sys.executable, "-c", MEASURE, program, str(deadline_s)],
            cwd=folder, env={"PYTHONPATH": str(ROOT)}, text=True,
            stdout=subprocess.PIPE, timeout=60, check=True,
        ).stdout.strip()


class FamilyTestCase(test.TestCase):
    def test_a_program_may_have_any_name(self):
        self.assertEqual(7, family.parent_of("12 (a) b (c) S 7 1 1 0"))

    def test_depths_are_counted_from_what_is_known(self):
        parent = {2: 1, 3: 2, 4: 2, 5: 4, 9: 8, 8: 7}

        self.assertEqual(
            {1: 0, 2: 1, 3: 2, 4: 2, 5: 3}, family.depths(parent, {1: 0})
        )
        self.assertEqual(
            {4: 2, 5: 3}, family.depths({5: 4, 3: 2}, {4: 2})
        )

    def test_this_process_is_found_below_its_parent(self):
        me = os.getpid()

        self.assertEqual({me: os.getppid()}, family.parents([me]))
        self.assertIn(me, family.pids())


class MemoryTestCase(test.TestCase):
    def test_the_peak_stands_in_the_status(self):
        self.assertEqual(
            2048, memory.peak_in("Name:\tx\nVmHWM:\t     2 kB\nVmRSS:\t1 kB")
        )
        self.assertIsNone(memory.peak_in("Name:\tx\nState:\tZ (zombie)\n"))

    def test_a_role_has_the_peak_of_its_largest_process(self):
        sampler = memory.PeakSampler()

        sampler.sample(os.getpid())

        self.assertEqual(
            ["controller"], list(sampler.peaks(memory.LOCAL_ROLES))[:1]
        )
        self.assertGreater(
            sampler.peaks(memory.LOCAL_ROLES)["controller"], 1 << 20
        )


class RunTestCase(test.TestCase):
    def test_counts_a_process_whose_parent_ended_before_it(self):
        self.assertEqual("3 True True said", measured(ORPHAN))

    def test_kills_what_takes_too_long_and_says_so(self):
        said = measured("import time; time.sleep(50)", deadline_s=0.5)

        self.assertIn("did not end in time", said)

    def test_nothing_is_measured_of_a_program_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertRaises(
                (OSError, errors.BenchmarkError), processes.run,
                ["/nonexistent/rally"], env={}, cwd=pathlib.Path(folder),
                deadline_s=1,
            )
