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

"""How Sphinx builds the documentation."""

from __future__ import annotations

import pathlib
import sys

from rally.common import version as version_module

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "ext"))

project = "Rally"
release = version = version_module.__version__

extensions = ["options", "plugin_reference"]
source_suffix = {".rst": "restructuredtext"}
root_doc = "index"
exclude_patterns: list[str] = []
nitpicky = True

html_theme = "alabaster"
html_theme_options = {
    "description": "Test framework of cloud operators",
    "page_width": "1020px",  # narrower windows have the menu on top
    "fixed_sidebar": True,
}
html_copy_source = False
# what commands print is black, not a light grey
pygments_style = "sphinx"

man_pages = [
    ("cli_reference", "rally", "test framework of cloud operators", [], 1),
]
