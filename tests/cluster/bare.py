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

"""A client without Rally: what a host of this machine can do at all.

``python -m tests.cluster.bare HOST PORT AT``: at moment *AT* of the monotonic
clock it tells the referee of an iteration, like scenario ``Referee.visit``.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  a first connection needs it
import socket
import sys
import threading
import time

#: beyond the numbers of all iterations
NUMBER = 10 ** 9


def visit(host: str, port: int, at: float) -> None:
    """Start one iteration at that moment, and end it."""
    threading.Event().wait(at - time.monotonic())
    with socket.create_connection((host, port), 30) as connection:
        answers = connection.makefile()
        for kind in ("start", "end"):
            connection.sendall(b"%s %d\n" % (kind.encode(), NUMBER))
            answers.readline()


if __name__ == "__main__":
    visit(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
