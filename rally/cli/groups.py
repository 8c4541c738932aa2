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

"""Groups of commands, made when they are needed.

To make a command, typer reads the signature of its function: for all of them
that takes as long as what a short one does.
"""

from __future__ import annotations

import functools
import typing as t

import typer
import typer.core
import typer.main

from rally.cli import argutils

Makers: t.TypeAlias = t.Mapping[str, t.Callable[[], t.Any]]


class LazyGroup(typer.core.TyperGroup):
    """A group with commands that ``makers`` make."""

    makers: Makers = {}

    def list_commands(self, ctx: t.Any) -> list[str]:
        others = [
            name for name in super().list_commands(ctx)
            if name not in self.makers
        ]
        return [*others, *self.makers]

    def get_command(self, ctx: t.Any, cmd_name: str) -> t.Any:
        if cmd_name not in self.list_commands(ctx):
            for name in self.makers:  # a typo: let typer see what there is
                self._make(name)
        elif cmd_name in self.makers:
            self._make(cmd_name)
        return super().get_command(ctx, cmd_name)

    def _make(self, name: str) -> None:
        if name not in self.commands:
            self.add_command(self.makers[name](), name)


def makers_of(app: typer.Typer) -> Makers:
    """What makes the commands of *app*, each as Rally's users write it."""
    return {
        info.name or typer.main.get_command_name(
            getattr(info.callback, "__name__", "")
        ): functools.partial(_make, info)
        for info in app.registered_commands
    }


def _make(info: t.Any) -> t.Any:
    alone = typer.Typer(add_completion=False)
    alone.registered_commands.append(info)
    command = typer.main.get_command(alone)
    argutils.install(command)
    return command


def of_app(app: typer.Typer, name: str) -> t.Any:
    """The group that *app* describes, called *name*."""
    bare = typer.Typer(
        cls=LazyGroup, help=app.info.help, add_completion=False,
        no_args_is_help=app.info.no_args_is_help,
    )
    group = typer.main.get_group(bare)
    t.cast(LazyGroup, group).makers = makers_of(app)
    group.name = name
    argutils.spare_adapters(group)
    return group
