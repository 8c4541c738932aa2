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


"""What is kept of join tokens after their end, and for how long.

A token that ended is kept so that people see who came by it and why it is
refused; the record of an agent that was revoked, so that its use stays
counted. Neither lets anybody in. Once a token is gone its key is unknown, and
nobody can count its uses any more, so it always goes before the records do.
"""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import typing as t

from rally.common import private_files
from rally.common.counting import counted
from rally.task.distributed.security import key_files, keys, tokens

#: after the end of a token, or after an agent was revoked
KEPT_DAYS = 30
#: counts what was removed; beside the tokens
COUNT_FILE = "purged"


@dataclasses.dataclass(frozen=True, slots=True)
class Purged:
    """What was removed, ever."""

    tokens: int = 0
    records: int = 0  # of agents that were revoked
    last: str = ""  # when

    def __str__(self) -> str:
        return (
            "Removed so far, %d days after their end: %s and the records of "
            "%s that had joined with one; last on %s."
            % (
                KEPT_DAYS, counted(self.tokens, "join token"),
                counted(self.records, "revoked agent"), self.last[:10],
            )
        )


def purge(
    folder: pathlib.Path | None = None,
    now: t.Callable[[], datetime.datetime] = tokens.utc_now,
) -> Purged:
    """Remove what has been kept long enough.

    :raises KeyFolderUnusable: something cannot be removed
    """
    folder = folder or keys.default_folder()
    tokens_folder = folder / tokens.FOLDER
    if not tokens_folder.is_dir():
        return Purged()
    with keys.changing(folder):
        return _purge(folder, tokens_folder, now())


def _purge(
    folder: pathlib.Path, tokens_folder: pathlib.Path,
    now: datetime.datetime,
) -> Purged:
    limit = now - datetime.timedelta(days=KEPT_DAYS)
    before = _counted(tokens_folder)
    try:
        old = [
            tokens_folder / (token.id + tokens.SUFFIX)
            for token in tokens.tokens(folder) if token.end <= limit
        ]
        _remove(old, tokens_folder)
        agents_folder = folder / keys.AGENTS_FOLDER
        records = list(_countless(agents_folder, tokens_folder, limit))
        _remove(records, agents_folder)
        if not old and not records:
            return before
        after = Purged(
            before.tokens + len(old), before.records + len(records),
            now.isoformat(timespec="seconds"),
        )
        _count(tokens_folder, after)
    except OSError as error:
        raise keys.unusable(folder, error.strerror) from None
    return after


def _remove(
    paths: t.Sequence[pathlib.Path], folder: pathlib.Path
) -> None:
    """Remove files of a folder; it is durable when this returns."""
    for path in paths:
        path.unlink()
    if paths:
        private_files.sync_folder(folder)


def _countless(
    agents_folder: pathlib.Path, tokens_folder: pathlib.Path,
    limit: datetime.datetime,
) -> t.Iterator[pathlib.Path]:
    """Records that no token needs any more to count its uses."""
    # one that cannot be read now may be mended
    there = {path.stem for path in tokens_folder.glob("*" + tokens.SUFFIX)}
    for path in sorted(agents_folder.glob("*" + keys.REVOKED_SUFFIX)):
        agent = keys.usable_entry(path)
        # revoking it gave the file this name, and nobody can set that time
        is_old = path.stat().st_ctime <= limit.timestamp()
        if agent is not None and agent.token not in there and is_old:
            yield path


def _counted(tokens_folder: pathlib.Path) -> Purged:
    path = tokens_folder / COUNT_FILE
    if not path.exists():
        return Purged()
    try:
        values = key_files.parse(
            path, path.read_bytes(), ("tokens", "records", "last")
        )
        return Purged(
            int(values["tokens"]), int(values["records"]), values["last"]
        )
    except (key_files.KeyFileMalformed, ValueError):
        return Purged()  # it is for people, and nothing depends on it


def _count(tokens_folder: pathlib.Path, purged: Purged) -> None:
    values = {
        key: str(value) for key, value in dataclasses.asdict(purged).items()
    }
    text = key_files.render(["What was removed from these folders."], values)
    private_files.write(
        tokens_folder / COUNT_FILE, [text.encode("ascii")]
    )
