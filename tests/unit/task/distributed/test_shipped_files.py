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


from __future__ import annotations

import os
import pathlib
import stat
import tempfile
from unittest import mock

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.task.distributed import content, shipment, shipped_files
from rally.task.distributed.wire import messages
from tests.unit import test

names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1, max_size=8,
).filter(lambda name: name not in (".", "..") and name[0] != ".")
#: a folder: names of what is in it, and bytes or another folder
trees = st.recursive(
    st.dictionaries(names, st.binary(max_size=20), max_size=4),
    lambda inner: st.dictionaries(
        names, st.binary(max_size=20) | inner, max_size=4
    ),
    max_leaves=10,
)
HOSTILE = (
    "/etc/passwd", "../a.py", "a/../../b", "a/./b", "a//b", "", ".", "..",
    "a/", "/", "a\0b", "a" * 256, "plugins/0/" + "\xe9" * 128,
)


def made_of(files, plugins=(), extra=None):
    """A shipment of such contents, and the contents by digest."""
    described = {
        path: content.described(data) for path, data in files.items()
    }
    return messages.Shipment(
        tuple(messages.ShippedFile(*each) for each in described.items()),
        tuple(plugins), extra or {},
    ), {described[path].digest: data for path, data in files.items()}


class ShippedFilesTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.outside = pathlib.Path(os.path.realpath(made.name))
        self.source = self.outside / "source"
        self.source.mkdir()
        self.folder = shipped_files.folder_of(self.outside / "spool", "r")
        (self.outside / "spool").mkdir()

    def write(self, name, text=""):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def unpacked(self):
        """Paths of what is in the folder of the run, and their contents."""
        return self.files_in(self.folder)

    def files_in(self, folder):
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()
        }

    def refusal(self, made, contents):
        error = self.assertRaises(
            shipped_files.CannotBeUnpacked, shipped_files.unpack, made,
            contents, self.folder,
        )
        self.assertFalse(self.folder.exists())
        return str(error)


