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

"""Rally's own configuration options, all of section DEFAULT."""

from __future__ import annotations

import contextlib
import importlib
import typing as t

from oslo_config import cfg

Options: t.TypeAlias = t.Sequence[cfg.Opt]

DEBUG_OPTS: Options = [
    cfg.BoolOpt(
        "rally-debug",
        default=False,
        help="Show debug logs of Rally alone, not those of the libraries.",
    )
]

TASK_ENGINE_OPTS: Options = [
    cfg.IntOpt(
        "raw_result_chunk_size",
        default=1000,
        min=1,
        help="How many iterations one stored chunk of results holds.",
    ),
    cfg.FloatOpt(
        "database_patience",
        default=60.0,
        min=0,
        help="For how many seconds a running task goes on while its database "
        "cannot be used: locked, full, or not to be reached. Results stay "
        "with the agents, or hold up the load, until it can be used again. "
        "Then the task is stopped; `rally task recover` finishes it later.",
    ),
]


def _name_format(kind: str) -> Options:
    return [
        cfg.StrOpt(
            "%s_resource_name_format" % kind,
            help="Form of the names of resources that %ss create. Two "
            "runs of three or more X are filled in: the first is the same "
            "for one workload, the second is random." % kind,
        )
    ]


SCENARIO_OPTS = _name_format("scenario")
CONTEXT_OPTS = _name_format("context")

TYPES_OPTS: Options = [
    cfg.BoolOpt(
        "strict_type_annotations",
        default=False,
        help="Refuse a scenario whose run() has an annotation that cannot "
        "be turned into a schema, instead of only warning about it.",
    )
]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Section and options, as ``oslo-config-generator`` asks for them."""
    options = [
        *CONTEXT_OPTS,
        *DEBUG_OPTS,
        *TASK_ENGINE_OPTS,
        *SCENARIO_OPTS,
        *TYPES_OPTS,
    ]
    return [("DEFAULT", options)]


def update_opt_defaults() -> None:
    """Let samples show the defaults that Rally puts on other's options."""
    register()
    cfg.set_defaults(_options_of_log(), use_stderr=True)


def register_options_from_path(path: str) -> None:
    """Register what an installed plugin package offers.

    :param path: ``module:function``, or ``module`` whose ``list_opts`` is
        meant
    """
    module_name, _, function = path.partition(":")
    module = importlib.import_module(module_name)
    register_opts(getattr(module, function or "list_opts")())


def register_opts(
    opts: t.Mapping[str, t.Iterable[cfg.Opt]]
    | t.Iterable[tuple[str, t.Iterable[cfg.Opt]]],
) -> None:
    """Register options: pairs of section and options, or a dict of them."""
    pairs = opts.items() if isinstance(opts, t.Mapping) else opts
    for section, options in pairs:
        group = None if section == "DEFAULT" else section
        cfg.CONF.register_opts(list(options), group=group)


def register_own() -> None:
    """Register Rally's own options; importing ``rally.common.cfg`` does."""
    with contextlib.suppress(cfg.ArgsAlreadyParsedError):
        cfg.CONF.register_cli_opts(DEBUG_OPTS)
    register_opts(list_opts())


def register() -> None:
    """Register Rally's own options and those of its logs."""
    from oslo_log import log

    register_own()
    if "use_stderr" in cfg.CONF:
        return
    try:
        log.register_options(cfg.CONF)
    except cfg.ArgsAlreadyParsedError:
        # inside a program that has read its command line already
        cfg.CONF.register_opts(_options_of_log())


def _options_of_log() -> list[cfg.Opt]:
    from oslo_log import _options

    return [opt for _, opts in _options.list_opts() for opt in opts]
