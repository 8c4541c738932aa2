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

"""Commands about verifiers and verifications."""

from __future__ import annotations

import typer

from rally.cli.commands.verify_reports import (
    DEFAULT_REPORT_TYPES,  # noqa: F401 (compat)
    import_results,
    report,
)
from rally.cli.commands.verify_runs import rerun, start
from rally.cli.commands.verify_tools import (
    add_verifier_ext,
    configure_verifier,
    create_verifier,
    delete_verifier,
    delete_verifier_ext,
    list_plugins,
    list_verifier_exts,
    list_verifier_tests,
    list_verifiers,
    show_verifier,
    update_verifier,
    use_verifier,
)
from rally.cli.commands.verify_views import delete, list_, show, use

verify_app = typer.Typer(
    help="Run test suites such as Tempest."
)

for _name, _command in (
    ("list-plugins", list_plugins),
    ("create-verifier", create_verifier),
    ("use-verifier", use_verifier),
    ("list-verifiers", list_verifiers),
    ("show-verifier", show_verifier),
    ("delete-verifier", delete_verifier),
    ("update-verifier", update_verifier),
    ("configure-verifier", configure_verifier),
    ("list-verifier-tests", list_verifier_tests),
    ("add-verifier-ext", add_verifier_ext),
    ("list-verifier-exts", list_verifier_exts),
    ("delete-verifier-ext", delete_verifier_ext),
    ("start", start),
    ("use", use),
    ("rerun", rerun),
    ("show", show),
    ("list", list_),
    ("delete", delete),
    ("report", report),
    ("import", import_results),
):
    verify_app.command(_name)(_command)