class PackingTestCase(ShippedFilesTestCase):
    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(tree=trees)
    def test_what_was_packed_is_what_is_unpacked(self, tree):
        source = pathlib.Path(tempfile.mkdtemp(dir=self.source)) / "tree"
        self.make(source, tree)
        there = {
            path: data for path, data in self.files_in(source).items()
            if not path.endswith(".pyc")
        }
        packed = shipped_files.pack([str(source)])
        self.assertEqual(
            ("plugins/0/tree",) if there else (), packed.shipment.plugins
        )
        self.assertEqual("", shipment.problem_with(packed.shipment))

        shipped_files.unpack(packed.shipment, packed.contents, self.folder)
        try:
            self.assertEqual(
                {"plugins/0/tree/" + path: data
                 for path, data in there.items()},
                self.unpacked(),
            )
        finally:
            shipped_files.remove(self.folder)

    def make(self, folder, tree):
        folder.mkdir()
        for name, inside in tree.items():
            if isinstance(inside, dict):
                self.make(folder / name, inside)
            else:
                (folder / name).write_bytes(inside)

    def test_it_depends_on_names_and_contents_alone(self):
        first, second = self.outside / "1" / "p", self.outside / "2" / "p"
        for folder, order in ((first, "ab"), (second, "ba")):
            folder.mkdir(parents=True)
            for name in order:
                (folder / (name + ".py")).write_text(name)
            os.utime(folder / "a.py", (1, len(order) + ord(order[0])))

        self.assertEqual(
            shipped_files.pack([str(first)]),
            shipped_files.pack([str(second)]),
        )

    def test_what_is_hidden_or_made_by_python_stays(self):
        for name in ("a.py", ".git/config", ".env", "__pycache__/a.pyc",
                     "b.pyc", "data/rows.csv"):
            self.write(name)

        packed = shipped_files.pack([str(self.source)])

        self.assertEqual(
            ["plugins/0/source/a.py", "plugins/0/source/data/rows.csv"],
            [file.path for file in packed.shipment.files],
        )

    def test_other_files_keep_the_names_that_the_task_has(self):
        path = str(self.write("rows.csv", "1"))

        packed = shipped_files.pack([], {path: path})

        self.assertEqual({path: "extra/0/rows.csv"}, packed.shipment.extra)
        self.assertEqual(
            [packed.shipment.extra[path]],
            [file.path for file in packed.shipment.files],
        )

    def test_a_folder_without_files_is_no_plugin_and_no_extra_file(self):
        (self.source / "a" / ".git").mkdir(parents=True)

        self.assertEqual(
            messages.Shipment(()),
            shipped_files.pack([str(self.source)]).shipment,
        )
        error = self.assertRaises(
            shipped_files.CannotBeShipped, shipped_files.pack, [],
            {"rows": str(self.source)},
        )
        self.assertIn("no file", str(error))

    def test_links_are_followed_once(self):
        self.write("a.py", "A")
        (self.source / "loop").symlink_to(self.source)
        (self.source / "b.py").symlink_to(self.source / "a.py")
        (self.source / "nowhere.py").symlink_to("/nowhere")

        packed = shipped_files.pack([str(self.source)])

        self.assertEqual(
            {"plugins/0/source/a.py", "plugins/0/source/b.py"},
            {file.path for file in packed.shipment.files},
        )

    def test_what_is_no_file_is_passed_over(self):
        self.write("a.py")
        os.mkfifo(self.source / "pipe")

        packed = shipped_files.pack([str(self.source)])

        self.assertEqual(1, len(packed.shipment.files))

    def test_a_file_comes_with_those_beside_it_that_it_imports(self):
        self.write("mine.py", "def f():\n    import helper\n"
                              "from pack.inner import x\nimport json\n"
                              "from rally.task import scenario")
        self.write("json.py")  # that of Python is found first
        self.write("rally/__init__.py")
        self.write("helper.py", "import deeper, mine")
        self.write("deeper.py", "this is no Python")
        self.write("pack/__init__.py")
        self.write("pack/inner.py", "from . import other")
        self.write("pack/other.py")
        self.write("pack/unused.py")
        self.write("unused.py")

        packed = shipped_files.pack([str(self.source / "mine.py")])

        self.assertEqual(("plugins/0/mine.py",), packed.shipment.plugins)
        self.assertEqual(
            ["deeper.py", "helper.py", "mine.py", "pack/__init__.py",
             "pack/inner.py", "pack/other.py"],
            [file.path.removeprefix("plugins/0/")
             for file in packed.shipment.files],
        )

    def problem(self, *paths):
        return str(self.assertRaises(
            shipped_files.CannotBeShipped, shipped_files.pack,
            list(map(str, paths)),
        ))

    def test_too_much_is_refused_and_named(self):
        for i in range(4):
            self.write("f%d.py" % i, "x" * 10)
        with mock.patch.object(messages, "MAX_SHIPPED", 3):
            self.assertIn("f3.py", self.problem(self.source))
        with mock.patch.object(shipment, "MAX_BYTES", 25):
            self.assertIn("f2.py", self.problem(self.source))

    def test_what_cannot_be_read_or_named_is_named(self):
        self.assertIn("absent.py", self.problem(self.source / "absent.py"))
        odd = os.fsencode(self.source) + b"/\xff.py"
        pathlib.Path(os.fsdecode(odd)).touch()
        self.assertIn("UTF-8", self.problem(self.source))


