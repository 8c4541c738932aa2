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


"""A platform that is a web server, and a folder of what tasks left.

It answers as plugins in the field do: with tracebacks and with a dump of the
credentials that it tried.
"""

from __future__ import annotations

import json
import os
import pathlib
import traceback
import typing as t

import requests

from rally.env import platform

URL_VARIABLE = "DEPOT_URL"


@platform.configure(name="existing", platform="depot")
class Depot(platform.Platform):
    """A web server that wants a password."""

    CONFIG_SCHEMA = {
        "type": "object",
        "properties": {
            "url": {"type": "string"},
            "user": {
                "type": "object",
                "properties": {
                    "username": {"type": "string"},
                    "password": {"type": "string"},
                },
                "required": ["username", "password"],
                "additionalProperties": False,
            },
            "folder": {
                "type": "string", "description": "What tasks left behind.",
            },
        },
        "required": ["url", "user"],
        "additionalProperties": False,
    }

    def create(self) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
        return {"url": self.spec["url"], "user": self.spec["user"]}, {}

    def destroy(self) -> None:
        """Forget the folder, which has to be empty."""
        os.rmdir(self._folder)

    def check_health(self) -> dict[str, t.Any]:
        try:
            self._ask()
        except requests.RequestException:
            return {
                "available": False,
                "message": "Bad creds: \n" + json.dumps(self.spec, indent=2),
                "traceback": traceback.format_exc(),
            }
        return {"available": True}

    def info(self) -> dict[str, t.Any]:
        return {"info": {"says": self._ask()}}

    def cleanup(self, task_uuid: str | None = None) -> dict[str, t.Any]:
        found = sorted(self._folder.iterdir())
        errors = []
        for path in found:
            try:
                path.unlink()
            except OSError as e:  # a folder cannot be deleted so
                errors.append({
                    "resource_type": "file", "resource_id": path.name,
                    "message": "%s; as %s" % (e, self.spec["user"]),
                    "traceback": traceback.format_exc(),
                })
        counts = {
            "discovered": len(found),
            "deleted": len(found) - len(errors),
            "failed": len(errors),
        }
        return {**counts, "resources": {"file": counts}, "errors": errors}

    @classmethod
    def create_spec_from_sys_environ(
        cls, sys_environ: t.Mapping[str, str]
    ) -> dict[str, t.Any]:
        if URL_VARIABLE not in sys_environ:
            return {"available": False, "message": "no " + URL_VARIABLE}
        user = {"username": "keeper", "password": "open-sesame"}
        url = sys_environ[URL_VARIABLE]
        return {"available": True, "spec": {"url": url, "user": user}}

    @property
    def _folder(self) -> pathlib.Path:
        return pathlib.Path(self.spec["folder"])

    def _ask(self) -> str:
        user = self.spec["user"]
        answer = requests.get(
            self.spec["url"], timeout=30,
            auth=(user["username"], user["password"]),
        )
        answer.raise_for_status()
        return answer.text
