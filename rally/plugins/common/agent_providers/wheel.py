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


"""What is installed here, as packages that pip installs elsewhere.

They are made of the files as they are, without a network and without what a
build needs: they may be those of a source tree, with changes of somebody.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import json
import pathlib
import re
import typing as t
import zipfile

Distribution: t.TypeAlias = importlib.metadata.Distribution
#: content, or where it is
Source: t.TypeAlias = bytes | pathlib.Path

#: of all files: the same tree makes the same wheel
DATE = (1980, 1, 1, 0, 0, 0)
PORTABLE = "py3-none-any"
#: beside the files of a package: what an installation writes of its own
_LEFT_OUT = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
#: deflating harder takes much longer, and networks are fast
_LEVEL = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Wheel:
    """A package for pip, of which nothing is read before it is written."""

    name: str
    version: str
    tags: tuple[str, ...]  # of the interpreters and platforms it is for
    files: t.Mapping[str, Source] = dataclasses.field(repr=False)
    digest: str  # of its content

    @property
    def file_name(self) -> str:
        # such as py2.py3-none-any: each part with all that the tags have
        parts = zip(*(tag.split("-") for tag in self.tags), strict=True)
        return "%s-%s-%s.whl" % (
            _escaped(self.name), self.version.replace("-", "_"),
            "-".join(".".join(dict.fromkeys(part)) for part in parts),
        )

    @property
    def is_portable(self) -> bool:
        """Whether any interpreter on any platform may take it."""
        return all(tag.endswith("-none-any") for tag in self.tags)

    def write(self, path: pathlib.Path) -> None:
        """Make the file."""
        records = []
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, source in sorted(self.files.items()):
                data = _read(source)
                records.append(
                    "%s,sha256=%s,%d\n" % (name, _hash(data), len(data))
                )
                _add(archive, name, data)
            record = next(
                name.partition("/")[0] for name in self.files
                if ".dist-info/" in name
            ) + "/RECORD"
            records.append("%s,,\n" % record)
            _add(archive, record, "".join(records).encode())


def of(found: Distribution) -> Wheel | None:
    """An installed distribution; None: nobody knows which files it has."""
    if _is_linked(found):
        return _of_tree(found)
    return _of_record(found) or _of_tree(found)


def _is_linked(found: Distribution) -> bool:
    """Whether its files are those of a source tree."""
    try:
        about = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        about = {}
    is_linked = about.get("dir_info", {}).get("editable", False)
    # found beside the sources themselves: it was never installed
    return bool(is_linked) or found.read_text("PKG-INFO") is not None


def _of_record(found: Distribution) -> Wheel | None:
    """From the list that an installation leaves."""
    about = found.read_text("WHEEL")
    if about is None or found.read_text("RECORD") is None:
        return None
    files: dict[str, Source] = {}
    contents = []
    for path in found.files or ():
        name = path.as_posix()
        if ".." in path.parts or "__pycache__" in path.parts or (
            path.name in _LEFT_OUT and path.parts[0].endswith(".dist-info")
        ):
            continue
        source = pathlib.Path(str(path.locate()))
        if not source.is_file():
            return None
        files[name] = source
        contents.append(
            "%s %s\n" % (name, path.hash and path.hash.value)
        )
    tags = re.findall(r"^Tag: *(\S+)", about, re.MULTILINE)
    return Wheel(
        found.name, found.version, tuple(tags or [PORTABLE]), files,
        _digest("".join(sorted(contents)).encode()),
    )


def _of_tree(found: Distribution) -> Wheel | None:
    """From the sources: they may change at any time."""
    files: dict[str, Source] = {}
    for name in _top_modules(found):
        files.update(_module(name))
    if not files:
        return None
    tag = PORTABLE
    if any(name.endswith((".so", ".pyd")) for name in files):
        from packaging import tags

        tag = str(next(tags.sys_tags()))
    about = "%s-%s.dist-info/" % (
        _escaped(found.name), found.version.replace("-", "_")
    )
    files[about + "METADATA"] = (
        found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
    ).encode()
    files[about + "WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: rally\n"
        "Root-Is-Purelib: true\nTag: %s\n" % tag
    ).encode()
    files[about + "entry_points.txt"] = (
        found.read_text("entry_points.txt") or ""
    ).encode()
    contents = "".join(
        "%s %s\n" % (name, _hash(_read(source)))
        for name, source in sorted(files.items())
    )
    return Wheel(
        found.name, found.version, (tag,), files, _digest(contents.encode())
    )


def _top_modules(found: Distribution) -> set[str]:
    listed = (found.read_text("top_level.txt") or "").split()
    return set(listed) or {
        point.module.partition(".")[0] for point in found.entry_points
    }


def _module(name: str) -> t.Iterator[tuple[str, Source]]:
    """Files of a package or module that can be imported, by their names."""
    spec = importlib.util.find_spec(name)
    for place in (spec and spec.submodule_search_locations) or ():
        package = pathlib.Path(place)
        for path in package.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(package.parent).as_posix(), path
    if spec and spec.origin and not spec.submodule_search_locations:
        yield pathlib.Path(spec.origin).name, pathlib.Path(spec.origin)


def _escaped(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name)


def _read(source: Source) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _hash(data: bytes) -> str:
    digest = hashlib.sha256(data).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, DATE)
    archive.writestr(info, data, zipfile.ZIP_DEFLATED, _LEVEL)
