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

"""Tests of the API of verifiers and verifications."""

from __future__ import annotations

import io
import os
import typing as t

import ddt
import subunit

from rally import api as rally_api
from rally import exceptions, plugins
from rally.common import db, objects
from rally.verification import manager
from tests.unit import processes, test
from tests.unit.verification import tools

PASSED = tools.test_of("a.T.y", "success")
FAILED = tools.test_of("a.T.x", "fail", traceback="boom", tags=["id-1"])


class VerificationTestCase(test.DBTestCase):
    def setUp(self) -> None:
        super().setUp()
        plugins.load()
        self.script = tools.Script()
        self.addCleanup(tools.register(self.script))
        self.api = self.make_api()
        self.env = self.make_env("lab")

    def make_api(self) -> t.Any:
        return object.__new__(rally_api.API)  # without reading settings

    def create(self, name: str = "v", **kwargs: t.Any) -> str:
        return self.api.verifier.create(name, "scripted", **kwargs)

    def start(self, outcome: t.Any = None, **kwargs: t.Any) -> t.Any:
        self.script.outcome = {"a.T.y": PASSED} if outcome is None else outcome
        return self.api.verification.start("v", "lab", **kwargs)

    def only(self) -> dict[str, t.Any]:
        """The only verification there is."""
        found = self.api.verification.list()
        self.assertEqual(1, len(found))
        return found[0]


