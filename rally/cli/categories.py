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

"""Commands in categories, each of which is loaded when it is named."""

from __future__ import annotations

import importlib
import typing as t

import typer.core
import typer.main

from rally.cli import argutils

#: category -> where its commands are
CATEGORIES = {
    "agent": "rally.cli.commands.agent:agent_app",
    "db": "rally.cli.commands.db:db_app",
    "deployment": "rally.cli.commands.deployment:deployment_app",
    "env": "rally.cli.commands.env:env_app",
    "plugin": "rally.cli.commands.plugin:plugin_app",
    "task": "rally.cli.commands.task:task_app",
}


class CategoryGroup(typer.core.TyperGroup):
    """A group of commands whose categories are imported on demand."""

    def list_commands(self, ctx: t.Any) -> list[str]:
        return [*super().list_commands(ctx), *self._unloaded()]

    def get_command(self, ctx: t.Any, cmd_name: str) -> t.Any:
        if cmd_name in self._unloaded():
            self.add_command(_load(cmd_name), cmd_name)
        found = super().get_command(ctx, cmd_name)
        if found is None:  # a typo, say: let typer see what there is
            for name in self._unloaded():
                self.add_command(_load(name), name)
        return found

    def _unloaded(self) -> list[str]:
        return [name for name in CATEGORIES if name not in self.commands]


def _load(name: str) -> t.Any:
    module, _, attribute = CATEGORIES[name].partition(":")
    category = getattr(importlib.import_module(module), attribute)
    group = typer.main.get_group(category)
    group.name = name
    group.rich_help_panel = "Categories"
    argutils.install(group)
    return group
