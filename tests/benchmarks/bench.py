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

"""What every line of the benchmarks has at hand."""

from __future__ import annotations

import itertools
import pathlib
import typing as t

from tests.benchmarks import install, site, sizes


class Bench:
    """Both Rallies, and how much to do."""

    def __init__(
        self,
        amounts: sizes.Sizes,
        folder: pathlib.Path,
        cache: pathlib.Path,
        released: pathlib.Path | None,
        say: t.Callable[[str], None],
    ) -> None:
        """:param folder: for all that is made now; must be empty
        :param cache: for what is installed to compare with, such as the
            released Rally, unless *released* is given
        """
        self.sizes = amounts
        self.say = say
        self._folder = folder
        self.cache = cache
        self._path = released
        self._released: site.Rally | None = None
        self._numbers = itertools.count(1)

    def ours(self) -> site.Site:
        """This tree, with a new database."""
        return self._site(install.this_tree())

    def released(self) -> site.Site:
        """The released Rally, with a new database."""
        if self._released is None:
            self.say("  the released Rally is made ready")
            self._released = (
                install.named(self._path) if self._path
                else install.released(self.cache)
            )
        return self._site(self._released)

    def both(self) -> tuple[site.Site, site.Site]:
        """This tree and the released Rally."""
        return self.ours(), self.released()

    def folder(self, name: str, is_made: bool = False) -> pathlib.Path:
        """A path below the folder of this run.

        :param is_made: the folder is there then
        """
        path = self._folder / name
        if is_made:
            path.mkdir()
        return path

    def _site(self, rally: site.Rally) -> site.Site:
        folder = self._folder / ("site-%d" % next(self._numbers))
        made = site.Site(rally, folder, self.say)
        made.prepare()
        return made
