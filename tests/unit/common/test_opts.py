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

"""Tests of configuration options and versions."""

from __future__ import annotations

from rally.common import cfg, opts, version
from tests.unit import test


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [("test_opts", [cfg.IntOpt("number", default=3)])]


class OptsTestCase(test.TestCase):
    def test_own_options_have_their_defaults(self) -> None:
        self.assertEqual(1000, cfg.CONF.raw_result_chunk_size)
        self.assertEqual(60, cfg.CONF.database_patience)
        self.assertIsNone(cfg.CONF.scenario_resource_name_format)
        self.assertIsNone(cfg.CONF.context_resource_name_format)
        self.assertIs(False, cfg.CONF.strict_type_annotations)
        self.assertIs(False, cfg.CONF.rally_debug)

    def test_list_names_each_once(self) -> None:
        ((section, options),) = opts.list_opts()

        self.assertEqual("DEFAULT", section)
        self.assertEqual(
            [
                "context_resource_name_format",
                "database_patience",
                "rally-debug",
                "raw_result_chunk_size",
                "scenario_resource_name_format",
                "strict_type_annotations",
            ],
            sorted(option.name for option in options),
        )

    def test_registering_again_does_no_harm(self) -> None:
        opts.register()
        opts.register()
        opts.register_opts(opts.list_opts())

    def test_options_of_packages_are_registered(self) -> None:
        opts.register_options_from_path(__name__)
        opts.register_options_from_path(f"{__name__}:list_opts")

        self.assertEqual(3, cfg.CONF.test_opts.number)

    def test_options_may_come_as_a_dict(self) -> None:
        options = [cfg.IntOpt("size", default=4)]
        opts.register_opts({"test_opts_dict": options})

        self.assertEqual(4, cfg.CONF.test_opts_dict.size)

    def test_samples_show_that_logs_go_to_standard_error(self) -> None:
        opts.update_opt_defaults()
        cfg.CONF.clear_default("use_stderr")  # a command may have set it

        self.assertTrue(cfg.CONF.use_stderr)


class VersionTestCase(test.TestCase):
    def test_all_forms_agree(self) -> None:
        numbers = version.version_info.semantic_version().version_tuple()

        self.assertEqual(version.__version_tuple__, numbers)
        self.assertEqual(version.__version__, version.version_string())
        self.assertTrue(numbers >= (6, 0, 0))

    def test_plugin_packages_have_versions(self) -> None:
        self.assertIsInstance(version.plugins_versions(), dict)
