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

"""What a load leaves behind in its process, and around it."""

from __future__ import annotations

import logging
import os
import pathlib
import threading
import typing as t

LOG = logging.getLogger(__name__)


def are_none(before: t.Collection[threading.Thread]) -> bool:
    """Whether nothing of a load goes on: neither thread nor process.

    :param before: the threads there were before the load
    """
    threads = sorted(
        thread.name for thread in threading.enumerate()
        if thread not in before
    )
    processes = group_of_this_process()
    if threads or processes:
        LOG.info(
            "The load left threads %s and processes %s behind"
            % (threads, processes)
        )
    return not (threads or processes)


def resident_bytes() -> int:
    """How much memory this process has at the moment."""
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def group_of_this_process() -> list[int]:
    """Other processes of the group that this one leads, ended or not."""
    own, found = os.getpid(), []
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == own:
            continue
        try:
            words = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(words[2]) == own:
            found.append(int(folder.name))
    return sorted(found)
