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

"""What plugins import from the released Rally can be imported here, too.

The table is what its documentation promises and what plugin packages in the
field use.
"""

from __future__ import annotations

import importlib
import typing as t

import ddt

from tests.unit import test

#: module -> names in it
NAMES: t.Mapping[str, str] = {
    "rally.api": "API APIGroup API_REQUEST_PREFIX",
    "rally.cli": "",
    "rally.cli.argutils": "ArgumentOrKeyword DeprecatedAlias install",
    "rally.cli.bashcomplete": "generate",
    "rally.cli.cliutils": (
        "get_api is_help_requested iter_commands make_header "
        "make_table_header pretty_float_formatter print_dict print_list "
        "set_api set_help_requested suppress_warnings"
    ),
    "rally.cli.commands.db": "create ensure recreate revision show upgrade",
    "rally.cli.commands.deployment": (
        "check config create destroy list_ recreate show use"
    ),
    "rally.cli.commands.env": (
        "NO YES check cleanup create delete destroy info list_ show use"
    ),
    "rally.cli.commands.plugin": "list_ show",
    "rally.cli.commands.task": (
        "FailedToLoadTask abort delete detailed export import_results list_ "
        "report restart results sla_check start status trends use validate"
    ),
    "rally.cli.commands.verify": (
        "DEFAULT_REPORT_TYPES add_verifier_ext configure_verifier "
        "create_verifier delete delete_verifier delete_verifier_ext "
        "import_results list_ list_plugins list_verifier_exts "
        "list_verifier_tests list_verifiers report rerun show show_verifier "
        "start update_verifier use use_verifier verify_app"
    ),
    "rally.cli.envutils": (
        "ENVVARS ENV_DEPLOYMENT ENV_ENV ENV_TASK ENV_VERIFICATION "
        "ENV_VERIFIER PATH_GLOBALS clear_env clear_global get_global "
        "load_globals update_globals_file"
    ),
    "rally.cli.main": "bootstrap main print_version",
    "rally.cli.task_results_loader": (
        "FailedToLoadResults OLD_TASK_RESULT_SCHEMA load"
    ),
    "rally.cli.yamlutils": "OrderedDict safe_load",
    "rally.common.broker": "run",
    "rally.common.cfg": "BoolOpt CONF FloatOpt IntOpt ListOpt OptGroup StrOpt",
    "rally.common.db": "",
    "rally.common.db.api": (
        "engine_reset env_create env_delete_cascade env_get env_get_status "
        "env_list env_rename env_set_status env_update get_engine "
        "platform_get platform_set_data platform_set_status platforms_list "
        "serialize subtask_create subtask_update tags_get task_create "
        "task_delete task_get task_get_status task_list task_update "
        "task_update_status verification_create verification_delete "
        "verification_get verification_list verification_update "
        "verifier_create verifier_delete verifier_get verifier_list "
        "verifier_update with_session workload_create workload_data_create "
        "workload_get workload_set_results"
    ),
    "rally.common.db.schema": (
        "INITIAL_REVISION_UUID schema_cleanup schema_create schema_revision "
        "schema_stamp schema_upgrade"
    ),
    "rally.common.fileutils": "",
    "rally.common.io": "",
    "rally.common.io.junit": "JUnitXML",
    "rally.common.io.subunit_v2": (
        "SubunitV2StreamResult TestID parse parse_file v2"
    ),
    "rally.common.logging": (
        "CRITICAL CatcherHandler DEBUG DEBUG_OPTS ERROR ExceptionLogger "
        "FATAL INFO LogCatcher NOTSET RDEBUG RallyContextAdapter WARN "
        "WARNING build_cli_params getLogger is_debug log_deploy_wrapper "
        "log_deprecated log_deprecated_args log_deprecated_module "
        "log_task_wrapper log_verification_wrapper setup to_oslo_argv"
    ),
    "rally.common.objects": "Deployment Verification Verifier",
    "rally.common.objects.deploy": "CREDENTIALS_SCHEMA Deployment",
    "rally.common.objects.task": "Subtask TASK_SCHEMA Task Workload",
    "rally.common.opts": (
        "list_opts register register_options_from_path register_opts "
        "update_opt_defaults"
    ),
    "rally.common.plugin.discover": (
        "find_packages_by_entry_point import_modules_by_entry_point "
        "import_modules_from_package iter_entry_points itersubclasses "
        "load_plugins"
    ),
    "rally.common.plugin.info": (
        "InfoMixin JSON_SCHEMA_TYPE_LABELS parse_docstring reindent trim"
    ),
    "rally.common.plugin.meta": "MetaMixin",
    "rally.common.plugin.plugin": (
        "DeprecationInfo Plugin base configure default_meta deprecated"
    ),
    "rally.common.sshutils": "SSH",
    "rally.common.streaming_algorithms": (
        "DegradationComputation IncrementComputation MaxComputation "
        "MeanComputation MinComputation PointsSaver StdDevComputation "
        "StreamingAlgorithm"
    ),
    "rally.common.utils": (
        "BackupHelper DequeAsQueue EnumMixin ImmutableMixin LockedDict "
        "RAMInt RandomNameGeneratorMixin StdErrCapture StdOutCapture "
        "Stopwatch Struct Timer generate_random_path interruptable_sleep "
        "iterate_per_tenants make_name_matcher name_matches_object retry "
        "terminate_thread timeout_thread"
    ),
    "rally.common.validation": (
        "RequiredPlatformValidator ValidatablePluginMixin ValidationError "
        "Validator add add_default configure"
    ),
    "rally.common.version": (
        "RALLY_PRODUCT RALLY_VENDOR __version_tuple__ database_revision "
        "plugins_versions version_info version_string"
    ),
    "rally.common.yamlutils": "safe_load",
    "rally.consts": (
        "DeployStatus EndpointPermission EndpointType HookStatus "
        "JSON_SCHEMA JSON_SCHEMA7 Service ServiceType SubtaskStatus TagType "
        "TaskStatus TimeFormat VerificationStatus VerifierStatus"
    ),
    "rally.env.env_mgr": "EnvManager SPEC_SCHEMA STATUS",
    "rally.env.platform": "Platform STATUS configure",
    "rally.exceptions": (
        "AuthenticationFailed ContextSetupFailure DBConflict DBException "
        "DBMigrationError DBRecordExists DBRecordNotFound "
        "DeploymentNotFinishedStatus DowngradeNotSupported "
        "GetResourceErrorStatus GetResourceFailure GetResourceNotFound "
        "InvalidAdminException InvalidArgumentsException "
        "InvalidConfigException InvalidConnectionString "
        "InvalidScenarioArgument InvalidTaskConfig InvalidTaskException "
        "ManagerException ManagerInvalidSpec ManagerInvalidState "
        "MultiplePluginsFound NotFoundException PluginNotFound "
        "PluginWithSuchNameExists RallyAssertionError RallyException "
        "SSHError SSHTimeout ScriptError ThreadTimeoutException "
        "TimeoutException ValidationError"
    ),
    "rally.plugins": "PLUGINS_LOADED ensure_plugins_are_loaded load",
    "rally.plugins.common.exporters.json_exporter": "TIMEFORMAT",
    "rally.plugins.common.validators": (
        "ArgsValidator EnumValidator FileExistsValidator "
        "JsonSchemaValidator MapKeysParameterValidator NumberValidator "
        "RequiredContextsValidator RequiredParamOrContextValidator "
        "RequiredParameterValidator RestrictedParametersValidator"
    ),
    "rally.plugins.task.contexts.dummy": "DummyContext",
    "rally.plugins.task.exporters.elastic.exporter": (
        "ElasticSearchExporter Validator"
    ),
    "rally.plugins.task.exporters.html": "HTMLExporter HTMLStaticExporter",
    "rally.plugins.task.exporters.json_exporter": "JSONExporter",
    "rally.plugins.task.exporters.junit": "JUnitXMLExporter",
    "rally.plugins.task.exporters.old_json_results": "OldJSONExporter",
    "rally.plugins.task.exporters.trends": "TrendsExporter TrendsStaticExport",
    "rally.plugins.task.hook_triggers.event": "EventTrigger",
    "rally.plugins.task.hook_triggers.periodic": "PeriodicTrigger",
    "rally.plugins.task.hooks.sys_call": "SysCallHook",
    "rally.plugins.task.runners.constant": (
        "CheckConstantValidator ConstantForDurationScenarioRunner "
        "ConstantScenarioRunner"
    ),
    "rally.plugins.task.runners.rps": "CheckPRSValidator RPSScenarioRunner",
    "rally.plugins.task.runners.serial": "SerialScenarioRunner",
    "rally.plugins.task.scenarios.dummy.dummy": (
        "Dummy DummyException DummyExceptionProbability DummyFailure "
        "DummyOutput DummyRandomAction DummyRandomFailInAtomic "
        "DummyTimedAtomicAction"
    ),
    "rally.plugins.task.scenarios.requests.http_requests": (
        "HttpRequestsCheckRandomRequest HttpRequestsCheckRequest"
    ),
    "rally.plugins.task.sla.failure_rate": "FailureRate",
    "rally.plugins.task.sla.iteration_time": "IterationTime",
    "rally.plugins.task.sla.max_average_duration": "MaxAverageDuration",
    "rally.plugins.task.sla.max_average_duration_per_atomic": (
        "MaxAverageDurationPerAtomic"
    ),
    "rally.plugins.task.sla.outliers": "Outliers",
    "rally.plugins.task.sla.performance_degradation": "PerformanceDegradation",
    "rally.plugins.task.types": (
        "ExpandUserPath FileType FileTypeDict PathOrUrl"
    ),
    "rally.task.atomic": (
        "ActionTimer ActionTimerMixin AtomicAction MergedAtomicAction "
        "action_timer merge_atomic_actions"
    ),
    "rally.task.context": (
        "BaseContext CONF_OPTS Context ContextManager add_default_context "
        "configure"
    ),
    "rally.task.engine": (
        "ResultConsumer TASK_ENGINE_OPTS TaskAborted TaskEngine"
    ),
    "rally.task.exporter": "REPORT_RESPONSE_SCHEMA TaskExporter",
    "rally.task.functional": "FunctionalMixin",
    "rally.task.hook": (
        "HookAction HookExecutor HookResult HookTrigger TriggerResults "
        "configure"
    ),
    "rally.task.processing.charts": (
        "AtomicAvgChart AtomicHistogramChart AtomicStackedAreaChart "
        "AvgChart Chart HistogramChart LoadProfileChart MainHistogramChart "
        "MainStackedAreaChart MainStatsTable OutputAvgChart OutputChart "
        "OutputEmbeddedChart OutputEmbeddedExternalChart OutputLinesChart "
        "OutputStackedAreaChart OutputStatsTable OutputTable OutputTextArea "
        "Table validate_output"
    ),
    "rally.task.processing.plot": "Trends plot trends",
    "rally.task.processing.utils": "GraphZipper percentile",
    "rally.task.runner": (
        "ScenarioRunner ScenarioRunnerResult _get_scenario_context "
        "_log_worker_info _run_scenario_once _worker_thread "
        "format_result_on_timeout"
    ),
    "rally.task.scenario": "CONF_OPTS Scenario configure",
    "rally.task.service": (
        "Service ServiceMeta UnifiedService compat_layer make_resource_cls "
        "method_wrapper service should_be_overridden"
    ),
    "rally.task.sla": "SLA SLAChecker SLAResult",
    "rally.task.task_cfg": "TaskConfig",
    "rally.task.types": (
        "Convert ConvertConfig DeferredResource ResourceType "
        "_compose_jsonschema _find_convert_marker _id_from_name "
        "_name_from_id collect_scenario_args_preprocessors convert "
        "obj_from_id obj_from_name preprocess"
    ),
    "rally.task.utils": (
        "ActionBuilder format_exc get_from_manager get_status "
        "infinite_run_args_generator manager_list_size resource_is wait_for "
        "wait_for_delete wait_for_status wait_is_ready"
    ),
    "rally.task.validation": "add",
    "rally.ui": "",
    "rally.ui.utils": "get_template",
    "rally.plugins.verification.reporters": (
        "HTMLReporter HTMLStaticReporter JSONReporter JUnitXMLReporter "
        "LP_BUG_LINK SKIP_RE TIME_FORMAT"
    ),
    "rally.plugins.verification.testr": (
        "TEST_NAME_RE TestrContext TestrLauncher"
    ),
    "rally.verification.context": (
        "ContextManager VerifierContext _expand_skip_list configure"
    ),
    "rally.verification.manager": (
        "URL_RE VerifierManager VerifierSetupFailure configure"
    ),
    "rally.verification.reporter": (
        "REPORT_RESPONSE_SCHEMA VerificationReporter configure"
    ),
    "rally.verification.utils": (
        "add_extra_options check_output create_dir extend_configfile"
    ),
    "rally.utils.encodeutils": "safe_decode safe_encode",
    "rally.utils.sshutils": "SSH",
    "rally.utils.strutils": (
        "FALSE_STRINGS TRUE_STRINGS bool_from_string format_float_to_str "
        "is_uuid_like"
    ),
    "rally.utils.typeutils": (
        "ArgsOf Field UnsupportedType arguments_schema hint_to_schema"
    ),
}

