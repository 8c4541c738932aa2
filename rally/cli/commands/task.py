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

"""Commands about tasks."""

from __future__ import annotations

import typer

from rally.cli.commands.task_compare import compare
from rally.cli.commands.task_reports import (
    delete,
    export,
    import_results,
    report,
    trends,
)
from rally.cli.commands.task_runs import (
    abort,
    recover,
    restart,
    start,
    validate,
)
from rally.cli.commands.task_views import (
    detailed,
    list_,
    results,
    sla_check,
    status,
    use,
)
from rally.cli.task_input import FailedToLoadTask  # noqa: F401 (compat)

task_app = typer.Typer(help="Run scenario tests and benchmarks.")

for _name, _command in (
    ("validate", validate),
    ("start", start),
    ("restart", restart),
    ("abort", abort),
    ("recover", recover),
    ("status", status),
    ("detailed", detailed),
    ("results", results),
    ("list", list_),
    ("trends", trends),
    ("compare", compare),
    ("report", report),
    ("delete", delete),
    ("sla-check", sla_check),
    ("use", use),
    ("export", export),
    ("import", import_results),
):
    task_app.command(_name)(_command)
