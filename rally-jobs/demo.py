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

"""A distributed task from nothing to its report: ``make demo``.

All that it makes is in ``.demo`` beside this tree: configuration, database,
report. Nothing of the user's own Rally is touched.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import typing as t

HERE = pathlib.Path(__file__).resolve().parent
USERS = HERE.parent / "samples/tasks/scenarios/http/users.csv"
ENV = "demo"


class Demo:
    """Runs ``rally`` with a configuration and a home of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder.resolve()
        self.report = self.folder / "report.html"
        self._conf = self.folder / "rally.conf"

    def configure(self) -> None:
        (self.folder / "home").mkdir(parents=True, exist_ok=True)
        self._conf.write_text(
            "[database]\nconnection = sqlite:///%s\n"
            % (self.folder / "rally.sqlite")
        )

    def rally(
        self, *words: str, is_quiet: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; its output is shown, or returned if *is_quiet*."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("RALLY_")}
        return subprocess.run(
            [
                sys.executable, "-c",
                "from rally.cli import main; main.main()",
                "--config-file", str(self._conf),
                "--plugin-paths", str(HERE / "plugins"),
                *words,
            ],
            env={**kept, "HOME": str(self.folder / "home")},
            stdout=subprocess.PIPE if is_quiet else None,
            stderr=subprocess.STDOUT if is_quiet else None,
            text=True, check=False,
        )

    def prepare(self) -> None:
        """Database and environment.

        :raises subprocess.CalledProcessError: one of them cannot be made
        """
        if (self.folder / "rally.sqlite").exists():  # of an earlier release?
            self._must("db", "upgrade")
        self._must("db", "ensure")
        listed = self._must("env", "list", "--json")
        names = {env["name"] for env in _json_in(listed)}
        if ENV not in names:
            self._must("env", "create", "--name", ENV)

    def _must(self, *words: str) -> str:
        done = self.rally(*words, is_quiet=True)
        if done.returncode:
            print(done.stdout)
            done.check_returncode()
        return done.stdout

    def run(self) -> int:
        """Run the task and write its report; the exit code of the task."""
        status = self.rally(
            "task", "start", str(HERE / "distributed.yaml"),
            "--env", ENV, "--task-args", json.dumps(
                {"port": free_port(), "users": str(USERS)}
            ),
        ).returncode
        self.report.unlink(missing_ok=True)
        self.rally(
            "task", "report", "--out", str(self.report), is_quiet=True
        )
        return status


def _json_in(output: str) -> t.Any:
    """The JSON list at the end of *output*, which may begin with logs."""
    start = output.rfind("\n[") + 1
    try:
        return json.loads(output[start:])
    except ValueError:
        return []


def free_port() -> int:
    """A port of the loopback interface that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=pathlib.Path, default=HERE.parent / ".demo",
        help="where to keep what it makes",
    )
    demo = Demo(parser.parse_args().folder)
    demo.configure()
    try:
        demo.prepare()
        status = demo.run()
    except subprocess.CalledProcessError:
        return 1
    if status:
        print("The task failed: exit code %d." % status)
        return status
    if not demo.report.exists():
        print("The report could not be written to %s." % demo.report)
        return 1
    print("The report is at %s" % demo.report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
