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

"""Where the database is that nobody has configured.

Earlier releases kept it in the folder for temporary files, where every user
may make a file of that name first. One that is there goes on being used if it
is ours.
"""

from __future__ import annotations

import os
import pathlib
import stat
import tempfile

from rally.common import private_files

#: files that SQLite keeps beside a database, and reads
COMPANIONS = ("-wal", "-shm", "-journal")


def own() -> pathlib.Path:
    """In the home of this user; one without a home gets a folder."""
    try:
        folder = pathlib.Path.home() / ".rally"
    except RuntimeError:  # as in some containers
        name = "rally-%d" % os.geteuid()
        folder = pathlib.Path(tempfile.gettempdir()) / name
    return folder / "rally.db"


def earlier() -> pathlib.Path:
    """Where earlier releases kept it."""
    return pathlib.Path(tempfile.gettempdir()) / "rally.sqlite"


def connection() -> str:
    """Address of the database, which need not exist yet."""
    before = earlier()
    is_kept = not own().exists() and _is_ours(before)
    return "sqlite:///%s" % (before if is_kept else own())


def prepare(path: str) -> None:
    """Let nobody else read the database, if *path* is a default one.

    Environments hold passwords of clouds, and earlier releases let the umask
    decide who may read them.

    :raises OSError: its folder cannot be made
    """
    if pathlib.Path(path) not in (own(), earlier()):
        return
    if pathlib.Path(path) == own():
        private_files.make_folder(own().parent)
    for name in (path, *(path + suffix for suffix in COMPANIONS)):
        if _is_ours(pathlib.Path(name)) and (
            os.stat(name).st_mode & private_files.FOR_OTHERS
        ):
            os.chmod(name, stat.S_IRUSR | stat.S_IWUSR)


def _is_ours(path: pathlib.Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