class VerifierTestCase(VerificationTestCase):
    def test_is_made_listed_and_deleted(self):
        uuid = self.create(version="1.0", extra_settings={"a": 1})
        verifier = self.api.verifier.get("v")
        self.assertEqual(
            (uuid, "v", "scripted", "lab", "/repo", "1.0", False,
             "installed", {"a": 1}),
            tuple(verifier[key] for key in (
                "uuid", "name", "type", "platform", "source", "version",
                "system_wide", "status", "extra_settings",
            )),
        )
        self.assertEqual([verifier], self.api.verifier.list())
        self.assertEqual([], self.api.verifier.list(status="failed"))
        self.api.verifier.delete("v", deployment_id="lab")
        self.api.verifier.delete(uuid)
        self.assertEqual(
            ["install", "uninstall full=False", "uninstall full=True"],
            self.script.steps,
        )
        self.assertRaises(
            exceptions.DBRecordNotFound, self.api.verifier.get, "v"
        )
        folder = os.path.expanduser(manager.ROOT)
        self.assertEqual([], os.listdir(folder))

    def test_a_name_is_taken_once(self):
        self.create()
        error = self.assertRaises(exceptions.RallyException, self.create)
        self.assertEqual(100, error.error_code)

    def test_a_failed_installation_does_not_keep_the_name(self):
        self.script.steps = t.cast(t.Any, None)  # install raises
        self.assertRaises(AttributeError, self.create)
        self.assertEqual("failed", self.api.verifier.get("v")["status"])
        self.script.steps = []
        self.create()
        self.assertEqual(1, len(self.api.verifier.list()))

    def test_what_failed_cannot_be_used(self):
        uuid = self.create()
        db.verifier_update(uuid, status="failed")
        for use in (
            lambda: self.api.verifier.list_tests("v"),
            lambda: self.api.verifier.configure("v", "lab"),
            lambda: self.api.verifier.update("v", version="2"),
            self.start,
        ):
            error = self.assertRaises(exceptions.RallyException, use)
            self.assertEqual(100, error.error_code)
            self.assertIn("'failed'", str(error))

    def test_is_deleted_though_its_plugin_is_gone(self):
        uuid = self.create()
        folder = manager.folder_of(uuid)
        os.makedirs(folder)
        db.verifier_update(uuid, type="gone-zzz")
        self.api.verifier.delete("v")
        self.assertFalse(os.path.exists(folder))
        self.assertEqual([], self.api.verifier.list())

    def test_verifications_keep_it(self):
        self.create()
        self.start()
        error = self.assertRaises(
            exceptions.RallyException, self.api.verifier.delete, "v"
        )
        self.assertEqual(100, error.error_code)
        self.api.verifier.delete("v", force=True)
        self.assertEqual([], self.api.verification.list())

    def test_one_whose_process_is_gone_is_told(self):
        uuid = self.create()
        for status, after in (
            ("installing", "failed"), ("updating", "installed"),
            ("extending", "installed"),
        ):
            db.verifier_update(
                uuid, status=status, owner=processes.name_of_an_ended_one()
            )
            self.assertEqual(after, self.api.verifier.get("v")["status"])

    def test_moves_between_environments_or_stays_where_it_was(self):
        uuid = self.create(system_wide=True)
        venv = os.path.join(manager.folder_of(uuid), ".venv", "made")
        update = self.api.verifier.update
        self.script.steps.clear()
        self.script.venv_error = ValueError("no index")
        self.assertRaises(ValueError, update, "v", system_wide=False)
        self.assertFalse(os.path.exists(venv))
        found = self.api.verifier.get("v")
        self.assertEqual(("installed", True),
                         (found["status"], found["system_wide"]))
        self.script.venv_error = None
        self.assertEqual(uuid, update("v", system_wide=False))
        self.script.venv_error = ValueError("no index")
        self.assertRaises(ValueError, update, "v", update_venv=True)
        with open(venv) as f:
            self.assertEqual("x", f.read())
        update("v", system_wide=True)
        self.assertEqual(3 * ["venv, system-wide=False"] + ["check"],
                         self.script.steps)
        for wrong in ({}, {"update_venv": True}):
            error = self.assertRaises(
                exceptions.RallyException, update, "v", **wrong
            )
            self.assertEqual(100, error.error_code)

    def test_what_it_does_not_support_changes_no_status(self):
        self.create()
        self.assertRaises(
            NotImplementedError,
            self.api.verifier.add_extension, "v", "/source",
        )
        self.assertEqual("installed", self.api.verifier.get("v")["status"])
        self.assertEqual([], self.api.verifier.list_extensions("v"))
        self.assertEqual("", self.api.verifier.configure("v", "lab"))

    def test_kinds_are_listed_by_platform(self):
        found = self.api.verifier.list_plugins(platform="lab")
        self.assertEqual(["scripted"], [each["name"] for each in found])
        self.assertEqual("Does what the script says.",
                         found[0]["description"])
        self.assertTrue(found[0]["location"].endswith(".Scripted"))

    def test_the_plugin_describes_all_arguments(self):
        plugin = manager.VerifierManager.get("scripted")
        text = plugin.get_info()["description"]
        for name in ("concurrency", "load_list", "set", "system_wide"):
            self.assertIn("*%s*" % name, text)


