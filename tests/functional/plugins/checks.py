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

"""A verifier of our own, see ``tests.verifier_project``."""

from __future__ import annotations

from rally.plugins.verification import testr
from rally.verification import manager


@manager.configure("checks", context={"testr": {}})
class Checks(testr.TestrLauncher):
    """Checks of all kinds, which stestr launches."""

    @property
    def run_environ(self) -> dict[str, str]:
        """Lets slow tests find the folder that they are to write to."""
        environ = super().run_environ
        settings = self.verifier.extra_settings or {}
        return {**environ, "CHECKS_FOLDER": settings.get("folder", "")}
