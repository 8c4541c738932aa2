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

"""Makes what the suite expects: what the released Rally makes of samples.

``python -m tests.cloud.reference`` runs the samples with the released Rally
and the same plugins on a cloud of the suite, and keeps the outcome; ``python
-m tests.cloud.reference large`` those that need Neutron or Barbican. To be
run again when samples, services or the released Rally are others.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t

from tests import venvs
from tests.cloud import cloud, outcome, samples

RELEASE = "rally==5.1.1"
EXPECTED = pathlib.Path(__file__).with_name("expected.json")
EXPECTED_LARGE = EXPECTED.with_name("expected_large.json")


def main(wanted: t.Sequence[str]) -> None:
    """:param wanted: samples; none means all; ``large``: those of all
    services
    """
    is_large = list(wanted) == ["large"]
    names = samples.LARGE_SAMPLES if is_large else (
        wanted or samples.names()
    )
    kept = EXPECTED_LARGE if is_large else EXPECTED
    known = json.loads(kept.read_text()) if kept.exists() else {}
    venv = venvs.shared("released", [RELEASE, samples.PLUGINS])
    place = cloud.Cloud(cloud.ALL if is_large else cloud.CORE)
    with tempfile.TemporaryDirectory() as home:
        try:
            released = Rally(venv / "bin" / "rally", pathlib.Path(home))
            released.use(place)
            for name in names:
                text = samples.text_of(name, place.image_url)
                if is_large:
                    text = samples.shrunk(text)
                known[name] = released.run(text)
                print(name, json.dumps(known[name]), flush=True)
                kept.write_text(
                    json.dumps(known, indent=1, sort_keys=True) + "\n"
                )
        finally:
            place.close()


class Rally:
    """A Rally, whichever, through its command line alone."""

    def __init__(self, command: pathlib.Path, home: pathlib.Path) -> None:
        self._command = command
        self._home = home
        settings = home / ".rally" / "rally.conf"
        settings.parent.mkdir()
        settings.write_text(
            "[database]\nconnection = sqlite:///%s/rally.db\n" % home
        )

    def __call__(self, *words: t.Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._command), *map(str, words)], text=True, check=False,
            capture_output=True, env={**os.environ, "HOME": str(self._home)},
        )

    def use(self, place: cloud.Cloud) -> None:
        spec = self._home / "spec.json"
        spec.write_text(json.dumps(place.spec()))
        for words in (
            ("db", "create"),
            ("env", "create", "--name", "cloud", "--spec", spec),
        ):
            done = self(*words)
            if done.returncode:
                sys.exit(done.stdout + done.stderr)

    def run(self, text: str) -> dict[str, t.Any]:
        """Run a task: exit status of the command, outcome."""
        code = self.start(text)
        report = self.report()
        return {
            "exit status": code,
            "workloads": outcome.of(report) if report else None,
        }

    def start(self, text: str) -> int:
        """Run a task; exit status of the command."""
        task = self._home / "task.yaml"
        task.write_text(text)
        return self("task", "start", task).returncode

    def report(self) -> dict[str, t.Any] | None:
        """JSON report of the last task, if there is one."""
        path = self._home / "report.json"
        path.unlink(missing_ok=True)
        self("task", "report", "--json", "--out", path)
        return json.loads(path.read_text()) if path.exists() else None


if __name__ == "__main__":
    main(sys.argv[1:])
