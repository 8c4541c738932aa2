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

"""Forks the process of a worker, and makes its pipe."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
import os
import sys
import typing as t
import warnings

from rally.task.load import worker

#: what a worker has written survives its death, so its pipe is large
PIPE_BYTES = 1 << 18
_F_SETPIPE_SZ = 1031  # linux/fcntl.h
_FORK = multiprocessing.get_context("fork")


def results_pipe() -> tuple[int, int]:
    """Where the pool reads without waiting, and where the worker writes."""
    reader, writer = os.pipe()
    with contextlib.suppress(OSError):  # a limit of the user
        fcntl.fcntl(writer, _F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(reader, False)
    return reader, writer


def fork(
    work: worker.Work, assignment: worker.Assignment, foreign: list[int]
) -> t.Any:
    """Fork the process of a worker."""
    process = _FORK.Process(
        target=worker.main, args=(work, assignment, foreign),
        name=assignment.name,
    )
    sys.stdout.flush()  # else both would write what is buffered
    sys.stderr.flush()
    with warnings.catch_warnings():
        # threads of the engine do not matter to a worker: it uses none of
        # their locks
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    return process
