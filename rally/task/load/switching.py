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

"""How long a thread of a worker may keep the interpreter from the others."""

from __future__ import annotations

import sys

#: a row waits for its block, not for four threads to run 5 ms each
CLOSED_S = 0.001
#: what is due waits for the block that is being made, too
OPEN_S = 0.000_2
#: with more threads than this it is what CPython does by itself: one that
#: waits for the interpreter wakes up in each interval, and thousands of them
#: use up the CPU they wait for
MANY_THREADS = 100
MANY_S = 0.005


def begin(is_open: bool) -> None:
    """Choose for few threads, those of an open or of a closed model."""
    sys.setswitchinterval(OPEN_S if is_open else CLOSED_S)


def grown_to(threads: int) -> None:
    """There are so many threads that run iterations now."""
    if threads == MANY_THREADS + 1:
        sys.setswitchinterval(MANY_S)
