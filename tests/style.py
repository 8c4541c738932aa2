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

"""Rally's own checks of style: what ruff does not know.

``python -m tests.style`` prints one line per offence and exits with 1 if
there is one. A check is a function that takes a ``Source`` and gives
``(line, text)`` pairs; adding it to ``CHECKS`` is all there is to do.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import json
import pathlib
import re
import sys
import typing as t

import yaml

ROOT = pathlib.Path(__file__).parent.parent
FOLDERS = ("rally", "tests", "samples", "rally-jobs", "doc", "etc", ".ci")
SUFFIXES = (
    ".py", ".rst", ".yaml", ".json", ".js", ".css", ".html", ".cfg", ".toml",
    ".txt", ".ini", ".mako",
)
#: made by others or by a build
SKIPPED = ("__pycache__", "build", ".hypothesis", "plotly-basic.min.js")

MAX_COLUMNS = 79
MAX_FUNCTION_LINES = 50

#: path, or path and function -> why it may be longer
ALLOWED: t.Mapping[str, str] = {}

NOTICE = """\
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
"""
COPYRIGHT = re.compile(r"^\W*(copyright\b|\(c\) ?\d|all rights)", re.I)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
PLURAL = re.compile(r"\w+\((s|es|ies)\)")
#: scripts of users look for these
PLURALS_OF_SCRIPTS = ("error(s)", "Tag(s)")
#: what a line says to a tool is not counted, as ruff does not
PRAGMA = re.compile(r"\s*# (noqa|type: ignore)\b.*")
#: names are used through these modules, so a reader sees where they are from
AS_MODULES = ("dataclasses", "typing")

Found: t.TypeAlias = t.Iterator[tuple[int, str]]


@dataclasses.dataclass(frozen=True)
class Source:
    """One file of the tree."""

    path: pathlib.PurePath  # from the root of the tree
    text: str

    @property
    def is_python(self) -> bool:
        return self.path.suffix == ".py"

    @property
    def is_shipped(self) -> bool:
        return self.path.parts[0] == "rally"

    @functools.cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @functools.cached_property
    def tree(self) -> ast.Module:
        """Of a file that is Python; empty if it cannot be parsed."""
        try:
            return ast.parse(self.text)
        except SyntaxError:
            return ast.Module([], [])  # ruff says where


def license_notice(source: Source) -> Found:
    """Each module that has any text begins with the notice."""
    body = source.text
    if body.startswith("#!"):
        body = body.partition("\n")[2]
    if source.is_python and body.strip() and not body.startswith(NOTICE):
        yield 1, "does not begin with the license notice"


def no_copyright_line(source: Source) -> Found:
    """The notice is the same for all: nobody's name stands in a file."""
    if source.is_python:
        for number, line in enumerate(source.lines, start=1):
            if line.startswith("#") and COPYRIGHT.match(line):
                yield number, "has a copyright line"


def opening(source: Source) -> Found:
    """A module says what it is for, and postpones its annotations."""
    if not source.is_python or not source.is_shipped:
        return
    body = source.tree.body
    if body and ast.get_docstring(source.tree) is None:
        yield 1, "has no docstring"
    is_annotated = any(
        isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AnnAssign))
        for node in body
    )
    if is_annotated and not any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for node in body
    ):
        yield 1, "lacks `from __future__ import annotations`"


def modules_not_names(source: Source) -> Found:
    """``import dataclasses`` and ``import typing as t``, not their names."""
    if not source.is_python:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module in AS_MODULES:
            yield node.lineno, (
                "takes names from %s: import the module" % node.module
            )
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "typing" and alias.asname != "t":
                    yield node.lineno, "imports typing, but not as t"


def columns(source: Source) -> Found:
    """79 columns; a single long word, such as an address, cannot be cut."""
    if not source.is_python:
        return
    for number, line in enumerate(source.lines, start=1):
        line = PRAGMA.sub("", line)
        words = line.lstrip("#: \t").split()
        if len(line) > MAX_COLUMNS and len(words) > 1:
            yield number, "has %d columns" % len(line)


def nothing_unfinished(source: Source) -> Found:
    """What is left to do stands in an issue, not in the tree."""
    for number, line in enumerate(source.lines, start=1):
        match = UNFINISHED.search(line)
        if match:
            yield number, "says %s" % match[0]


def whitespace(source: Source) -> Found:
    """No blanks at the end of a line, one newline at the end of a file."""
    for number, line in enumerate(source.lines, start=1):
        if line != line.rstrip():
            yield number, "ends with blanks"
        if source.is_python and "\t" in line:
            yield number, "has a tab"
    if source.text and not source.text.endswith("\n"):
        yield len(source.lines), "has no newline at its end"
    if source.text.endswith("\n\n"):
        yield len(source.lines), "ends with empty lines"


def function_size(source: Source) -> Found:
    """A longer function does two things."""
    if not source.is_python or not source.is_shipped:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        size = (node.end_lineno or node.lineno) - node.lineno + 1
        name = "%s:%s" % (source.path, node.name)
        if size > MAX_FUNCTION_LINES and name not in ALLOWED:
            yield node.lineno, "%s has %d lines, more than %d" % (
                node.name, size, MAX_FUNCTION_LINES
            )


def plurals(source: Source) -> Found:
    """Texts are right for one as for many: ``rally.common.counting``."""
    if not source.is_python or not source.is_shipped:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Constant):
            continue
        for match in PLURAL.finditer(str(node.value)):
            if match[0] not in PLURALS_OF_SCRIPTS:
                yield node.lineno, "says %s" % match[0]


CHECKS: t.Sequence[t.Callable[[Source], Found]] = (
    license_notice, no_copyright_line, opening, modules_not_names, columns,
    nothing_unfinished, whitespace, function_size, plurals,
)


def samples_in_both_forms(root: pathlib.Path) -> t.Iterator[str]:
    """Each sample task is there as YAML and as JSON, and says the same."""
    for path in sorted((root / "samples" / "tasks").rglob("*.*")):
        twin = {".yaml": ".json", ".json": ".yaml"}.get(path.suffix)
        if twin is None:
            continue
        place = path.relative_to(root)
        if not path.with_suffix(twin).exists():
            yield "%s:1: has no %s beside it" % (place, twin)
        elif path.suffix == ".json" and not _is_same(path):
            yield "%s:1: differs from its .yaml" % place


def _is_same(path: pathlib.Path) -> bool:
    """Whether a JSON sample is its YAML one; templates are not compared."""
    texts = [
        each.read_text("utf-8")
        for each in (path, path.with_suffix(".yaml"))
    ]
    if any("{{" in text or "{%" in text for text in texts):
        return True
    try:
        return bool(json.loads(texts[0]) == yaml.safe_load(texts[1]))
    except (ValueError, yaml.YAMLError):
        return False


def files(root: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """All files of the tree that people write."""
    yield from (path for path in sorted(root.iterdir()) if path.is_file())
    for folder in FOLDERS:
        yield from (
            path
            for path in sorted((root / folder).rglob("*"))
            if path.is_file() and not set(path.parts) & set(SKIPPED)
        )


def offences(root: pathlib.Path = ROOT) -> t.Iterator[str]:
    """One line per offence: file, line, what is wrong."""
    for path in files(root):
        if path.suffix not in SUFFIXES:
            continue
        place = path.relative_to(root)
        source = Source(place, path.read_text("utf-8"))
        for check in CHECKS:
            for line, text in check(source):
                yield "%s:%d: %s" % (place, line, text)
    yield from samples_in_both_forms(root)


def main() -> int:
    """Print the offences; the exit status."""
    found = list(offences())
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
