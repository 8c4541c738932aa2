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


"""The Rally that runs here, as a package that pip installs elsewhere.

It is made of the files as they are, without a network and without what a
build needs: they may be those of a source tree, with changes of somebody.
"""

from __future__ import annotations

import base64
import hashlib
import io
import pathlib
import typing as t
import zipfile

#: of all files: the same tree makes the same wheel
DATE = (1980, 1, 1, 0, 0, 0)
TAG = "py3-none-any"


class Wheel(t.NamedTuple):
    """A file for pip."""

    name: str
    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:32]


def of_rally() -> Wheel:
    """The package ``rally`` that is imported here."""
    import importlib.metadata

    import rally

    found = importlib.metadata.distribution("rally")
    about = "rally-%s.dist-info/" % found.version
    files = {
        about + "METADATA": (
            found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
        ).encode(),
        about + "WHEEL": (
            "Wheel-Version: 1.0\nGenerator: rally\n"
            "Root-Is-Purelib: true\nTag: %s\n" % TAG
        ).encode(),
        about + "entry_points.txt": (
            found.read_text("entry_points.txt") or ""
        ).encode(),
    }
    package = pathlib.Path(rally.__file__).parent
    for path in package.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(package.parent).as_posix()
            files[name] = path.read_bytes()
    record = about + "RECORD"
    files[record] = "".join([
        *(
            "%s,sha256=%s,%d\n" % (name, _hash(data), len(data))
            for name, data in sorted(files.items())
        ),
        "%s,,\n" % record,
    ]).encode()
    return Wheel("rally-%s-%s.whl" % (found.version, TAG), _zipped(files))


def _hash(data: bytes) -> str:
    digest = hashlib.sha256(data).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _zipped(files: t.Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return made.getvalue()
