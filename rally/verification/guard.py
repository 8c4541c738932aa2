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

"""Runs a command, and ends all its processes when Rally does.

Rally may be killed, and then it ends nothing itself: tests would go on in the
cloud, and nobody would know of them. So the command's parent is this file, run
as a script, which holds the reading end of a pipe: when Rally is gone, however
that came about, the pipe is closed, and the process group is killed.

It imports nothing of Rally: that would cost more than most commands.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

#: exit status of a shell whose command cannot be started
CANNOT_START = 127
SIGNALLED = 128


def main(words: list[str]) -> int:
    """Exit status of the command.

    :param words: the command and its arguments
    """
    # what the group is sent is for the command; a handler, because what is
    # ignored would be ignored by the command, too
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        command = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    except OSError as e:
        print("%s cannot be started: %s" % (words[0], e.strerror))
        return CANNOT_START
    poll = select.poll()
    ended = os.pidfd_open(command.pid)
    for descriptor in (ended, sys.stdin.fileno()):
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
    ready = {descriptor for descriptor, _ in poll.poll()}
    if ended not in ready:  # nobody waits for it any more
        os.killpg(0, signal.SIGKILL)
    status = command.wait()
    return status if status >= 0 else SIGNALLED - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
