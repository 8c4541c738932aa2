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

"""Processes of runner plugins that make their load themselves."""

from __future__ import annotations

import collections
import itertools
import multiprocessing
import multiprocessing.connection
import typing as t
import warnings

ProcessPool: t.TypeAlias = "collections.deque[t.Any]"
#: a queue that cannot be waited for is looked at this often, seconds
_BLIND_WAIT_S = 0.1


def create(
    processes_to_start: int,
    worker_process: t.Callable[..., t.Any],
    worker_args_gen: t.Iterator[tuple[t.Any, ...]],
) -> ProcessPool:
    """Start processes; each also gets the keyword argument ``info``."""
    pool: ProcessPool = collections.deque()
    for i in range(processes_to_start):
        process = multiprocessing.get_context("fork").Process(
            target=worker_process,
            args=next(worker_args_gen),
            kwargs={
                "info": {
                    "processes_to_start": processes_to_start,
                    "processes_counter": i,
                }
            },
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        pool.append(process)
    return pool


def join(
    pool: ProcessPool,
    on_result: t.Callable[[t.Any], None],
    on_event: t.Callable[[t.Any], None],
    result_queue: t.Any,
    event_queue: t.Any,
) -> list[t.Any]:
    """Pass on what the processes put into their queues, until they end.

    :returns: the processes that did not end well
    """
    handlers = [(result_queue, on_result), (event_queue, on_event)]
    readers = [
        queue._reader for queue, _ in handlers if hasattr(queue, "_reader")
    ]
    wait_s = None if len(readers) == len(handlers) else _BLIND_WAIT_S
    failed = []
    while pool:
        multiprocessing.connection.wait(
            itertools.chain(readers, (p.sentinel for p in pool)), wait_s
        )
        alive = [process for process in pool if process.is_alive()]
        for queue, handle in handlers:
            # what a process has put was in the pipe when it ended
            while not queue.empty():
                handle(queue.get())
        for process in set(pool) - set(alive):
            process.join()
            pool.remove(process)
            if process.exitcode:
                failed.append(process)
    for queue, _ in handlers:
        if hasattr(queue, "close"):
            queue.close()
    return failed
