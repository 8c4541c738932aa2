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
import dataclasses
import json
import os
import pathlib
import sys
import typing as t

import typer

from rally import exceptions
from rally.cli.commands import options
from rally.common.counting import counted

if t.TYPE_CHECKING:
    from rally.task.distributed import discovery

agent_app = typer.Typer(
    help="Offer this host to distributed runs; manage which hosts may join.",
    no_args_is_help=True,
)

KeysOption: t.TypeAlias = t.Annotated[
    t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
    typer.Option(
        help="Folder of the controller's keys (default: ~/.rally/keys)."
    ),
]

ControllerOption: t.TypeAlias = t.Annotated[
    t.Optional[str],  # noqa: UP045 - typer evaluates it
    typer.Option(
        help="Address of the running controller (default: that of your task "
             "which started its own agents, or else tcp://127.0.0.1:9790)."
    ),
]
ListenOption: t.TypeAlias = t.Annotated[
    str,
    typer.Option(
        help="Address to listen on if no task runs; the next two ports are "
             "used, too."
    ),
]
WatchOption: t.TypeAlias = t.Annotated[
    bool,
    typer.Option(
        "--watch",
        help="Show the agents of runs; refresh once a second, until Ctrl-C.",
    ),
]
JsonOption: t.TypeAlias = t.Annotated[
    bool,
    typer.Option(
        "--json", help="Print JSON, a line for each run that is shown."
    ),
]
LabelsOption: t.TypeAlias = t.Annotated[
    t.Optional[list[str]],  # noqa: UP045 - typer evaluates it
    typer.Option(
        "--label", metavar="KEY=VALUE",
        help="A label by which tasks choose agents, such as zone=a. "
             "Repeatable.",
    ),
]


LabelOption: t.TypeAlias = t.Annotated[
    t.Optional[list[str]],  # noqa: UP045 - typer evaluates it
    typer.Option(
        help="A label of the agent, KEY=VALUE. Repeatable. Labels that the "
             "controller has for the agent take precedence."
    ),
]


KeyOption: t.TypeAlias = t.Annotated[
    t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
    typer.Option(help="Key file made by `rally agent authorize`."),
]
JoinOption: t.TypeAlias = t.Annotated[
    t.Optional[str],  # noqa: UP045 - typer evaluates it
    typer.Option(
        help="File with a join token made by `rally agent invite`, or - for "
             "standard input. The agent makes a key of its own, enrols it "
             "with the token, and uses it again when it is restarted."
    ),
]
NameOption: t.TypeAlias = t.Annotated[
    t.Optional[str],  # noqa: UP045 - typer evaluates it
    typer.Option(
        help="With --join: the name to ask for (default: the host name). If "
             "it is taken, a number is appended."
    ),
]
KeysFolderOption: t.TypeAlias = t.Annotated[
    t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
    typer.Option(
        help="With --join: folder for the agent's own key (default: "
             "~/.rally/agent)."
    ),
]
SpoolOption: t.TypeAlias = t.Annotated[
    t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
    typer.Option(
        help="Folder that keeps results until the controller has stored "
             "them (default: ~/.rally/spool)."
    ),
]
GiveUpOption: t.TypeAlias = t.Annotated[
    t.Optional[float],  # noqa: UP045 - typer evaluates it
    typer.Option(
        min=0,
        help="Exit with status 0 once no controller has answered for this "
             "many seconds (default: never). Results that could not be "
             "delivered stay in the spool."
    ),
]


@agent_app.command()
def start(
    controller: t.Annotated[
        str,
        typer.Option(
            help="Address of the controller, such as tcp://10.0.0.1:9790. "
                 "The next two ports are used, too."
        ),
    ],
    key: KeyOption = None,
    join: JoinOption = None,
    name: NameOption = None,
    keys_folder: KeysFolderOption = None,
    spool: SpoolOption = None,
    label: LabelOption = None,
    give_up_after: GiveUpOption = None,
    metrics: options.Metrics = None,
    no_shipping: t.Annotated[
        bool,
        typer.Option(
            "--no-shipping",
            help="Take no plugins from controllers (`rally task start "
                 "--ship-plugins`): use those installed on this host.",
        ),
    ] = False,
) -> None:
    """Offer this host's capacity to distributed runs until stopped."""
    from rally.common import openmetrics, systemd
    from rally.task.distributed import agent_process, joining
    from rally.task.distributed.security import keys, tokens
    from rally.task.distributed.security import labels as labels_module

    labels = labels_module.parsed(label or [])
    _check_who(key, join, name, keys_folder)
    manager = systemd.ServiceManager.take_from(os.environ)
    with contextlib.ExitStack() as stack:
        agent_key: keys.AgentKey | None
        if join is None:
            agent_key = keys.load_agent_key(str(key))
        else:
            agent_key = stack.enter_context(joining.own_key(
                controller, tokens.load_join_token(join), name, keys_folder,
                give_up_after, manager,
            ))
        if agent_key is not None:
            agent_process.run_agent(
                controller, agent_key, spool, labels=labels,
                give_up_after_s=give_up_after, manager=manager,
                takes_plugins=not no_shipping,
                endpoint=stack.enter_context(openmetrics.serving(metrics)),
            )


