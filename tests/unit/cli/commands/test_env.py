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

"""Commands about environments."""

from __future__ import annotations

import json

import ddt

from rally.env import platform
from tests import screens
from tests.unit.cli import base


@platform.configure(name="shaky", platform="ground")
class ShakyPlatform(platform.Platform):
    """A platform that is as healthy as its spec says."""

    CONFIG_SCHEMA = {"type": "object"}

    def create(self):
        if self.spec.get("breaks"):
            raise RuntimeError("no ground %s" % self.spec["breaks"])
        return {"where": "here", **self.spec}, {"token": "plugin-token"}

    def destroy(self):
        pass

    def cleanup(self, task_uuid=None):
        failed = int(self.spec.get("dirty", 0))
        return {
            "discovered": 2,
            "deleted": 2 - failed,
            "failed": failed,
            "resources": {
                "server": {
                    "discovered": 2,
                    "deleted": 2 - failed,
                    "failed": failed,
                },
            },
            "errors": [{"message": "still in use"}] * failed,
        }

    def check_health(self):
        if self.spec.get("unknown"):
            raise RuntimeError("401 for %s" % self.spec["password"])
        if self.spec.get("terse"):
            return {"available": True}
        return {
            "available": bool(self.spec.get("healthy", True)),
            "message": self.spec.get("says", "it shakes"),
        }

    def info(self):
        if self.spec.get("mute"):
            raise RuntimeError(self.spec.get("says", "says nothing"))
        return {"info": {"words": 1}}