@ddt.ddt
class UnpackingTestCase(ShippedFilesTestCase):
    def test_it_is_for_this_user_only(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)

        shipped_files.unpack(*made_of({"a/b/c.py": b"c"}), self.folder)

        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in [self.folder.parent, *self.folder.parent.rglob("*")]
        }
        self.assertEqual(
            {".shipped": 0o700, "r": 0o700, "a": 0o700, "b": 0o700,
             "c.py": 0o600}, modes,
        )

    @ddt.data(*HOSTILE)
    def test_a_path_out_of_the_folder_is_refused(self, path):
        for made, contents in (
            made_of({path: b"x"}), made_of({"a": b""}, [path]),
            made_of({"a": b""}, (), {"name": path}),
        ):
            before = sorted(self.outside.rglob("*"))
            reason = self.refusal(made, contents)
            self.assertIn("does not name a file below a folder", reason)
            self.assertEqual(before, sorted(self.outside.rglob("*")))

    @hypothesis.settings(max_examples=200, deadline=None)
    @hypothesis.given(paths=st.lists(
        st.lists(
            st.sampled_from(["..", ".", "", "a", "b", "/", "\0", "~", "c\n"])
            | names, max_size=4,
        ).map("/".join), max_size=4,
    ))
    def test_whatever_the_paths_are_nothing_is_written_elsewhere(self, paths):
        before = sorted(self.outside.rglob("*"))
        files = tuple(
            messages.ShippedFile(path, content.described(b"x"))
            for path in paths
        )
        made = messages.Shipment(files)
        try:
            shipped_files.unpack(
                made, {content.described(b"x").digest: b"x"}, self.folder
            )
            self.assertEqual(set(paths), set(self.unpacked()))
        except shipped_files.CannotBeUnpacked:
            self.assertFalse(self.folder.exists())
        finally:
            shipped_files.remove(self.folder)
        self.assertEqual(before, sorted(self.outside.rglob("*")))

    def test_a_link_in_the_way_is_not_followed(self):
        self.folder.parent.mkdir()
        target = self.outside / "target"
        target.mkdir()
        self.folder.symlink_to(target)
        error = self.assertRaises(
            shipped_files.CannotBeUnpacked, shipped_files.unpack,
            *made_of({"a.py": b""}), self.folder,
        )
        self.assertIn("exists", str(error))
        shipped_files.remove(self.folder)
        self.assertEqual([], list(target.iterdir()))
        self.assertTrue(target.exists())

    def test_a_file_that_is_a_folder_as_well_is_refused(self):
        reason = self.refusal(*made_of({"a": b"1", "a/b": b"2"}))
        self.assertIn("both a file and a folder", reason)

    def test_a_file_that_is_named_twice_is_refused(self):
        (file,) = made_of({"a": b"1"})[0].files
        reason = self.refusal(messages.Shipment((file, file)), {})
        self.assertIn("twice", reason)

    def test_what_is_loaded_has_to_be_in_it(self):
        reason = self.refusal(*made_of({"a/b.py": b""}, ["a/c.py"]))
        self.assertIn("'a/c.py' is not in it", reason)

    def test_sizes_are_bounded_and_agree(self):
        digest = content.described(b"x").digest
        for sizes, reason in (
            ((shipment.MAX_BYTES + 1,), "limit"),
            ((shipment.MAX_BYTES // 2 + 1,) * 2, "limit"),
            ((1, 2), "two sizes"),
        ):
            made = messages.Shipment(tuple(
                messages.ShippedFile(str(i), messages.Content(digest, size))
                for i, size in enumerate(sizes)
            ))
            self.assertIn(reason, self.refusal(made, {digest: b"x"}))

    def test_contents_are_those_of_the_digests(self):
        made, contents = made_of({"a": b"1"})
        (digest,) = contents
        self.assertIn("missing", self.refusal(made, {}))
        self.assertIn("match", self.refusal(made, {digest: b"2"}))

    def test_a_full_disk_is_told_and_leaves_nothing(self):
        made, contents = made_of({"a.py": b"1", "b.py": b"2"})
        with mock.patch.object(
            shipped_files, "_write_new", side_effect=OSError(28, "No space")
        ):
            self.assertIn("No space", self.refusal(made, contents))

    def test_a_run_has_its_own_folder(self):
        for run in ("../x", "", ".", ".shipped", "a/b"):
            self.assertRaises(
                ValueError, shipped_files.folder_of, self.outside, run
            )

    def test_what_a_dead_agent_left_is_removed(self):
        spools = self.outside / "spool"
        for run in ("r1", "r2"):
            shipped_files.unpack(
                *made_of({"a": b""}), shipped_files.folder_of(spools, run)
            )
        (spools / "other").mkdir()

        shipped_files.sweep(spools, lambda run: run == "r2")
        left = sorted(path.name for path in spools.glob("*/*"))
        shipped_files.sweep(spools, lambda run: False)

        self.assertEqual(["r2"], left)
        self.assertEqual(["other"], os.listdir(spools))