def _check_who(
    key: pathlib.Path | None, join: str | None, name: str | None,
    keys_folder: pathlib.Path | None,
) -> None:
    """:raises InvalidArgumentsException: it is not clear who starts"""
    if (key is None) == (join is None):
        raise exceptions.InvalidArgumentsException(
            "An agent proves its identity with a key, so it cannot start "
            "without one. Give either --key, a file made by `rally agent "
            "authorize`, or --join, a file made by `rally agent invite`."
        )
    if key is not None and (name is not None or keys_folder is not None):
        raise exceptions.InvalidArgumentsException(
            "The options --name and --keys-folder are for a key that the "
            "agent makes itself, and that of --key has a name already. Leave "
            "them out, or use --join."
        )


@agent_app.command()
def invite(
    uses: t.Annotated[
        int, typer.Option(help="How many agents may join with the token.")
    ] = 1,
    expires: t.Annotated[
        str,
        typer.Option(
            help="How long the token is valid: 90s, 30m, 8h, 2d. Agents "
                 "that have joined stay."
        ),
    ] = "8h",
    label: LabelOption = None,
    keys: KeysOption = None,
    out: t.Annotated[
        t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
        typer.Option(
            help="Write the token to this file, readable by you alone, "
                 "instead of printing it."
        ),
    ] = None,
) -> None:
    """Make a join token, with which agents enrol keys of their own."""
    from rally.task.distributed.security import labels as labels_module
    from rally.task.distributed.security import purge, tokens

    purge.purge(keys)
    invited = tokens.inviting(
        uses, _seconds(expires), labels_module.parsed(label or []), keys
    )
    _hand_over(invited, out)
    if out is not None:
        typer.echo(
            "The join token is in %s. It lets %s in within %s."
            % (out, counted(uses, "agent"), expires)
        )


#: seconds of the units that people write
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _seconds(text: str) -> float:
    """Seconds of a duration such as ``8h``.

    :raises InvalidArgumentsException: it is none
    """
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in _UNITS):
        raise exceptions.InvalidArgumentsException(
            "%r is not a duration that Rally understands. Write a whole "
            "number and a unit: 90s, 30m, 8h, 2d or 1w." % text
        )
    return float(number) * _UNITS[unit]


@agent_app.command()
def authorize(
    name: t.Annotated[str, typer.Argument(help="Name of the agent.")],
    label: LabelsOption = None,
    keys: KeysOption = None,
    out: t.Annotated[
        t.Optional[pathlib.Path],  # noqa: UP045 - typer evaluates it
        typer.Option(
            help="Write the key to this file, readable by you alone, "
                 "instead of printing it."
        ),
    ] = None,
) -> None:
    """Let an agent join; print the key file to copy to its host."""
    from rally.task.distributed.security import keys as keys_module
    from rally.task.distributed.security import labels

    given = labels.parsed(label or ())
    # the earlier key is valid until there is another one to use
    _hand_over(keys_module.authorizing(name, keys, labels=given), out)
    if out is not None:
        typer.echo("The key of agent %s is in %s." % (name, out))


def _hand_over(
    made: t.ContextManager[str], out: pathlib.Path | None
) -> None:
    """Print a secret, or write it to a file; neither if that fails."""
    with contextlib.ExitStack() as undo:
        with made as text:
            if out is None:
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                _create(out, text)
                undo.callback(out.unlink, missing_ok=True)
        undo.pop_all()


