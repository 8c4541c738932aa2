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

"""Signals that ask a process for its end: all of them mean the same.

Ctrl-C (SIGINT), a service manager (SIGTERM), a terminal or a connection that
was closed (SIGHUP).
"""

from __future__ import annotations

import contextlib
import signal
import threading
import types
import typing as t

Handler: t.TypeAlias = t.Callable[[int, types.FrameType | None], object]
Before: t.TypeAlias = dict[signal.Signals, t.Any]


def handle(handler: Handler) -> Before:
    """Have *handler* called for each of them, in the main thread.

    :returns: the handlers before
    """
    asked = [signal.SIGINT, signal.SIGTERM]
    # nohup has it ignored, so that the process outlives its terminal
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        asked.append(signal.SIGHUP)
    return {number: signal.signal(number, handler) for number in asked}


@contextlib.contextmanager
def handled(handler: Handler) -> t.Iterator[None]:
    """Within the block, have *handler* called for each of them.

    Only the main thread can ask for that: in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = handle(handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
