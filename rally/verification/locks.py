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

"""One command at a time for each verifier.

Runs of a verifier share its clone, the records of its launcher and, in one
environment, its configuration.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import typing as t

from rally.common import logging, private_files

LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def held(path: str, who: str) -> t.Iterator[None]:
    """Hold the lock of a verifier; wait until others have let go of it.

    The system lets go of it for a process that dies.

    :param path: file that stands for the lock
    :param who: the verifier, for the log
    """
    lock = pathlib.Path(path)
    private_files.make_folder(lock.parent)
    with open(lock, "w", opener=_private) as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOG.info(
                "Another command is working with verifier %s. This one starts "
                "when that has ended.", who,
            )
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def forget(path: str) -> None:
    """Remove the lock of a verifier that is no more."""
    pathlib.Path(path).unlink(missing_ok=True)
