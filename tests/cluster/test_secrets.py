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

"""What those learn who listen on the link, or look at what is kept."""

from __future__ import annotations

import contextlib
import pathlib
import secrets
import signal
import sqlite3
import typing as t

from rally.task.distributed import spool
from rally.task.results import packed
from tests.cluster import attacks, cluster
from tests.functional import sandbox
from tests.functional.cluster import distributed, task_of

AT_ONCE = 4


class SecretsTestCase(cluster.TestCase):
    """What is said and kept while a run uses a credential."""

    AGENTS = ("n1", "n2")
    OPTIONS = "debug = True\nrally_debug = True"

    def setUp(self) -> None:
        super().setUp()
        self.credential = "cred-%s" % secrets.token_hex(12)
        self.song = "song-%s" % secrets.token_hex(12)
        # the only place where it may be found
        self.file = self.sandbox.folder / "canary"
        self.file.touch(mode=0o600)
        self.file.write_text(self.credential)

    def start_singing(self, times: int) -> t.Any:
        visit = {
            "CanaryInTheMine.sing": {
                "host": self.hosts.address(cluster.TARGET),
                "port": cluster.REFEREE_PORT, "song": self.song,
            }
        }
        task = task_of(
            {
                "scenario": visit,
                "sla": {"failure_rate": {"max": 50}},
                "contexts": {"canary": {"file": str(self.file)}},
                "runner": distributed(
                    {"constant": {"times": times, "concurrency": AT_ONCE}},
                    agents=2, lease=cluster.LEASE_S,
                    agent_timeout=cluster.TIMEOUT_S,
                ),
            }
        )
        return self.start_task(task)

    def test_neither_the_link_nor_anything_kept_shows_them(self):
        with self.hosts.inside("switch"):
            capture = attacks.Capture()
        self.addCleanup(capture.stop)
        run = self.start_singing(600)
        self.wait_for_visits(run, 100)
        chunks = self.spooled_chunks(run)
        processes = self.processes_seen()

        done = run.finish()
        link = capture.stop()

        self.assertEqual(0, done.code, done.out)
        self.assertEqual(600, len(run.workload.rows))
        self.assertIn("DEBUG", run.log)
        self.check_link(link)
        self.check_absent("the processes", processes)
        self.check_absent("the spools", b"".join(chunks))
        self.check_absent("the database", self.database())
        for path in sandbox.files_below(self.sandbox.folder):
            # agents may still remove what they kept of the run
            with contextlib.suppress(FileNotFoundError):
                if path != self.file:
                    self.check_absent(str(path), path.read_bytes())

    def check_link(self, link: bytes) -> None:
        """The capture is one, and holds nothing that is to be private."""
        for open_word in (b"start 1\n", b"CURVE".ljust(20, b"\0")):
            self.assertTrue(open_word in link, open_word)
        for secret in (self.credential, self.song, "CanaryInTheMine",
                       "password", "first_started"):
            for form in attacks.forms_of(secret):
                self.assertFalse(form in link, "%s is on the link" % secret)

    def check_absent(self, where: str, data: bytes) -> None:
        unbroken = data.replace(b"\n", b"")  # an agent cuts long lines
        for form in attacks.forms_of(self.credential):
            self.assertFalse(
                form in data or form in unbroken,
                "the credential is in %s" % where,
            )

    def spooled_chunks(self, run: t.Any) -> list[bytes]:
        """Chunks that waited in a spool, as they are and unpacked."""

        def found() -> list[tuple[str, bytes]]:
            kept = []
            for agent in self.agents.values():
                for path in agent.spooled():
                    with contextlib.suppress(FileNotFoundError):
                        kept.append((path.parent.name, path.read_bytes()))
            return kept

        run.signal(signal.SIGSTOP)  # nobody fetches them
        try:
            kept = run.wait_until(found, "chunks are in the spools")
        finally:
            run.signal(signal.SIGCONT)
        return [
            *(data for _, data in kept),
            *(
                _unzipped(spool.unpack(name, data).chunk.payload)
                for name, data in kept
            ),
        ]

    def database(self) -> bytes:
        """All of it, and its chunks unpacked."""
        parts = []
        with contextlib.closing(
            sqlite3.connect(self.sandbox.database, timeout=30)
        ) as connection:
            names = [
                name for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                )
            ]
            for name in names:
                for row in connection.execute("SELECT * FROM %s" % name):
                    parts += map(_bytes_of, row)
        unpacked = [_unzipped(part) for part in parts if _is_zipped(part)]
        self.assertNotEqual([], unpacked)
        self.assertIn(b"iteration 7 fails", b"".join(unpacked))
        return b"\n".join(parts + unpacked)

    def processes_seen(self) -> bytes:
        """Command lines and environments of all processes of the run."""
        parts = []
        pids = self.sandbox.processes()
        self.assertGreater(len(pids), 4)
        for pid in pids:
            for name in ("cmdline", "environ", "comm"):
                with contextlib.suppress(OSError):
                    path = pathlib.Path("/proc/%d/%s" % (pid, name))
                    parts.append(path.read_bytes())
        return b"\n".join(parts)


def _is_zipped(data: bytes) -> bool:
    return data.startswith(b"\x28\xb5\x2f\xfd")


def _unzipped(data: bytes) -> bytes:
    return packed.decompress(data)


def _bytes_of(value: t.Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