@ddt.ddt
class EnvCommandsTestCase(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.rally("db", "create")

    def create(self, name="lab", spec=None, *words):
        if spec is not None:
            path = self.write("spec.json", json.dumps(spec))
            words = ("--spec", path, *words)
        return self.rally("env", "create", "--name", name, *words)

    def create_shaky(self, **spec):
        return self.create("lab", {"shaky@ground": spec})

    def test_create_shows_and_uses_it(self):
        outcome = self.create("lab", None, "-d", "words", "-e", '{"a": 1}')
        self.assertEqual(0, outcome.code)
        self.assertIn("Using environment: ", outcome.out)
        self.assertIn("| description | words ", outcome.out)
        shown = json.loads(self.rally("env", "show", "--json").out)
        self.assertEqual("lab", shown["name"])
        self.assertEqual({"a": 1}, shown["extras"])
        self.assertIn(shown["uuid"], self.read(".rally/globals"))
        self.assertEqual(
            ["uuid", "created_at", "updated_at", "name", "description",
             "status", "spec", "extras", "platforms"],
            list(shown),
        )

    def test_create_without_use_writes_nothing(self):
        outcome = self.create("lab", None, "--no-use", "--json")
        self.assertEqual("lab", json.loads(outcome.out)["name"])
        self.assertEqual(2, self.rally("env", "show").code)

    def test_own_keys_of_a_spec_are_kept_apart(self):
        self.create("lab", {"!description": "words", "!extras": {"b": 2}})
        shown = json.loads(self.rally("env", "show", "--json").out)
        self.assertEqual("words", shown["description"])
        self.assertEqual({"b": 2}, shown["extras"])
        self.assertEqual({}, shown["spec"])

    @ddt.data(
        (["--name", "lab", "--spec", "/nope"],
         "/nope cannot be read: No such file or directory. Check"),
        (["--name", "lab", "--extras", "{"], "YAML or JSON"),
        (["--name", "twice"],
         ":\nAnother environment has the name twice already."),
    )
    @ddt.unpack
    def test_create_fails_with_1(self, words, reason):
        self.create("twice")
        outcome = self.rally("env", "create", *words)
        self.assertEqual(1, outcome.code)
        self.assertIn(reason, outcome.out)
        self.assertNotIn("Traceback", outcome.out)

    def test_create_with_an_unknown_platform_fails_with_1(self):
        outcome = self.create("lab", {"nope@ground": {}})
        self.assertEqual(1, outcome.code)
        self.assertIn("The specification is not valid", outcome.out)
        self.assertIn("nope", outcome.out)

    @ddt.data({"!extras": "text"}, {"!config": []}, {"!description": 1})
    def test_own_keys_of_a_spec_are_checked(self, spec):
        outcome = self.create("lab", spec)
        self.assertEqual(1, outcome.code)
        self.assertIn("The specification is not valid", outcome.out)
        self.assertEqual(0, outcome.out.count("Traceback"))

    def test_from_sysenv_tells_what_it_found(self):
        outcome = self.create("lab", None, "--from-sysenv")
        self.assertEqual(0, outcome.code)
        self.assertIn("of this shell describes", outcome.out)

    def test_list_puts_the_newest_first(self):
        self.assertIn(
            "There are no environments", self.rally("env", "list").out
        )
        self.create("one")
        self.create("two", None, "--no-use")
        lines = self.rally("env", "list").out.splitlines()
        self.assertIn(" two ", lines[3])
        self.assertIn(" one ", lines[4])
        self.assertEqual("*", lines[4].split("|")[-2].strip())
        listed = json.loads(self.rally("env", "list", "--json").out)
        self.assertEqual({"one", "two"}, {x["name"] for x in listed})

    def test_people_see_no_secrets(self):
        shown = [self.create_shaky(
            password="s3same-1", url="http://me:s3same-2@host/",
            deep={"users": [{"api_key": "s3same-3"}], "port": 80},
        ), self.rally("env", "show"), self.rally("env", "info"),
            self.rally("env", "check")]
        for outcome in shown:
            self.assertNotIn("s3same", outcome.out + outcome.err)
            self.assertNotIn("plugin-token", outcome.out)
        for outcome in shown[:2]:
            self.assertIn("| platform: ground ", outcome.out)
            self.assertIn('"where": "here"', outcome.out)
            self.assertIn('"password": "***"', outcome.out)
            self.assertIn('"url": "http://***@host/"', outcome.out)
            self.assertNotIn("plugin_spec", outcome.out)

    def test_scripts_get_a_spec_that_makes_the_same_environment(self):
        spec = {"password": "s3same"}
        self.create_shaky(**spec)
        for words, path in (
            (["--only-spec"], ["shaky@ground"]),
            (["--json"], ["spec", "shaky@ground"]),
        ):
            found = json.loads(self.rally("env", "show", *words).out)
            for key in path:
                found = found[key]
            self.assertEqual(spec, found)

    def test_a_refused_spec_is_shown_without_secrets(self):
        outcome = self.create("lab", {"shaky@ground": "s3same-1", "x y": {
            "password": "s3same-2"}, "a@b": {"token": "s3same-3"}})
        self.assertEqual(1, outcome.code)
        self.assertIn('"token": "***"', outcome.out)
        self.assertNotIn("s3same-2", outcome.out)
        self.assertNotIn("s3same-3", outcome.out)

    def test_json_is_not_preceded_by_prose(self):
        outcome = self.create("lab", None, "--from-sysenv", "--json")
        self.assertEqual("lab", json.loads(outcome.out)["name"])

    def test_a_platform_that_cannot_be_made_exits_with_1(self):
        outcome = self.create_shaky(breaks="with s3same", password="s3same")
        self.assertEqual(1, outcome.code)
        self.assertIn("FAILED TO CREATE", outcome.out)
        self.assertIn("could not be made", outcome.out)
        self.assertEqual(1, outcome.err.count("no ground"), outcome.err)
        self.assertNotIn("s3same", outcome.out + outcome.err)

    def test_a_healthy_platform_is_ok(self):
        self.create_shaky(terse=True)
        self.assertIn("| OK!     |", self.rally("env", "check").out)

    def test_why_a_platform_cannot_be_used_is_said_once_and_clearly(self):
        self.create_shaky(unknown=True, password="s3same")
        outcome = self.rally("env", "check")
        self.assertEqual(1, outcome.code)
        self.assertIn("| 401 for *** |", outcome.out)
        self.assertIn(
            "\nPlatform ground of environment lab cannot be used: 401 for "
            "***. Until that is fixed", outcome.out,
        )
        self.assertNotIn("Traceback", outcome.out)
        for words in (), ("--json",):
            detailed = self.rally("env", "check", "--detailed", *words)
            self.assertIn("Traceback", detailed.out)
            self.assertNotIn("401 for s3same", detailed.out)

    def test_tables_fit_a_terminal(self):
        self.create_shaky(mute=True, healthy=False, says="word " * 40)
        for command in ("check",), ("info",), ("show",), ("list",):
            for columns in 120, 80, 40:
                out = self.rally("env", *command, columns=columns).out
                self.assertEqual([], screens.offences(out, columns))

    def test_show_only_spec(self):
        self.create_shaky(healthy=True)
        spec = json.loads(self.rally("env", "show", "--only-spec").out)
        self.assertEqual({"shaky@ground": {"healthy": True}}, spec)

    @ddt.data(
        ({}, 0, ":-)"),
        ({"healthy": False}, 1, ":-("),
    )
    @ddt.unpack
    def test_check_tells_whether_platforms_are_there(self, spec, code, face):
        self.create_shaky(**spec)
        outcome = self.rally("env", "check", "--detailed")
        self.assertEqual(code, outcome.code)
        self.assertIn(face, outcome.out.splitlines()[0])
        self.assertIn("| Available | Platform | Message ", outcome.out)
        health = json.loads(self.rally("env", "check", "--json").out)
        self.assertEqual([not code], [x["available"] for x in health.values()])

    @ddt.data(({}, 0), ({"mute": True}, 1))
    @ddt.unpack
    def test_info_is_shown(self, spec, code):
        self.create_shaky(**spec)
        outcome = self.rally("env", "info")
        self.assertEqual(code, outcome.code)
        self.assertIn("| platform ", outcome.out)
        self.assertEqual(code, self.rally("env", "info", "--json").code)

    @ddt.data(({}, 0), ({"dirty": 1}, 1))
    @ddt.unpack
    def test_cleanup_exits_with_1_if_something_is_left(self, spec, code):
        self.create_shaky(**spec)
        outcome = self.rally("env", "cleanup")
        self.assertEqual(code, outcome.code)
        self.assertIn("Removing what tasks have left in Env `lab", outcome.out)
        self.assertIn("Total discovered: 2", outcome.out)
        self.assertEqual(code, self.rally("env", "cleanup", "--json").code)

    def test_destroyed_first_then_deleted(self):
        self.create_shaky()
        self.assertEqual(232, self.rally("env", "delete", "lab").code)
        outcome = self.rally("env", "destroy", "lab")
        self.assertEqual(0, outcome.code, outcome)
        self.assertIn(":-) Destroyed env", outcome.out)
        self.assertEqual(0, self.rally("env", "delete", "lab").code)
        self.assertEqual(203, self.rally("env", "show", "lab").code)

    def test_destroy_exits_with_1_if_cleanup_had_errors(self):
        self.create_shaky(dirty=1)
        outcome = self.rally("env", "destroy", "lab")
        self.assertEqual(1, outcome.code)
        self.assertIn(":-( Could not destroy", outcome.out)

    def test_what_is_deleted_is_in_use_no_more(self):
        self.create("lab")
        self.assertEqual(0, self.rally("env", "delete", "--force").code)
        outcome = self.rally("env", "show")
        self.assertEqual(2, outcome.code)
        self.assertIn("Missing argument 'ENV'", outcome.err)

    def test_delete_can_be_forced(self):
        self.create()
        self.assertEqual(0, self.rally("env", "delete", "--force").code)

    def test_use_changes_the_default(self):
        self.create("one")
        self.create("two")
        outcome = self.rally("env", "use", "--env", "one")
        self.assertIn("Using environment: ", outcome.out)
        shown = json.loads(self.rally("env", "show", "one", "--json").out)
        self.assertIn(shown["uuid"], self.read(".rally/globals"))

    def test_use_of_an_unknown_one_exits_with_1(self):
        outcome = self.rally("env", "use", "nope")
        self.assertEqual(1, outcome.code)
        self.assertIn("There is no environment nope", outcome.out)
        outcome = self.rally("env", "use", "nope", "--json")
        self.assertIn("nope", json.loads(outcome.out)["error"])