def _create(path: pathlib.Path, text: str) -> None:
    """Write a key file, readable by the user alone.

    :raises InvalidArgumentsException: it is there already, or cannot be
    """
    from rally.common import private_files

    try:
        is_new = private_files.create(path, text.encode())
    except OSError as e:
        raise exceptions.InvalidArgumentsException(
            "The key cannot be written to %s: %s. Nothing was changed: an "
            "agent keeps the key that it has. Name a file in a folder that "
            "you can write to."
            % (path, e.strerror)
        ) from None
    if not is_new:
        raise exceptions.InvalidArgumentsException(
            "%s exists already and may be the key of another agent, or "
            "another join token, so it is left alone. Name another file."
            % path
        )


@agent_app.command()
def revoke(
    name: t.Annotated[
        t.Optional[str],  # noqa: UP045 - typer evaluates it
        typer.Argument(help="Name of the agent."),
    ] = None,
    token: t.Annotated[
        t.Optional[str],  # noqa: UP045 - typer evaluates it
        typer.Option(
            help="Revoke this join token instead, see `rally agent list`; "
                 "agents that joined with it stay."
        ),
    ] = None,
    with_agents: t.Annotated[
        bool,
        typer.Option(
            "--with-agents",
            help="With --token: revoke the agents that joined with it, too.",
        ),
    ] = False,
    keys: KeysOption = None,
) -> None:
    """Revoke an agent or a join token, from the next message on."""
    from rally.task.distributed.security import keys as keys_module
    from rally.task.distributed.security import tokens

    if (name is None) == (token is None) or (with_agents and not token):
        raise exceptions.InvalidArgumentsException(
            "It is not clear what to revoke. Name an agent, or a join token "
            "with --token; --with-agents needs --token."
        )
    if name is not None:
        keys_module.revoke(name, keys)
        refused = [name]
    else:
        refused = tokens.revoke(str(token), keys, with_agents)
        typer.echo("Join token %s is refused from now on." % token)
    for each in refused:
        typer.echo("Agent %s is refused from now on." % each)


@agent_app.command()
def drain(
    name: t.Annotated[
        t.Optional[str],  # noqa: UP045 - typer evaluates it
        typer.Argument(help="Name of the agent."),
    ] = None,
    label: t.Annotated[
        t.Optional[list[str]],  # noqa: UP045 - typer evaluates it
        typer.Option(
            "--label", metavar="KEY=VALUE",
            help="Instead of a name: drain all agents with this label. "
                 "Repeatable.",
        ),
    ] = None,
    controller: ControllerOption = None,
    keys: KeysOption = None,
    wait: t.Annotated[
        float,
        typer.Option(
            help="How many seconds to wait until it has been drained."
        ),
    ] = 0.0,
) -> None:
    """Take an agent out of the running task without losing anything.

    Run it on the controller's host. The agent starts nothing more, and what
    it was granted goes to others; a spare agent takes its place.
    """
    from rally.task.distributed import drain_request

    if (name is None) == (not label):
        raise exceptions.InvalidArgumentsException(
            "It is not clear which agents to drain. Name one, or use --label "
            "for all that have a label, not both."
        )
    address = controller or _meant(keys)
    if name is None:
        _drain_labelled(label or (), address, keys, wait)
        return
    text = drain_request.drain(name, address, keys, wait)
    typer.echo("%s%s." % (text[0].upper(), text[1:]))


def _meant(
    keys: pathlib.Path | None, default: str = "tcp://127.0.0.1:9790"
) -> str:
    """Address of the controller, if the user has named none."""
    from rally.task.distributed import fleet_folders

    return fleet_folders.meant(default) if keys is None else default


def _drain_labelled(
    words: t.Iterable[str], controller: str, keys: pathlib.Path | None,
    wait: float,
) -> None:
    """Drain all agents with some labels; a refusal does not end that.

    :raises typer.Exit: some are not drained; it was said which
    """
    from rally.task.distributed import drain_request, fleet_request

    names = fleet_request.labelled(controller, keys, words)
    problems = 0
    for each in names:
        try:
            text = drain_request.drain(each, controller, keys, 0)
        except drain_request.DrainRefused as e:
            text = e.format_message().rstrip(".")
            problems += 1
        typer.echo("%s%s." % (text[0].upper(), text[1:]))
    if problems:
        raise typer.Exit(drain_request.DrainRefused.error_code)
    for each in names if wait else ():
        text = drain_request.drain(each, controller, keys, wait)
        typer.echo("%s%s." % (text[0].upper(), text[1:]))