@ddt.ddt
class RunTestCase(VerificationTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.create()
        self.script.steps.clear()

    def test_is_stored_with_its_results(self):
        done = self.start({"a.T.y": PASSED, "a.T.x[id-1]": FAILED},
                          tags=["b", "a"], concurrency=2)
        verification = self.only()
        self.assertEqual(done["verification"], verification)
        self.assertEqual(done["verification"]["tests"], done["tests"])
        self.assertEqual("failed", verification["status"])
        self.assertEqual(["a", "b"], verification["tags"])
        self.assertEqual({"concurrency": 2}, verification["run_args"])
        self.assertEqual((2, 1, 1, 0.5), tuple(
            verification[key] for key in (
                "tests_count", "success", "failures", "tests_duration",
            )
        ))
        self.assertEqual(
            ["setup c_rally_", "cleanup"], self.script.steps
        )
        self.assertEqual(
            verification,
            self.api.verification.get(verification["uuid"]),
        )

    @ddt.data(
        ("success", "finished"), ("skip", "finished"), ("xfail", "finished"),
        ("fail", "failed"), ("uxsuccess", "failed"), ("init", "failed"),
    )
    @ddt.unpack
    def test_one_test_decides(self, status, verdict):
        self.start({"a.T.x": tools.test_of("a.T.x", status)})
        self.assertEqual(verdict, self.only()["status"])

    @ddt.data(ValueError("no luck"), KeyboardInterrupt(), SystemExit(3))
    def test_one_that_breaks_down_says_why_and_is_cleaned_up(self, error):
        self.assertRaises(type(error), self.start, error)
        found = self.only()
        self.assertEqual("crashed", found["status"])
        self.assertIn(
            "interrupted" if isinstance(error, KeyboardInterrupt)
            else type(error).__name__, found["error"],
        )
        self.assertEqual("cleanup", self.script.steps[-1])

    def test_any_text_can_be_the_reason(self):
        error = ValueError("a\0b\udc80 https://me:secret1@host " + "x" * 99999)
        self.assertRaises(ValueError, self.start, error)
        found = self.only()["error"]
        self.assertIn("a\ufffdb? https://***@host", found)
        self.assertEqual(10000, len(found))

    def test_what_ran_until_then_is_stored(self):
        error = exceptions.RallyException("launcher")
        error.results = tools.results_of({"a.T.y": PASSED})
        self.assertRaises(exceptions.RallyException, self.start, error)
        found = self.only()
        self.assertEqual(("crashed", 1, {"a.T.y": PASSED}), (
            found["status"], found["success"], found["tests"],
        ))

    def test_one_whose_process_is_gone_crashed(self):
        self.start()
        uuid = self.only()["uuid"]
        for status in ("init", "running"):
            db.verification_update(
                uuid, status=status, owner=processes.name_of_an_ended_one()
            )
            self.assertEqual([], self.api.verification.list(status="running"))
            found = self.api.verification.get(uuid)
            self.assertEqual("crashed", found["status"])
            self.assertIn("rally verify rerun", found["error"])

    def test_an_environment_has_to_be_ready(self):
        db.env_set_status(self.env, "READY", "DESTROYING")
        self.assertRaises(
            exceptions.DeploymentNotFinishedStatus, self.start
        )
        self.assertEqual([], self.api.verification.list())

    @ddt.data(
        {"pattern": 1}, {"concurrency": -1}, {"concurrency": "2"},
        {"load_list": "x"}, {"skip_list": ["x"]}, {"xfail_list": "x"},
        {"concurrency": True},
    )
    def test_wrong_arguments_record_nothing(self, run_args):
        error = self.assertRaises(
            exceptions.ValidationError, self.start, **run_args
        )
        self.assertIn(next(iter(run_args)), str(error))
        self.assertEqual([], self.api.verification.list())

    def test_lists_reach_the_launcher_expanded(self):
        self.start(skip_list={"T": "all", "a.T.y": "this", "(": "no"},
                   xfail_list={"b.U.z": "bug"})
        asked = self.script.asked[0]
        self.assertEqual({"a.T.x[id-1]": "all", "a.T.y": "all"},
                         asked["skip_list"])
        self.assertEqual({"b.U.z": "bug"}, asked["xfail_list"])
        self.assertIsNone(asked["load_list"])

    def test_only_what_would_run_is_skipped(self):
        self.start(skip_list={"a": "all"}, pattern="y")
        self.start(skip_list={"a": "all"}, load_list=["a.T.x[id-1]"])
        self.start(skip_list={"b.U.z[smoke]": "by id", "a.T.x": "by name"})
        self.assertEqual(
            [{"a.T.y": "all"}, {"a.T.x[id-1]": "all"},
             {"b.U.z[smoke]": "by id", "a.T.x[id-1]": "by name"}],
            [each["skip_list"] for each in self.script.asked],
        )

    def test_runs_again_what_did_not_end_as_it_should(self):
        lists = {"skip_list": {"b": "no"}, "xfail_list": {"a.T.y": "bug"}}
        self.start({
            "a.T.x[id-1]": FAILED,
            "a.T.y": tools.test_of("a.T.y", "uxsuccess"),
            "c.T.z": tools.test_of("c.T.z", "success"),
            "d.T.a": tools.test_of("d.T.a", "success"),
            "tearDownClass (d.T)": tools.test_of("tearDownClass (d.T)",
                                                 "fail"),
        }, pattern="x", **lists)
        uuid = self.only()["uuid"]
        self.api.verification.rerun(uuid, failed=True, concurrency=1)
        self.api.verification.rerun(uuid)
        once, all_of_them = self.api.verification.list()[1:]
        self.assertEqual(
            {"load_list": ["a.T.x[id-1]", "a.T.y", "d.T.a"],
             "concurrency": 1, **lists}, once["run_args"],
        )
        self.assertEqual(
            ["a.T.x[id-1]", "a.T.y", "c.T.z", "d.T.a"],
            all_of_them["run_args"]["load_list"],
        )

    def test_nothing_failed_so_nothing_runs_again(self):
        self.start()
        error = self.assertRaises(
            exceptions.RallyException, self.api.verification.rerun,
            self.only()["uuid"], failed=True,
        )
        self.assertEqual(100, error.error_code)

    def test_filters(self):
        self.start(tags=["a"])
        self.create("w")
        listed = self.api.verification.list
        self.assertEqual(1, len(listed(verifier_id="v")))
        self.assertEqual(0, len(listed(verifier_id="w")))
        self.assertEqual(1, len(listed(deployment_id="lab", tags=["a", "b"])))
        self.assertEqual(0, len(listed(tags=["b"])))
        self.assertEqual(1, len(listed(status="finished")))
        self.api.verification.delete(self.only()["uuid"])
        self.assertEqual([], listed())


class ImportTestCase(VerificationTestCase):
    def stream(self) -> bytes:
        stream = io.BytesIO()
        writer = subunit.StreamResultToBytes(stream)
        writer.status(test_id="a.T.x", test_status="exists")
        writer.status(test_id="a.T.x", test_status="fail")
        return stream.getvalue()

    def test_results_of_others_are_stored(self):
        self.create()
        for data in (self.stream(),
                     self.stream().decode("utf-8", "surrogateescape")):
            done = self.api.verification.import_results(
                "v", "lab", data, pattern="x"
            )
            self.assertEqual("failed", done["verification"]["status"])
            self.assertEqual(1, done["totals"]["failures"])
            self.assertEqual({"pattern": "x"},
                             done["verification"]["run_args"])

    def test_what_holds_no_results_is_not_stored(self):
        self.create()
        for data in (b"", "just words\n"):
            error = self.assertRaises(
                exceptions.RallyException,
                self.api.verification.import_results, "v", "lab", data,
            )
            self.assertEqual(100, error.error_code)
        self.assertEqual([], self.api.verification.list())


class ObjectsTestCase(VerificationTestCase):
    def test_have_their_columns_as_attributes(self):
        self.create()
        verifier = objects.Verifier.get("v")
        self.assertEqual("v", verifier.name)
        self.assertEqual("'v' (UUID=%s)" % verifier.uuid, str(verifier))
        self.assertFalse(hasattr(verifier, "nosuch"))
        self.assertRaises(
            exceptions.RallyException, lambda: verifier.deployment
        )
        verifier.set_env("lab")
        self.assertEqual("lab", verifier.deployment["name"])
        self.assertEqual(self.env, verifier.env.uuid)
        self.assertIs(verifier.manager, verifier.manager)
        made = objects.Verification.create("v", "lab", tags=["a"])
        self.assertEqual(self.env, made.deployment_uuid)
        self.assertEqual("init", made.status)
        self.assertRegex(
            made.to_dict()["created_at"], r"^\d+-\d+-\d+T\d+:\d+:\d+$"
        )
