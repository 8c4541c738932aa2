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

"""Plugins have the same options on all hosts, and nobody sees secrets."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
import typing as t

from oslo_config import cfg

from rally.common import opts
from rally.common.plugin import options
from tests.unit import test

GROUP = "options_test"


def of_a_plugin() -> list[cfg.Opt]:
    return [
        cfg.FloatOpt("pace", default=1.5),
        cfg.StrOpt("password", default="", secret=True),
        cfg.ListOpt("zones", default=["a"]),
        cfg.DictOpt("labels", default={}),
        cfg.MultiStrOpt("also", default=[]),
        cfg.StrOpt("nothing"),
        cfg.IntOpt("with-dash", default=1),
        cfg.StrOpt("set_by_plugin", default="x"),
    ]


class PluginOptionsTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        opts.register_own()
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(cfg.CONF.clear)
        with options.noticing():
            self.register(of_a_plugin(), GROUP)

    def register(self, each: list[cfg.Opt], group: str | None) -> None:
        cfg.CONF.register_opts(each, group=group)
        self.addCleanup(cfg.CONF.unregister_opts, each, group=group)
        for opt in each:
            self.addCleanup(cfg.CONF.clear_override, opt.dest, group=group)

    def conf(self, text: str, section: str = GROUP) -> list[str]:
        file = self.folder / ("%d.conf" % len(list(self.folder.iterdir())))
        file.write_text("[%s]\n%s\n" % (section, text))
        return ["--config-file=%s" % file]

    def controller(self, *args: t.Any) -> options.Values:
        """What a controller with this configuration sends."""
        cfg.CONF(self.conf(*args), default_config_files=[])
        try:
            return options.changed()
        finally:
            cfg.CONF.clear()

    def names(self) -> set[str]:
        return {
            name for section, name in options.of_plugins()
            if section == GROUP
        }


class FindingTestCase(PluginOptionsTestCase):
    def test_what_is_registered_while_plugins_load_is_of_plugins(self) -> None:
        self.register([cfg.StrOpt("of_others")], GROUP)
        self.assertIn("pace", self.names())
        self.assertIn("with_dash", self.names())
        self.assertNotIn("of_others", self.names())

    def test_the_database_is_not(self) -> None:
        with options.noticing():
            self.register([cfg.StrOpt("options_test_url")], "database")
        self.assertNotIn(
            ("database", "options_test_url"), options.of_plugins()
        )

    def test_an_option_that_is_gone_is_not(self) -> None:
        gone = [cfg.StrOpt("soon_gone")]
        with options.noticing():
            cfg.CONF.register_opts(gone, group=GROUP)
        cfg.CONF.unregister_opts(gone, group=GROUP)
        self.assertNotIn("soon_gone", self.names())

    def test_formats_of_names_are_for_plugins_too(self) -> None:
        sent = self.controller(
            "scenario_resource_name_format = s_XXXX_XXXX\n"
            "strict_type_annotations = true", "DEFAULT",
        )
        self.assertEqual(
            {"DEFAULT": {"scenario_resource_name_format": "s_XXXX_XXXX"}},
            sent,
        )


class AdoptingTestCase(PluginOptionsTestCase):
    def value(self, name: str) -> t.Any:
        return cfg.CONF[GROUP][name]

    def test_only_what_differs_is_sent(self) -> None:
        self.assertEqual(
            {GROUP: {"pace": 0.0}}, self.controller("pace = 0")
        )
        self.assertEqual({}, self.controller(""))

    def test_values_arrive_as_they_are(self) -> None:
        sent = self.controller(
            "pace = 0.25\npassword = pa$$word$$$$x\nzones = x,y$$z\n"
            "labels = k:v,l$$:w\nalso = 1\nalso = 2\nnothing = \n"
            "with_dash = 7"
        )
        self.assertEqual("pa$word$$x", sent[GROUP]["password"])

        self.assertEqual([], options.adopt(sent))

        for name, value in sent[GROUP].items():
            self.assertEqual(value, self.value(name), name)
        self.assertEqual(
            {"pace", "password", "zones", "labels", "also", "nothing",
             "with_dash"},
            set(sent[GROUP]),
        )

    def test_what_one_run_had_is_forgotten_by_the_next(self) -> None:
        options.adopt({GROUP: {"pace": 0.5, "nothing": "x"}})
        options.adopt({GROUP: {"with_dash": 3}})
        self.assertEqual(
            (1.5, None, 3),
            tuple(map(self.value, ("pace", "nothing", "with_dash"))),
        )

    def test_the_configuration_of_this_host_counts_for_nothing(self) -> None:
        args = self.conf("pace = 3\npassword = hidden\nwith_dash = 7")

        problems = options.adopt({GROUP: {"pace": 2.0, "with_dash": 7}}, args)

        self.assertEqual(
            (2.0, "", 7),
            tuple(map(self.value, ("pace", "password", "with_dash"))),
        )
        [problem] = problems
        self.assertIn(
            "[options_test] pace, [options_test] password: ", problem
        )
        self.assertNotIn("hidden", problem)
        self.assertNotIn("with_dash", problem)

    def test_a_wrong_value_of_this_host_differs(self) -> None:
        [problem] = options.adopt({}, self.conf("pace = fast"))
        self.assertIn("[options_test] pace", problem)
        self.assertEqual(1.5, self.value("pace"))

    def test_a_configuration_that_is_gone_is_said(self) -> None:
        [problem] = options.adopt(
            {GROUP: {"pace": 2.0}}, ["--config-file=/not/there"]
        )
        self.assertIn("cannot be read", problem)
        self.assertEqual(2.0, self.value("pace"))

    def test_an_option_of_nobody_here_is_refused(self) -> None:
        for values in (
            {GROUP: {"unknown": "secret"}}, {"no_group": {"x": "secret"}},
            {"DEFAULT": {"debug": "secret"}},
            {"database": {"connection": "secret"}},
        ):
            error = self.assertRaises(
                options.OptionsRefused, options.adopt, values
            )
            self.assertIn("[%s]" % next(iter(values)), str(error))
            self.assertNotIn("secret", str(error))

    def test_a_value_that_does_not_fit_here_is_refused(self) -> None:
        for name, value in (
            ("pace", "secret"), ("password", "a\\$secret"),
            ("zones", {"secret": 1}), ("with_dash", [1]),
        ):
            error = self.assertRaises(
                options.OptionsRefused, options.adopt,
                {GROUP: {name: value}},
            )
            self.assertIn("[options_test] %s" % name, str(error))
            self.assertNotIn("secret", str(error))

    def test_a_wrong_value_of_the_controller_stops_it(self) -> None:
        error = self.assertRaises(
            options.OptionUnreadable, self.controller, "pace = secret"
        )
        self.assertIn("[options_test] pace", str(error))
        self.assertNotIn("secret", str(error))
