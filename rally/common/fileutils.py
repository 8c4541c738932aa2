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

"""Archives of folders."""

from __future__ import annotations

import os
import tempfile
import zipfile


def pack_dir(source_directory: str, zip_name: str | None = None) -> str:
    """Put a folder with all that is below it into a zip file.

    :param source_directory: path of the folder
    :param zip_name: path of the zip file; by default a new temporary one
    :returns: path of the zip file
    """
    if not zip_name:
        descriptor, zip_name = tempfile.mkstemp(suffix=".zip")
        os.close(descriptor)
    with zipfile.ZipFile(zip_name, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder, _, files in os.walk(source_directory):
            for name in sorted(files):
                path = os.path.join(folder, name)
                archive.write(path, os.path.relpath(path, source_directory))
    return zip_name
