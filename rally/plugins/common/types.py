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

"""Resource types that work with files and addresses."""

from __future__ import annotations

import os
import typing as t

from rally import exceptions
from rally.common.plugin import plugin
from rally.task import types

_HEAD_TIMEOUT_S = 60


@plugin.configure(name="path_or_url")
class PathOrUrl(types.ResourceType):
    """Check that a file exists, or that a URL answers.

    An address has to answer a HEAD request with 200. ``~`` at the start of a
    path is replaced, and what the scenario gets is the path or the address.

    .. code-block:: python

        def run(self, image: t.Annotated[str, types.Convert("path_or_url")]):
            ...
    """

    def pre_process(
        self, *, resource_spec: str, config: t.Any, output_type: t.Any
    ) -> str:
        path = os.path.expanduser(resource_spec)
        if os.path.isfile(path):
            return path
        import requests  # slow to load, and few tasks need it

        try:
            head = requests.head(
                path,
                verify=False,
                allow_redirects=True,
                timeout=_HEAD_TIMEOUT_S,
            )
        except requests.exceptions.RequestException as e:
            raise exceptions.InvalidScenarioArgument(
                f"{path} is neither a file nor a URL that answers ({e})"
            ) from e
        if head.status_code == 200:
            return path
        raise exceptions.InvalidScenarioArgument(
            f"Url {path} unavailable (code {head.status_code})"
        )


@plugin.configure(name="file")
class FileType(types.ResourceType):
    """Replace the path of a file by its content.

    .. code-block:: python

        def run(self, script: t.Annotated[str, types.Convert("file")]):
            ...
    """

    def pre_process(
        self, *, resource_spec: str, config: t.Any, output_type: t.Any
    ) -> str:
        return _read(resource_spec)


@plugin.configure(name="expand_user_path")
class ExpandUserPath(types.ResourceType):
    """Replace ``~`` at the start of a path.

    .. code-block:: python

        @types.convert(key={"type": "expand_user_path"})
        @scenario.configure(name="Acme.log_in")
        class LogIn(scenario.Scenario):
            def run(self, key):
                ...
    """

    def pre_process(
        self, *, resource_spec: str, config: t.Any, output_type: t.Any
    ) -> str:
        return os.path.expanduser(resource_spec)


@plugin.configure(name="file_dict")
class FileTypeDict(types.ResourceType):
    """Replace a list of paths by a dict from each path to the content.

    .. code-block:: python

        def run(
            self, templates: t.Annotated[dict, types.Convert("file_dict")]
        ):
            ...
    """

    def pre_process(
        self, *, resource_spec: list[str], config: t.Any, output_type: t.Any
    ) -> dict[str, str]:
        paths = [os.path.expanduser(path) for path in resource_spec]
        return {path: _read(path) for path in paths}


def _read(path: str) -> str:
    with open(os.path.expanduser(path), encoding="utf-8") as file:
        return file.read()
