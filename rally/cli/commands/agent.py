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

"""Commands on agents: load nodes of distributed runs."""

from __future__ import annotations

import contextlib
import pathlib
import sys
import typing as t

import typer

from rally import exceptions

agent_app = typer.Typer(
    help="Offer this host to distributed runs; say which hosts may.",
    no_args_is_help=True,
)

KeysOption: t.TypeAlias = t.Annotated[
    t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
    typer.Option(help="Folder of the controller's keys (~/.rally/keys)."),
]


@agent_app.command()
def start(
    controller: t.Annotated[
        str,
        typer.Option(
            help="Address of the controller, tcp://10.0.0.1:9790. It uses "
                 "the next two ports, too."
        ),
    ],
    key: t.Annotated[
        pathlib.Path,
        typer.Option(help="File made by `rally agent authorize`."),
    ],
    spool: t.Annotated[
        t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
        typer.Option(
            help="Folder for results until the controller has stored them "
                 "(~/.rally/spool)."
        ),
    ] = None,
) -> None:
    """Offer this host's capacity to distributed runs until stopped."""
    from rally.task.distributed import agent_process
    from rally.task.distributed.security import keys

    agent_process.run_agent(controller, keys.load_agent_key(key), spool)


@agent_app.command()
def authorize(
    name: t.Annotated[str, typer.Argument(help="Name of the agent.")],
    keys: KeysOption = None,
    out: t.Annotated[
        t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
        typer.Option(
            help="Write the key file here, readable by you alone, instead "
                 "of printing it."
        ),
    ] = None,
) -> None:
    """Let an agent join; print the key file to copy to its host."""
    from rally.task.distributed.security import keys as keys_module

    with contextlib.ExitStack() as undo:
        # the earlier key is valid until there is another one to use
        with keys_module.authorizing(name, keys) as text:
            if out is None:
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                _create(out, text)
                undo.callback(out.unlink, missing_ok=True)
        undo.pop_all()
    if out is not None:
        typer.echo("The key of agent %s is in %s." % (name, out))


def _create(path: pathlib.Path, text: str) -> None:
    """Write a key file, readable by the user alone.

    :raises InvalidArgumentsException: it is there already, or cannot be
    """
    from rally.common import private_files

    try:
        is_new = private_files.create(path, text.encode())
    except OSError as e:
        raise exceptions.InvalidArgumentsException(
            "The key cannot be written to %s: %s. The agent keeps the key "
            "that it has. Name a file in a folder that you can write to."
            % (path, e.strerror)
        ) from None
    if not is_new:
        raise exceptions.InvalidArgumentsException(
            "%s exists already and may be the key of another agent, so it "
            "is left alone. Name another file." % path
        )


@agent_app.command()
def revoke(
    name: t.Annotated[str, typer.Argument(help="Name of the agent.")],
    keys: KeysOption = None,
) -> None:
    """Refuse an agent from its next message on."""
    from rally.task.distributed.security import keys as keys_module

    keys_module.revoke(name, keys)
    typer.echo("Agent %s is refused from now on." % name)


@agent_app.command()
def drain(
    name: t.Annotated[str, typer.Argument(help="Name of the agent.")],
    controller: t.Annotated[
        str, typer.Option(help="Address of the running controller.")
    ] = "tcp://127.0.0.1:9790",
    keys: KeysOption = None,
    wait: t.Annotated[
        float,
        typer.Option(
            help="How long to wait until it has been drained, seconds."
        ),
    ] = 0.0,
) -> None:
    """Let an agent end its part of the running task; nothing is lost.

    To be used on the controller's host. The agent starts nothing more, and
    what it was granted goes to others; a spare agent takes its place.
    """
    from rally.task.distributed import drain_request

    text = drain_request.drain(name, controller, keys, wait)
    typer.echo("%s%s." % (text[0].upper(), text[1:]))


@agent_app.command("list")
def list_(
    wait: t.Annotated[
        float,
        typer.Option(help="How long to wait for agents to dial in, seconds."),
    ] = 5.0,
    listen: t.Annotated[
        str, typer.Option(help="Address of the first of three ports.")
    ] = "tcp://*:9790",
    keys: KeysOption = None,
) -> None:
    """Show which agents are authorized, and which of them are dialing in."""
    from rally.cli import cliutils
    from rally.task.distributed import discovery

    agents = discovery.call(listen, keys, wait)
    if not agents:
        typer.echo(
            "No agent is authorized. Let one join with `rally agent "
            "authorize NAME`."
        )
        return
    fields = [
        "name", "state", "version", "host", "cpus", "clock_offset",
        "round_trip",
    ]
    cliutils.print_list(
        agents, fields, sortby_index=0,
        field_labels=[
            "Name", "State", "Version", "Host", "CPUs", "Clock offset (ms)",
            "Round trip (ms)",
        ],
    )