#: where releases before kept the core plugins -> where the last one does
BOTH_PLACES = {
    "rally.plugins.common.verification.reporters": (
        "rally.plugins.verification.reporters"
    ),
    "rally.plugins.common.verification.testr": (
        "rally.plugins.verification.testr"
    ),
    "rally.plugins.common.hook.sys_call": "rally.plugins.task.hooks.sys_call",
    "rally.plugins.common.hook.triggers.event": (
        "rally.plugins.task.hook_triggers.event"
    ),
    "rally.plugins.common.hook.triggers.periodic": (
        "rally.plugins.task.hook_triggers.periodic"
    ),
    **{
        "rally.plugins.common." + each: "rally.plugins.task." + each
        for each in (
            "exporters.elastic.exporter", "exporters.html",
            "exporters.json_exporter", "exporters.junit",
            "exporters.old_json_results", "exporters.trends",
            "runners.constant", "runners.rps", "runners.serial",
            "scenarios.dummy.dummy", "scenarios.requests.http_requests",
            "scenarios.requests.utils", "sla.failure_rate",
            "sla.iteration_time", "sla.max_average_duration",
            "sla.max_average_duration_per_atomic", "sla.outliers",
            "sla.performance_degradation", "types",
        )
    },
}


@ddt.ddt
class PublicNamesTestCase(test.TestCase):
    @ddt.data(*NAMES)
    def test_can_be_imported(self, module: str) -> None:
        imported = importlib.import_module(module)
        self.assertEqual(
            [], [x for x in NAMES[module].split() if not hasattr(imported, x)]
        )

    @ddt.data(*BOTH_PLACES.items())
    @ddt.unpack
    def test_both_places_hold_one_module(self, old: str, new: str) -> None:
        self.assertIs(
            importlib.import_module(old), importlib.import_module(new)
        )
