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


"""What may be in a shipment: files of a run, and nowhere but in its folder.

A shipment is a list of paths and of the digests of what is found there. So
there is nothing in it that could be a link or a device, and a path cannot
lead anywhere else: whoever gets one looks here first.
"""

from __future__ import annotations

import posixpath
import typing as t

from rally.task.distributed.wire import messages

#: of all files together
MAX_BYTES = 64 << 20
#: of one name, as most file systems have it
MAX_NAME_BYTES = 255


def problem_with(shipment: messages.Shipment) -> str:
    """Why *shipment* is not taken, as a clause; empty: it may be."""
    paths = {file.path for file in shipment.files}
    named = [*paths, *shipment.plugins, *shipment.extra.values()]
    for path in named:
        if not is_below(path):
            return "%r does not name a file below a folder" % path
    if len(paths) < len(shipment.files):
        return "it names a file twice"
    folders = {above for path in paths for above in _above(path)}
    if both := folders & paths:
        return "%r is both a file and a folder" % min(both)
    for path in named:
        if path not in paths | folders:
            return "%r is not in it" % path
    return _problem_with_sizes(shipment)


def _problem_with_sizes(shipment: messages.Shipment) -> str:
    sizes: dict[str, int] = {}
    for file in shipment.files:
        size = sizes.setdefault(file.content.digest, file.content.size)
        if size != file.content.size:
            return "%r has two sizes" % file.path
    total = sum(file.content.size for file in shipment.files)
    if total > MAX_BYTES:
        return "it has %d bytes, and %d is the limit" % (total, MAX_BYTES)
    return ""


def is_below(path: str) -> bool:
    """Whether *path* names something below the folder that it starts from,
    whatever there is."""
    return all(map(_is_name, path.split("/")))


def _is_name(part: str) -> bool:
    try:
        size = len(part.encode())
    except UnicodeEncodeError:  # a file system may have it, a message not
        return False
    return 0 < size <= MAX_NAME_BYTES and (
        part not in (".", "..") and "\0" not in part
    )


def _above(path: str) -> t.Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def contents(shipment: messages.Shipment | None) -> list[messages.Content]:
    """What has to be there before it can be unpacked."""
    return [] if shipment is None else [
        file.content for file in shipment.files
    ]
