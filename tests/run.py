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

"""Runs suites with stestr and ends with a line that counts.

``python -m tests.run unit functional``: the suites run one after another;
the exit status is 1 if a test failed or none ran. All that the tests print
goes to a file; shown are how far they are, what failed, and its names again
at the end.
"""

from __future__ import annotations

import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t

HERE = pathlib.Path(__file__).parent
#: tests of these start many processes each, and wait for them: so many at a
#: time
AT_ONCE = {"cloud": 2, "cluster": 3, "functional": 3, "plugins": 1,
           "slurm": 2}
#: so many tests that failed are run once more, alone; if there are more, it
#: is not chance
AGAIN = 20
#: where the whole output of each suite is kept, under the tree
LOGS = pathlib.Path(".test-logs")
#: how often a suite says how far it is, seconds
PROGRESS_S = 60.0
#: what stestr prints above the output of all tests that failed
FAILURES = re.compile(r"Failed \d+ tests? - output below:")


def timed_modules(suite: str) -> list[str]:
    """Modules whose verdicts depend on a machine that does nothing else.

    They are those that say so by a line ``TIMED = True``.
    """
    return [
        path.stem
        for path in sorted((HERE / suite).glob("test_*.py"))
        if "\nTIMED = True\n" in path.read_text()
    ]


def parts_of(suite: str, only: str = "") -> list[list[str]]:
    """Options of stestr for each part of a suite, one after the other.

    :param only: what names of tests must match, from their beginning on
    """
    if suite not in AT_ONCE:
        return [[only] if only else []]
    at_once = ["--concurrency", str(AT_ONCE[suite]), *filter(None, [only])]
    timed = timed_modules(suite)
    if not timed:
        return [at_once]
    regex = r"\.(%s)\." % "|".join(timed)
    wanted = "^(?=%s).*%s" % (only, regex) if only else regex
    return [[*at_once, "--exclude-regex", regex], ["--serial", wanted]]


def run_suite(
    suite: str, only: str = ""
) -> tuple[collections.Counter[str], list[str]]:
    """Run one suite, or those of its tests whose names match *only*.

    How many tests passed, failed and were skipped, and which failed.
    """
    counts: collections.Counter[str] = collections.Counter()
    failed: list[str] = []
    for options in parts_of(suite, only):
        part = _Part(suite, options)
        try:
            part.run()
        finally:
            part.remove()
        counts.update(part.counts)
        failed += part.failed
    return counts, failed


def show(lines: t.Iterable[str], log: t.TextIO, out: t.TextIO) -> None:
    """Copy the output of stestr to *log*, and what people need to *out*."""
    begun = told = time.monotonic()
    count = 0
    is_failure = False
    for line in lines:
        log.write(line)
        if FAILURES.match(line):
            is_failure = True
        count += line.startswith("{")
        if is_failure or line.rstrip().endswith("... FAILED"):
            out.write(line)
        now = time.monotonic()
        if now - told >= PROGRESS_S:
            told = now
            out.write("%d tests in %d s\n" % (count, now - begun))
        out.flush()


class _Part:
    """Tests that run in one go, with a folder of results of their own."""

    def __init__(self, suite: str, options: list[str]) -> None:
        self.suite = suite
        self.options = options
        self.counts: collections.Counter[str] = collections.Counter()
        self.failed: list[str] = []
        self._repository = tempfile.mkdtemp(prefix="rally-stestr-")
        self._home = tempfile.mkdtemp(prefix="rally-tests-home-")
        self._environment = {**os.environ, "HOME": self._home}
        self._base = [
            sys.executable, "-m", "stestr.cli", "--test-path",
            str(HERE / suite), "--top-dir", str(HERE.parent),
        ]

    def run(self) -> None:
        self._stestr("init")
        print(
            "== %s tests %s" % (self.suite, " ".join(self.options)),
            flush=True,
        )
        status = self._run_tests(self.options)
        self.counts = _count(self.suite, self._repository, status)
        self.failed = self._names_of_failed()
        if 0 < len(self.failed) <= AGAIN:
            self._run_again()

    def remove(self) -> None:
        shutil.rmtree(self._repository, ignore_errors=True)
        shutil.rmtree(self._home, ignore_errors=True)

    def _run_again(self) -> None:
        """Run what failed alone, once more, and say so.

        A machine that is too busy fails tests, too, and other suites may run
        beside this one; a defect fails them alone as well.
        """
        print("== again, alone: %s" % " ".join(self.failed), flush=True)
        status = self._run_tests(["--serial", "--failing"])
        again = _count(self.suite, self._repository, status)
        print("%d passed only when run again alone" % again["passed"])
        self.counts["failed"] = again["failed"]
        self.counts["passed"] += again["passed"]
        self.failed = self._names_of_failed()

    def _names_of_failed(self) -> list[str]:
        return self._stestr("failing", "--list").split()

    def _stestr(self, *arguments: str) -> str:
        return subprocess.run(
            [*self._base, *arguments], cwd=self._repository, check=False,
            env=self._environment, capture_output=True, text=True,
        ).stdout

    def _run_tests(self, options: list[str]) -> int:
        LOGS.mkdir(exist_ok=True)
        with open(LOGS / (self.suite + ".log"), "a") as log, subprocess.Popen(
            [*self._base, "run", "--suppress-attachments", *options],
            cwd=self._repository, env=self._environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        ) as process:
            assert process.stdout
            show(process.stdout, log, sys.stdout)
        if process.returncode and not self._names_of_failed():
            lines = (LOGS / (self.suite + ".log")).read_text().splitlines()
            print("\n".join(lines[-40:]))  # no test ran, or stestr broke
        return process.returncode


def _count(
    suite: str, repository: str, status: int
) -> collections.Counter[str]:
    from stestr.repository import file as file_repository
    from testtools import StreamSummary

    counts: collections.Counter[str] = collections.Counter()
    try:
        stored = file_repository.RepositoryFactory().open(repository)
        summary = StreamSummary()
        summary.startTestRun()
        stored.get_latest_run().get_test().run(summary)
        summary.stopTestRun()
    except Exception as e:  # no run was recorded
        print("the %s tests cannot be counted: %s" % (suite, e))
        counts["failed"] += 1
        return counts
    failed = len(summary.failures) + len(summary.errors)
    skipped = len(summary.skipped)
    counts["failed"] = failed
    counts["skipped"] = skipped
    counts["passed"] = summary.testsRun - failed - skipped
    if status and not failed:  # a worker died, or an import failed
        counts["failed"] += 1
    return counts


def main(suites: list[str], only: str = "") -> int:
    """Run *suites*, or those of their tests that match; the exit status."""
    counts: collections.Counter[str] = collections.Counter()
    failed: list[str] = []
    for suite in suites:
        (LOGS / (suite + ".log")).unlink(missing_ok=True)
        suite_counts, suite_failed = run_suite(suite, only)
        counts.update(suite_counts)
        failed += suite_failed
    for name in failed:
        print("failed: %s" % name)
    if counts["failed"]:
        print("All that the tests printed: %s" % LOGS.absolute())
    print(
        "%d passed, %d failed, %d skipped"
        % (counts["passed"], counts["failed"], counts["skipped"])
    )
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    # tests send these; what nohup or a shell has had ignored, processes
    # inherit, but not what is handled
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    sys.exit(main(sys.argv[1:] or ["unit", "functional"]))
