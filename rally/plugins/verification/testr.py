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

"""Tools whose tests stestr (or the older testr) launches."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import typing as t

from rally import exceptions
from rally.common.io import subunit_v2
from rally.verification import context, manager, processes, utils

Data: t.TypeAlias = dict[str, t.Any]

#: a line that is the id of a test, and nothing that a launcher says
TEST_NAME_RE = re.compile(r"^[a-zA-Z0-9_.]+(\([^)\s][^)]*\))?"
                          r"(\[[a-zA-Z0-9\-_,=]+\])?$")


class LauncherFailed(exceptions.RallyException):
    """Carries the results that there are nevertheless."""

    error_code = 226
    msg_fmt = (
        "The tests did not run as asked: %(problem)s. So there is no verdict, "
        "and the verification counts as crashed. Look at --pattern and "
        "--load-list, or at the test modules: one that cannot be imported "
        "stops the launcher. `%(command)s` said: %(words)s"
    )

    def __init__(
        self, results: manager.Results | None = None, **parts: t.Any
    ) -> None:
        super().__init__(**parts)
        self.results = results


@context.configure("testr", order=999)
class TestrContext(context.VerifierContext):
    """Makes the command that launches the tests.

    .. code-block:: python

        @manager.configure("my-checks", context={"testr": {}})
        class MyChecks(testr.TestrLauncher):
            pass
    """

    def __init__(self, ctx: Data) -> None:
        super().__init__(ctx)
        self._files: list[str] = []

    def setup(self) -> None:
        super().setup()
        run_args = self.verifier.manager.prepare_run_args(
            dict(self.context.get("run_args") or {})
        )
        is_testr = self.verifier.manager._use_testr
        command = ["testr" if is_testr else "stestr", "run", "--subunit"]
        command += _concurrency(run_args.get("concurrency") or 0, is_testr)
        tests = self._tests_to_load()
        if tests is not None:
            self.context["load_list"] = tests
            command += ["--load-list", self._file_with(tests)]
        if run_args.get("failed"):
            command.append("--failing")
        if run_args.get("pattern"):
            command += _pattern(run_args["pattern"], is_testr)
        self.context["testr_cmd"] = command

    def _tests_to_load(self) -> list[str] | None:
        """Tests to run; None: those that the pattern names, or all."""
        tests = self.context.get("load_list") or None
        skipped = self.context.get("skip_list")
        if not skipped:
            return tests
        return [x for x in tests or self._listed or () if x not in skipped]

    def _file_with(self, tests: t.Sequence[str]) -> str:
        with tempfile.NamedTemporaryFile(
            "w", prefix="rally-load-list-", delete=False, encoding="utf-8"
        ) as f:
            f.writelines(test + "\n" for test in tests)
        self._files.append(f.name)
        return f.name

    def cleanup(self) -> None:
        for path in self._files:
            os.unlink(path)
        self._files.clear()


def _concurrency(number: int, is_testr: bool) -> list[str]:
    if number == 1:
        return ["--concurrency", "1"] if is_testr else ["--serial"]
    asked = ["--concurrency", str(number)] if number else []
    return ["--parallel", *asked] if is_testr else asked


def _pattern(pattern: str, is_testr: bool) -> list[str]:
    """*pattern* as an argument that is not taken for an option."""
    if not is_testr:
        return ["--", pattern]
    # what follows `--` is for the test program itself
    return ["(?:%s)" % pattern if pattern.startswith("-") else pattern]


class TestrLauncher(manager.VerifierManager):
    """Runs tests by stestr, or by testr where a tool is still set up so."""

    @property
    def _use_testr(self) -> bool:
        return os.path.exists(os.path.join(self.repo_dir, ".testr.conf"))

    @property
    def run_environ(self) -> dict[str, str]:
        """Variables for the launcher."""
        return self.environ

    def install(self) -> None:
        super().install()
        self._init()

    def _init(self) -> None:
        """Let the launcher make the folder in which it keeps runs.

        :raises RallyException: it cannot
        """
        launcher = "testr" if self._use_testr else "stestr"
        if os.path.isdir(os.path.join(
            self.repo_dir,
            ".testrepository" if self._use_testr else ".stestr",
        )):
            return
        try:
            self._say([launcher, "init"])
        except (OSError, subprocess.CalledProcessError) as e:
            raise exceptions.RallyException(
                "`%s init` failed for verifier %s, so its tests cannot be "
                "launched: %s. The requirements of the tool must name %s."
                % (launcher, self.verifier, e, launcher)
            ) from e

    def _say(self, words: list[str]) -> str:
        return utils.check_output(
            words, cwd=self.repo_dir, env=self.environ, debug_output=False
        )

    def list_tests(self, pattern: str = "") -> list[str]:
        if self._use_testr:
            words = ["testr", "list-tests"]
        else:
            words = ["stestr", "list"]
        words += _pattern(pattern, self._use_testr) if pattern else []
        return [
            line for line in self._say(words).splitlines()
            if TEST_NAME_RE.match(line)
        ]

    def prepare_run_args(self, run_args: Data) -> Data:
        """Run arguments as the launcher has to get them."""
        return run_args

    def run(self, context: Data) -> subunit_v2.SubunitV2StreamResult:
        """Run the tests, and log each result as it comes.

        :raises LauncherFailed: the launcher did not do its work
        """
        skipped, expected = context.get("skip_list"), context.get("xfail_list")
        name = self.verifier.name
        if skipped and context.get("load_list") == []:
            return subunit_v2.SubunitV2StreamResult(
                expected, skipped, live=True, logger_name=name
            )
        words = context["testr_cmd"]
        with self._temporary() as folder, processes.running(
            words, cwd=self.repo_dir,
            env={**self.run_environ, "TMPDIR": folder},
        ) as command:
            results = subunit_v2.parse(
                command.output, live=True, expected_failures=expected,
                skipped_tests=skipped, logger_name=name,
            )
            status = command.wait()
        self._check(status, results, words)
        return results

    @contextlib.contextmanager
    def _temporary(self) -> t.Iterator[str]:
        """Folder for temporary files of a run.

        A launcher that is ended leaves its own behind. The folder is always
        the same: what is left of a Rally that was killed goes with the next
        run, or with the verifier.
        """
        folder = os.path.join(self.base_dir, "tmp")
        shutil.rmtree(folder, ignore_errors=True)
        utils.create_dir(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _check(
        self, status: int, results: subunit_v2.SubunitV2StreamResult,
        words: t.Sequence[str],
    ) -> None:
        """:raises LauncherFailed: what came out is not what was asked for"""
        problem = ""
        # the older launchers report failures of tests by their exit status
        if status and not results.filter_tests("fail"):
            problem = "the launcher ended with exit status %d" % status
        elif not results.tests:
            problem = "no test matched, so none ran"
        if problem:
            raise LauncherFailed(
                results, problem=problem, command=" ".join(words),
                words=results.words or "nothing",
            )