@agent_app.command("list")
def list_(
    wait: t.Annotated[
        float,
        typer.Option(help="How many seconds to wait for agents to dial in."),
    ] = 5.0,
    listen: ListenOption = "tcp://*:9790",
    keys: KeysOption = None,
    controller: t.Annotated[
        t.Optional[str],  # noqa: UP045 - typer evaluates it
        typer.Option(
            help="Address of the controller to ask while a task runs "
                 "(default: those of your tasks which started their own "
                 "agents, or else this host at the port of --listen)."
        ),
    ] = None,
    watch: WatchOption = False,
    tojson: JsonOption = False,
) -> None:
    """Show which agents there are, and what they are doing.

    While a task runs, its controller is asked: what share each agent has, at
    what rate it runs, how much of its CPUs it uses. Otherwise the command
    itself listens, and shows which agents are dialing in, and join tokens.
    """
    from rally.cli import fleet_view
    from rally.task.distributed import discovery, fleet_folders
    from rally.task.distributed.wire import channels

    address = controller or channels.on_this_host(listen)
    if watch:
        if controller is None:
            address = _meant(keys, address)
        fleet_view.watch(address, keys, tojson)
        return
    fleets = fleet_folders.in_use() if keys is None else []
    if controller is not None:
        fleets = [each for each in fleets if each.address == controller]
    if fleets:
        fleet_view.show_all(fleets, tojson)
        return
    try:
        agents = discovery.call(listen, keys, wait)
    except channels.AddressUnusable as e:
        fleet_view.show(address, keys, tojson, e)
        return
    _show_found(agents, keys, tojson)


def _show_found(
    agents: t.Sequence[discovery.Answer], keys: pathlib.Path | None,
    tojson: bool,
) -> None:
    """Show agents and tokens, once what has ended long ago is removed."""
    from rally.task.distributed import discovery
    from rally.task.distributed.security import purge

    purged = purge.purge(keys)
    if tojson:
        tokens = discovery.token_statuses(keys)
        typer.echo(json.dumps({
            "phase": "no run",
            "agents": list(map(dataclasses.asdict, agents)),
            "tokens": list(map(dataclasses.asdict, tokens)),
            "purged": dataclasses.asdict(purged),
        }))
        return
    _print_found(agents, keys)
    if purged.last:
        typer.echo(str(purged))


#: title, and how early a narrow terminal does without it
_FOUND: t.Mapping[str, tuple[str, int]] = {
    "name": ("Name", 0), "state": ("State", 0), "labels": ("Labels", 2),
    "token": ("Token", 3), "version": ("Version", 4), "host": ("Host", 5),
    "cpus": ("CPUs", 1), "clock_offset": ("Clock offset (ms)", 1),
    "round_trip": ("Round trip (ms)", 6),
}
#: of a frame: on either side of a column, and at the end
_SIDES, _EDGE = 3, 1


def _names_that_fit(agents: t.Sequence[discovery.Answer]) -> list[str]:
    """Columns that say something, as many as the terminal has room for."""
    from rally.cli import listing, terminal

    names = [
        name for name in _FOUND
        if name not in ("labels", "token")
        or any(getattr(agent, name) for agent in agents)
    ]
    widths = [
        _SIDES + max(terminal.cells(_FOUND[name][0]), *(
            terminal.cells(getattr(agent, name)) for agent in agents
        )) for name in names
    ]
    kept = listing.fitting(
        widths, [_FOUND[name][1] for name in names],
        terminal.width() - _EDGE,
    )
    return [names[i] for i in kept]


def _print_found(
    agents: t.Sequence[discovery.Answer], keys: pathlib.Path | None
) -> None:
    """Agents that are authorized, which of them are dialing in, and tokens.

    A narrow terminal shows less of each.
    """
    from rally.cli import cliutils, terminal
    from rally.task.distributed import discovery

    if agents:
        names = _names_that_fit(agents)
        cliutils.print_list(
            agents, names, sortby_index=0,
            field_labels=[_FOUND[name][0] for name in names],
        )
    else:
        terminal.say(
            "No agent is authorized. Let one join with `rally agent "
            "authorize NAME`, or many with `rally agent invite`."
        )
    tokens = discovery.token_statuses(keys)
    if tokens:
        cliutils.print_list(
            tokens,
            ["token", "state", "labels", "uses", "left", "expires"],
            sortby_index=None,
            field_labels=[
                "Token", "State", "Labels", "Used", "Left", "Expires (UTC)"
            ],
        )
