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

"""Configuration: the names of oslo.config that plugins use.

Whoever imports this module finds Rally's own options registered on ``CONF``.
"""
# ruff: noqa: F401 (all that is imported here is for others)

from __future__ import annotations

from oslo_config.cfg import (
    CONF,
    BoolOpt,
    ConfigDirNotFoundError,
    ConfigFileParseError,
    ConfigFilesNotFoundError,
    ConfigFilesPermissionDeniedError,
    ConfigFileValueError,
    ConfigOpts,
    DictOpt,
    DuplicateOptError,
    Error,
    FloatOpt,
    HostAddressOpt,
    HostnameOpt,
    IntOpt,
    IPOpt,
    ListOpt,
    MultiOpt,
    MultiStrOpt,
    NoSuchGroupError,
    NoSuchOptError,
    Opt,
    OptGroup,
    PortOpt,
    RequiredOptError,
    StrOpt,
    SubCommandOpt,
    URIOpt,
    set_defaults,
)

from rally.common import opts as _opts

_opts.register_own()
