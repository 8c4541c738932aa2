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

"""Records that may be late: written by a thread of their own.

Whoever judges the load must never wait for the database.
"""

from __future__ import annotations

import threading
import typing as t

from rally.common.db import retrying

Write: t.TypeAlias = t.Callable[[], t.Any]


class RecordWriter:
    """Writes the newest record of each kind, one after the other.

    :param retry: how writing is done
    """

    def __init__(self, retry: retrying.RetryPolicy) -> None:
        self._retry = retry
        self._waiting: dict[str, Write] = {}
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, kind: str, write: Write) -> None:
        """Have *write* called; instead of an older one that still waits."""
        with self._changed:
            self._waiting[kind] = write
            self._changed.notify()

    def close(self, *superseded: str) -> None:
        """Nothing more comes, and these kinds need not be written."""
        with self._changed:
            for kind in superseded:
                self._waiting.pop(kind, None)
            self._is_closed = True
            self._changed.notify()

    def run(self) -> None:
        """The body of the thread: until ``close``, and all is written.

        :raises DBException: what cannot be written now never can
        """
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._waiting or self._is_closed
                )
                if not self._waiting:
                    return
                kind = next(iter(self._waiting))
                write = self._waiting.pop(kind)
            self._retry(write)
