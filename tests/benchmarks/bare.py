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

"""Threads that only sleep: the best that any load on this machine can do.

``python -m tests.benchmarks.bare THREADS SLEEP_S SECONDS`` prints how often
they slept, per second. As in the load itself, one process is bound to each
CPU, and timers are exact.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time

PR_SET_TIMERSLACK = 29


def rate(threads: int, sleep_s: float, duration_s: float) -> float:
    """How often *threads* threads sleep *sleep_s*, per second."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bare", str(threads),
         str(sleep_s), str(duration_s)],
        check=True, capture_output=True, text=True,
    )
    return float(done.stdout)


def _sleep(count: int, sleep_s: float, until: float) -> int:
    counts = [0] * count

    def run(index: int) -> None:
        while time.monotonic() < until:
            time.sleep(sleep_s)
            counts[index] += 1

    threads = [
        threading.Thread(target=run, args=(i,)) for i in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def main(threads: int, sleep_s: float, duration_s: float) -> None:
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0)
    cpus = sorted(os.sched_getaffinity(0))
    until = time.monotonic() + duration_s
    readers = []
    for i, cpu in enumerate(cpus):
        reader, writer = os.pipe()
        readers.append(reader)
        if os.fork() == 0:
            os.sched_setaffinity(0, {cpu})
            share = len(range(i, threads, len(cpus)))
            os.write(writer, b"%d" % _sleep(share, sleep_s, until))
            os._exit(0)
        os.close(writer)
    total = sum(int(os.read(reader, 64)) for reader in readers)
    for _ in cpus:
        os.wait()
    print(total / duration_s)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
