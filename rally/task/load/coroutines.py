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

"""Iterations one at a time, whether they are coroutines or not."""

from __future__ import annotations

import contextlib
import typing as t

from rally.task.load import iteration
from rally.task.results import row as row_module

Run: t.TypeAlias = t.Callable[[int, iteration.Slot], row_module.Row]


@contextlib.contextmanager
def one_at_a_time(one: iteration.IterationRunner) -> t.Iterator[Run]:
    """What runs an iteration here and now.

    Coroutines share one event loop, so that what they keep on it, as
    connections, is there for the next one.
    """
    if not one.is_async:
        yield one.run
        return
    import asyncio  # costs a start what synchronous scenarios do not need

    loop = asyncio.new_event_loop()
    try:
        yield lambda number, slot: loop.run_until_complete(
            one.run_async(number, slot)
        )
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
