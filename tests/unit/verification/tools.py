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

"""A verifier that starts no process, for tests of what uses verifiers."""

from __future__ import annotations

import os
import types
import typing as t

from rally.verification import context, manager

#: what runs of it give, and what they were asked for
Outcome: t.TypeAlias = t.Any


class Script:
    """What the next runs do, and what was asked of them."""

    def __init__(self) -> None:
        self.outcome: Outcome = {}
        self.asked: list[dict[str, t.Any]] = []
        self.steps: list[str] = []
        self.venv_error: Exception | None = None
        self.tests = ["a.T.x[id-1]", "a.T.y", "b.U.z[smoke]"]


def test_of(name: str, status: str, **more: t.Any) -> dict[str, t.Any]:
    return {"name": name, "status": status, "duration": "0.100", **more}


def results_of(tests: dict[str, dict[str, t.Any]]) -> t.Any:
    """Tests as a launcher gives them."""
    kinds = {
        "success": "success", "fail": "failures", "skip": "skipped",
        "xfail": "expected_failures", "uxsuccess": "unexpected_success",
    }
    statuses = [each["status"] for each in tests.values()]
    totals: dict[str, t.Any] = {
        name: statuses.count(kind) for kind, name in kinds.items()
    }
    totals.update(tests_count=len(tests), tests_duration="0.5")
    return types.SimpleNamespace(tests=tests, totals=totals)


def register(script: Script) -> t.Callable[[], None]:
    """Make verifiers of type ``scripted`` known; what unregisters them."""

    @context.configure("prepared", order=1)
    class Prepared(context.VerifierContext):
        """Notes what is done."""

        def setup(self) -> None:
            script.steps.append("setup %s" % self.generate_random_name()[:8])
            super().setup()

        def cleanup(self) -> None:
            script.steps.append("cleanup")

    @manager.configure("scripted", platform="lab", default_repo="/repo",
                       context={"prepared": {}})
    class Scripted(manager.VerifierManager):
        """Does what the script says."""

        RUN_ARGS: t.ClassVar[dict[str, str]] = {"set": "a set of tests"}

        def install(self) -> None:
            script.steps.append("install")

        def install_venv(self) -> None:
            script.steps.append(
                "venv, system-wide=%s" % self.verifier.system_wide
            )
            os.makedirs(self.venv_dir, exist_ok=True)
            with open(os.path.join(self.venv_dir, "made"), "a") as f:
                f.write("x")
            if script.venv_error is not None:
                raise script.venv_error

        def check_system_wide(
            self, reqs_file_path: str | None = None
        ) -> None:
            script.steps.append("check")

        def uninstall(self, full: bool = False) -> None:
            script.steps.append("uninstall full=%s" % full)

        def list_tests(self, pattern: str = "") -> list[str]:
            return [x for x in script.tests if pattern in x]

        def run(self, context: dict[str, t.Any]) -> t.Any:
            script.asked.append(context)
            if isinstance(script.outcome, BaseException):
                raise script.outcome
            return results_of(script.outcome)

    def unregister() -> None:
        Prepared.unregister()
        Scripted.unregister()

    return unregister
