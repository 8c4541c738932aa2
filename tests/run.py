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
the exit status is 1 if a test failed or none ran.
"""

from __future__ import annotations

import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
#: tests of these start many processes each, and wait for them: so many at a
#: time
AT_ONCE = {"cluster": 3, "functional": 2}


def timed_modules(suite: str) -> list[str]:
    """Modules whose verdicts depend on a machine that does nothing else.

    They are those that say so by a line ``TIMED = True``.
    """
    return [
        path.stem
        for path in sorted((HERE / suite).glob("test_*.py"))
        if "\nTIMED = True\n" in path.read_text()
    ]


def parts_of(suite: str) -> list[list[str]]:
    """Options of stestr for each part of a suite, one after the other."""
    if suite not in AT_ONCE:
        return [[]]
    at_once = ["--concurrency", str(AT_ONCE[suite])]
    timed = timed_modules(suite)
    if not timed:
        return [at_once]
    regex = r"\.(%s)\." % "|".join(timed)
    return [[*at_once, "--exclude-regex", regex], ["--serial", regex]]


def run_suite(suite: str) -> collections.Counter[str]:
    """Run one suite; how many tests passed, failed and were skipped."""
    counts: collections.Counter[str] = collections.Counter()
    for options in parts_of(suite):
        counts.update(_run_part(suite, options))
    return counts


def _run_part(suite: str, options: list[str]) -> collections.Counter[str]:
    repository = tempfile.mkdtemp(prefix="rally-stestr-")
    base = [
        sys.executable, "-m", "stestr.cli", "--test-path",
        str(HERE / suite), "--top-dir", str(HERE.parent),
    ]
    home = tempfile.mkdtemp(prefix="rally-tests-home-")
    environment = {**os.environ, "HOME": home}
    try:
        subprocess.run(
            [*base, "init"], cwd=repository, check=False,
            stdout=subprocess.DEVNULL,
        )
        print("== %s tests %s" % (suite, " ".join(options)), flush=True)
        status = subprocess.run(
            [*base, "run", "--suppress-attachments", *options],
            cwd=repository, check=False, env=environment,
        ).returncode
        counts = _count(base, repository, status)
        if counts["failed"] and "--concurrency" in options:
            _run_again(base, repository, environment, counts)
        return counts
    finally:
        shutil.rmtree(repository, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def _run_again(
    base: list[str], repository: str, environment: dict[str, str],
    counts: collections.Counter[str],
) -> None:
    """Run what failed beside other tests alone, and say so.

    A machine that is too busy for several tests fails them, too; a defect
    fails them alone as well.
    """
    listed = subprocess.run(
        [*base, "failing", "--list"], cwd=repository, check=False,
        env=environment, capture_output=True, text=True,
    ).stdout.split()
    if not listed:
        return
    print("== again, alone: %s" % " ".join(listed), flush=True)
    status = subprocess.run(
        [*base, "run", "--suppress-attachments", "--serial", "--failing"],
        cwd=repository, check=False, env=environment,
    ).returncode
    again = _count(base, repository, status)
    print("%d passed only when run again alone" % again["passed"])
    counts["failed"] = again["failed"]
    counts["passed"] += again["passed"]


def _count(
    base: list[str], repository: str, status: int
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
        print("the %s cannot be counted: %s" % (base[-3], e))
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


def main(suites: list[str]) -> int:
    """Run *suites*; the exit status."""
    counts: collections.Counter[str] = collections.Counter()
    for suite in suites:
        counts.update(run_suite(suite))
    print(
        "%d passed, %d failed, %d skipped"
        % (counts["passed"], counts["failed"], counts["skipped"])
    )
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["unit", "functional"]))
