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

"""What the commands about environments print."""

from __future__ import annotations

import json
import typing as t

from rally.cli import cliutils

Values: t.TypeAlias = dict[str, t.Any]

YES = ":-)"
NO = ":-("

LIST_FIELDS = ["uuid", "name", "status", "created_at", "description"]


def print_cleanup(result: Values) -> None:
    for platform, info in sorted(result.items()):
        print("\nInformation for %s platform." % platform)
        print("=" * 80)
        print("Status: %s" % ("errors" if info["errors"] else "ok"))
        if info.get("message"):
            print(info["message"])
        for key in ("discovered", "deleted", "failed"):
            print("Total %s: %s" % (key, info[key]))
        for kind, counts in sorted((info.get("resources") or {}).items()):
            print("- %s: %s" % (kind, json.dumps(counts, sort_keys=True)))
        for error in info["errors"]:
            print("\nError: %s" % error.get("message", error))
            if error.get("traceback"):
                print(error["traceback"])


def print_envs(envs: list[Values], current: str | None) -> None:
    """Print environments, the newest first.

    :param current: uuid or name of the one that is the default
    """
    rows = [_row(env, current) for env in sorted(envs, key=_age, reverse=True)]
    cliutils.print_list(rows, [*LIST_FIELDS, "default"], sortby_index=None)


def _age(env: Values) -> str:
    return str(env["created_at"])


def _row(env: Values, current: str | None) -> Values:
    is_current = current is not None and current in (env["uuid"], env["name"])
    return {**env, "default": "*" if is_current else ""}


def public(data: Values) -> Values:
    keys = (
        "uuid", "created_at", "updated_at", "name", "description", "status",
        "spec", "extras", "platforms",
    )
    return {key: data[key] for key in keys}


def print_env(
    data: Values, to_json: bool = False, only_spec: bool = False
) -> None:
    if only_spec:
        print(json.dumps(data["spec"], indent=2))
        return
    if to_json:
        print(json.dumps(public(data), indent=2))
        return
    import prettytable

    table = prettytable.PrettyTable(header=False)
    table.align = "l"
    for key in (
        "uuid", "name", "status", "created_at", "updated_at", "description",
    ):
        table.add_row([key, data[key]])
    table.add_row(["extras", json.dumps(data["extras"], indent=2)])
    for name, platform in sorted(data["platforms"].items()):
        table.add_row(
            ["platform %s" % name, json.dumps(platform, indent=2)]
        )
    print(table)


def print_health(
    env: Values,
    health: Values,
    detailed: bool,
) -> None:
    fields = ["Available", "Platform", "Message"]
    if detailed:
        fields.append("Plugin")
    platforms = env["platforms"]
    rows = [
        {
            "available": YES if x["available"] else NO,
            "platform": name.partition("@")[2] or name,
            "message": x.get("message", ""),
            "plugin": platforms.get(name, {}).get("plugin_name", name),
        }
        for name, x in sorted(health.items())
    ]
    cliutils.print_list(rows, fields, sortby_index=None)
    for name, x in sorted(health.items()) if detailed else ():
        if x.get("traceback"):
            print("\nPlugin %s raised an error:\n%s" % (name, x["traceback"]))
