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


"""On the path of a process, it lets a test stop the monotonic clock.

That is what a process sees whose virtual machine was paused: no time has
passed. The variable PAUSED_CLOCK names a file with the nanoseconds that were
taken away, in the byte order of the host.
"""

import mmap
import os
import time

with open(os.environ["PAUSED_CLOCK"], "rb") as file:
    _taken = memoryview(
        mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    ).cast("q")
_true_ns = time.monotonic_ns
time.monotonic_ns = lambda: _true_ns() - _taken[0]
time.monotonic = lambda: (_true_ns() - _taken[0]) / 1e9
