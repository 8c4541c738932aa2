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

"""Contexts of verifications: what is prepared before tests run."""

from __future__ import annotations

import re
import typing as t

from rally.common.io import test_ids
from rally.common.plugin import plugin
from rally.task import context

_C = t.TypeVar("_C", bound="type[VerifierContext]")
Data: t.TypeAlias = dict[str, t.Any]

#: what becomes of these run arguments is for all contexts to see
_LISTS = ("load_list", "skip_list", "xfail_list")


def configure(
    name: str, order: int, platform: str = "default"
) -> t.Callable[[_C], _C]:
    """Make a class a context of verifications.

    :param name: what plugins call it
    :param order: contexts of lower order are set up first
    :param platform: what it is for
    """
    return context.configure(name, order, platform=platform, hidden=True)


@plugin.base()
class VerifierContext(context.BaseContext):
    """Base of the contexts of verifications."""

    def __init__(self, ctx: Data) -> None:
        super().__init__(ctx)
        self.verifier = ctx["verifier"]
        self.verification = ctx.get("verification")
        #: tests that the pattern names; asking for them can take a minute
        self._listed: list[str] | None = None

    def get_owner_id(self) -> str:
        """Whose names resources bear: the verification's."""
        return "" if self.verification is None else self.verification["uuid"]

    @classmethod
    def validate(cls, config: t.Any) -> None:
        """:raises ValidationError: the config is wrong"""

    def setup(self) -> None:
        """Put the lists of the run where all contexts find them."""
        run_args = self.context.get("run_args") or {}
        for name in _LISTS:
            self.context[name] = run_args.get(name)
        if self.context["skip_list"]:
            tests = self.context["load_list"] or None
            if tests is None:
                tests = self._listed = self.verifier.manager.list_tests(
                    run_args.get("pattern") or ""
                )
            self.context["skip_list"] = _expand_skip_list(
                self.context["skip_list"], tests
            )


def _expand_skip_list(
    skip_list: t.Mapping[str, str | None], tests: t.Iterable[str]
) -> dict[str, str | None]:
    """Which of *tests* to skip, and why.

    :param skip_list: id, name or regular expression -> reason. An id or a
        name is that of one test, even if it can be read as an expression
    :param tests: ids of all tests that are to run
    """
    ids = [test_ids.TestID(each) for each in tests]
    skipped: dict[str, str | None] = {}
    for key, reason in skip_list.items():
        found = [each for each in ids if key in (str(each), each.name)]
        if not found:
            try:
                pattern = re.compile(key)
            except re.error:
                continue
            found = [each for each in ids if pattern.search(each)]
        for each in found:
            skipped.setdefault(str(each), reason)
    return skipped


class ContextManager(context.ContextManager):
    """Sets up the contexts of a verification, and cleans them up.

    :param context_obj: has their configs, and what the run is about
    """

    def __init__(self, context_obj: Data) -> None:
        super().__init__(context_obj)

    @staticmethod
    def validate(ctx: t.Mapping[str, t.Any]) -> None:
        """:raises ValidationError: the config of a context is wrong"""
        for name, config in ctx.items():
            VerifierContext.get(name, allow_hidden=True).validate(config)

    def _get_sorted_context_lst(self) -> list[t.Any]:
        contexts = [
            VerifierContext.get(name, allow_hidden=True)(self.context_obj)
            for name in self.context_obj["config"]
        ]
        return sorted(contexts, key=lambda ctx: ctx.get_order())

    def _log_prefix(self) -> str:
        return "Verification %s |" % self.context_obj["verification"]["uuid"]
