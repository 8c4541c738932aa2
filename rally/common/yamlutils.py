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

"""Deprecated name of ``rally.cli.yamlutils``."""

from __future__ import annotations

from rally.cli import yamlutils
from rally.common import logging

OrderedDict = yamlutils.OrderedDict
ParserError = yamlutils.ParserError
safe_load = yamlutils.safe_load

logging.log_deprecated_module(__name__, yamlutils.__name__, "3.0.0")
