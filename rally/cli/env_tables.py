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

from rally.cli import cliutils, tables, terminal
from rally.common import masking
from rally.env import reasons

Values: t.TypeAlias = dict[str, t.Any]

YES = ":-)"
NO = ":-("

LIST_FIELDS = ["uuid", "name", "status", "created_at", "description"]


def print_cleanup(result: Values, detailed: bool = False) -> None:
    """Print what was cleaned up.

    :param detailed: with the tracebacks of plugins
    """
    for platform, info in sorted(result.items()):
        print("\nInformation for %s platform." % platform)
        print("=" * min(80, terminal.width()))
        print("Status: %s" % ("errors" if info["errors"] else "ok"))
        if info.get("message"):
            print(info["message"])
        for key in ("discovered", "deleted", "failed"):
            print("Total %s: %s" % (key, info[key]))
        for kind, counts in sorted((info.get("resources") or {}).items()):
            print("- %s: %s" % (kind, json.dumps(counts, sort_keys=True)))
        for error in info["errors"]:
            _print_error(error, detailed)


def _print_error(error: Values, detailed: bool) -> None:
    resource = " ".join(
        str(error[key]) for key in ("resource_type", "resource_id")
        if error.get(key)
    )
    reason = reasons.in_answer(error)
    terminal.say(
        "\nError: %s" % (": ".join(x for x in (resource, reason) if x))
    )
    if detailed and error.get("traceback"):
        print(error["traceback"])


def print_destroyed(result: Values, detailed: bool = False) -> None:
    """Print how cleaning up and destroying went.

    :param detailed: with the tracebacks of plugins
    """
    cleanup = result["cleanup_info"]
    if not cleanup["skipped"]:
        print_cleanup(cleanup["info"], detailed)
    destroyed = result["destroy_info"]
    if destroyed.get("message"):
        terminal.say("\nNothing was destroyed: %s." % destroyed["message"])
    for name, told in sorted(destroyed["platforms"].items()):
        reason = (
            ": %s" % reasons.in_traceback(told["traceback"])
            if told.get("traceback") else ""
        )
        terminal.say(
            "\nPlatform %s: %s%s. It was %s and is %s."
            % (
                name, told["message"], reason, told["status"]["old"],
                told["status"]["new"],
            )
        )
        if detailed and told.get("traceback"):
            print(told["traceback"])


def print_envs(envs: list[Values], current: str | None) -> None:
    """Print environments, the newest first.

    :param current: uuid or name of the one that is the default
    """
    # turned round, not sorted so: where two are of one second, as MySQL has
    # it, the one made later is the newer one
    by_age = sorted(envs, key=lambda env: str(env["created_at"]))
    rows = [
        {
            **env,
            "default": "*" if current in (env["uuid"], env["name"]) else "",
        }
        for env in by_age[::-1]
    ]
    cliutils.print_list(rows, [*LIST_FIELDS, "default"], sortby_index=None)


def print_env(
    data: Values, to_json: bool = False, only_spec: bool = False
) -> None:
    if only_spec:
        print(json.dumps(data["spec"], indent=2))
        return
    if to_json:
        print(json.dumps(data, indent=2))
        return
    shown = masking.masked(data)
    rows = [
        [key, str(shown[key])] for key in (
            "uuid", "name", "status", "created_at", "updated_at",
            "description",
        )
    ]
    rows.append(["extras", json.dumps(shown["extras"], indent=2)])
    for name, platform in sorted(shown["platforms"].items()):
        # what its plugin made of the specification is what tasks get to see
        text = json.dumps(platform["platform_data"], indent=2)
        if platform["status"] != "READY":
            text = "%s\n%s" % (platform["status"], text)
        rows.append(["platform: %s" % name, text])
    table = tables.FittedTable(["field", "value"], rows, has_header=False)
    print(table.text(terminal.width()))


def print_health(
    env: Values,
    health: Values,
    detailed: bool,
) -> None:
    """Print whether platforms can be used, and what to do if not.

    :param detailed: with the names of plugins, and their tracebacks
    """
    fields = ["Available", "Platform", "Message"]
    if detailed:
        fields.append("Plugin")
    platforms = env["platforms"]
    rows = [
        {
            "available": YES if x["available"] else NO,
            "platform": _platform(name),
            "message": x.get("message", "") if x["available"]
            else reasons.in_answer(x),
            "plugin": platforms.get(_platform(name), {}).get(
                "plugin_name", name
            ),
        }
        for name, x in sorted(health.items())
    ]
    cliutils.print_list(rows, fields, sortby_index=None)
    for name, x in sorted(health.items()):
        if not x["available"]:
            terminal.say("\n" + unavailable(name, env["name"], x))
    for name, x in sorted(health.items()) if detailed else ():
        if x.get("traceback"):
            print("\nPlugin %s raised an error:\n%s" % (name, x["traceback"]))


def print_info(env: Values, found: Values, detailed: bool = False) -> None:
    """Print what platforms say of themselves.

    :param detailed: with the tracebacks of plugins
    """
    fields = ["platform", "info", "error"]
    rows = [
        {
            "platform": name,
            "info": json.dumps(masking.masked(x["info"]), indent=2),
            "error": reasons.in_answer(x) if x.get("error") else "",
        }
        for name, x in sorted(found.items())
    ]
    cliutils.print_list(rows, fields)
    for name, x in sorted(found.items()):
        if x.get("traceback") and "not implemented" not in x["error"]:
            terminal.say("\n" + unavailable(name, env["name"], x))
            if detailed:
                print("\n" + x["traceback"])


def unavailable(plugin: str, env: str, answer: Values) -> str:
    """The paragraph about a platform that cannot be used.

    :param plugin: name@platform
    :param env: name of the environment
    :param answer: of the plugin
    """
    return reasons.paragraph(
        _platform(plugin), env, reasons.in_answer(answer)
    )


def _platform(plugin: str) -> str:
    """The platform in the full name of its plugin."""
    return plugin.partition("@")[2] or plugin
