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

"""Tests of contexts and of what runs them."""

from __future__ import annotations

import json
import typing as t

import ddt

from rally import exceptions
from rally.common import cfg
from rally.task import atomic, context
from rally.task.cleanup import context_store
from tests.unit import test


class ContextTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log: list[str] = []

    def make(
        self,
        name: str,
        order: int = 1,
        setup_raises: BaseException | None = None,
        cleanup_raises: BaseException | None = None,
        **attributes: t.Any,
    ) -> type[context.Context]:
        """A context that logs what is done with it."""
        log = self.log

        def setup(self: context.Context) -> None:
            with atomic.ActionTimer(self, "prepare"):
                log.append(f"setup {name}")
                if setup_raises:
                    raise setup_raises

        def cleanup(self: context.Context) -> None:
            log.append(f"cleanup {name}")
            if cleanup_raises:
                raise cleanup_raises

        attributes = {"setup": setup, "cleanup": cleanup, **attributes}
        cls: t.Any = type("Made", (context.Context,), attributes)
        context.configure(name, order, hidden=name == "hidden")(cls)
        self.addCleanup(cls.unregister)
        return cls

    def manager(self, *names: str) -> context.ContextManager:
        return context.ContextManager(
            {"config": {n: {} for n in names}, "task": {"uuid": "t"}}
        )


@ddt.ddt
class ConfigTestCase(ContextTestCase):
    @ddt.data("ctx", "ctx@default")
    def test_it_is_found_by_either_name(self, key: str) -> None:
        cls = self.make("ctx")
        self.assertEqual({"a": 1}, cls({"config": {key: {"a": 1}}}).config)

    def test_defaults_are_filled_in(self) -> None:
        cls = self.make("ctx", DEFAULT_CONFIG={"a": 1, "b": {"c": 2}})
        given = {"b": {"d": [3]}}
        instance = cls({"config": {"ctx": given}})
        self.assertEqual({"a": 1, "b": {"d": (3,)}}, instance.config)
        self.assertEqual({"a": 1, "b": {"c": 2}}, cls({}).config)

    def test_defaults_are_seen_by_scenarios_too(self) -> None:
        cls = self.make("ctx", DEFAULT_CONFIG={"a": 1, "b": {"c": []}})
        shared = {"config": {"ctx@default": {"d": 2}}}

        cls(shared)
        shared["config"]["ctx@default"]["b"]["c"].append(3)

        self.assertEqual(
            {"ctx@default": {"a": 1, "b": {"c": [3]}, "d": 2}},
            shared["config"],
        )
        self.assertEqual({"a": 1, "b": {"c": []}}, cls.DEFAULT_CONFIG)

    def test_it_cannot_be_changed(self) -> None:
        config = self.make("ctx")({"config": {"ctx": {"a": {"b": 1}}}}).config
        self.assertRaises(RuntimeError, config.update, a=2)
        self.assertRaises(RuntimeError, config["a"].update, b=2)

    @ddt.data((None, None), (3, 3), ([1, [2]], (1, (2,))), ("x", "x"))
    @ddt.unpack
    def test_other_kinds_of_config(self, given: t.Any, seen: t.Any) -> None:
        cls = self.make("ctx")
        self.assertEqual(seen, cls({"config": {"ctx": given}}).config)

    def test_the_shared_object_is_kept(self) -> None:
        ctx = {"task": {"uuid": "t"}, "env": {"name": "e"}, "owner_id": "o"}
        instance = self.make("ctx")(ctx)
        self.assertIs(ctx, instance.context)
        self.assertEqual({"uuid": "t"}, instance.task)
        self.assertEqual({"name": "e"}, instance.env)
        self.assertEqual("o", instance.get_owner_id())
        del ctx["owner_id"]
        self.assertEqual("t", instance.get_owner_id())

    def test_names_of_resources_follow_the_option(self) -> None:
        instance = self.make("ctx")({"owner_id": "abcdefgh12"})
        self.assertTrue(
            instance.generate_random_name().startswith("c_rally_abcdefgh_")
        )
        cfg.CONF.set_override("context_resource_name_format", "q_XXX_XXXX")
        self.addCleanup(
            cfg.CONF.clear_override, "context_resource_name_format"
        )
        self.assertTrue(instance.generate_random_name().startswith("q_abc_"))

    def test_contexts_compare_by_order(self) -> None:
        first = self.make("first", order=1)({})
        second = self.make("second", order=2)({})
        self.assertLess(first, second)
        self.assertGreaterEqual(second, first)
        self.assertEqual(first, type(first)({}))
        self.assertNotEqual(first, "first")

    def test_a_context_cleans_up_after_its_block(self) -> None:
        with self.make("ctx")({}):
            self.log.append("block")
        self.assertEqual(["block", "cleanup ctx"], self.log)


class ContextManagerTestCase(ContextTestCase):
    def test_cleanup_is_the_reverse_of_setup(self) -> None:
        self.make("late", order=7)
        self.make("early", order=3)
        self.make("hidden", order=5)
        manager = self.manager("late", "hidden", "early")
        with manager as ctx:
            self.assertIs(manager.context_obj, ctx)
            self.log.append("block")
        self.assertEqual(
            [
                "setup early",
                "setup hidden",
                "setup late",
                "block",
                "cleanup late",
                "cleanup hidden",
                "cleanup early",
            ],
            self.log,
        )

    def test_results_tell_what_was_done(self) -> None:
        self.make("ctx", DEFAULT_CONFIG={"a": 1})
        manager = self.manager("ctx")
        with manager:
            (before,) = json.loads(json.dumps(manager.contexts_results()))
        (after,) = json.loads(json.dumps(manager.contexts_results()))
        self.assertEqual(
            {
                "started_at": None,
                "finished_at": None,
                "atomic_actions": None,
                "error": None,
            },
            before["cleanup"],
        )
        self.assertEqual("ctx@default", after["plugin_name"])
        self.assertEqual({"a": 1}, after["plugin_cfg"])
        setup, cleanup = after["setup"], after["cleanup"]
        self.assertEqual(
            ["prepare"], [a["name"] for a in setup["atomic_actions"]]
        )
        self.assertEqual([], cleanup["atomic_actions"])
        self.assertIsNone(setup["error"])
        self.assertLessEqual(setup["started_at"], setup["finished_at"])
        self.assertLessEqual(setup["finished_at"], cleanup["started_at"])

    def test_a_failing_setup_stops_the_chain_and_cleans_up(self) -> None:
        error = KeyError("no quota")
        self.make("first", order=1)
        self.make("second", order=2, setup_raises=error)
        self.make("third", order=3)
        manager = self.manager("first", "second", "third")
        raised = self.assertRaises(KeyError, manager.__enter__)
        self.assertIs(error, raised)
        self.assertEqual(
            ["setup first", "setup second", "cleanup second", "cleanup first"],
            self.log,
        )
        first, second = manager.contexts_results()
        self.assertIsNone(first["setup"]["error"])
        kind, message, trace = second["setup"]["error"] or []
        self.assertEqual(("KeyError", "'no quota'"), (kind, message))
        self.assertIn("raise setup_raises", trace)

    def test_even_an_exit_in_setup_leads_to_cleanup(self) -> None:
        self.make("ctx", setup_raises=SystemExit(3))
        manager = self.manager("ctx")
        self.assertRaises(SystemExit, manager.__enter__)
        self.assertEqual(["setup ctx", "cleanup ctx"], self.log)

    def test_a_failing_cleanup_does_not_keep_others_from_theirs(self) -> None:
        self.make("first", order=1)
        self.make("second", order=2, cleanup_raises=ValueError("busy"))
        self.make("third", order=3, cleanup_raises=SystemExit("gone"))
        manager = self.manager("first", "second", "third")
        with manager:
            self.log.clear()
        self.assertEqual(
            ["cleanup third", "cleanup second", "cleanup first"], self.log
        )
        errors = [r["cleanup"]["error"] for r in manager.contexts_results()]
        self.assertEqual(
            [None, "ValueError", "SystemExit"], [e and e[0] for e in errors]
        )

    def test_an_unknown_context_prevents_any_setup(self) -> None:
        self.make("first", order=1)
        manager = self.manager("first", "no such context")
        self.assertRaises(exceptions.PluginNotFound, manager.__enter__)
        self.assertEqual([], self.log)

    def test_cleanup_alone_is_of_all_contexts(self) -> None:
        self.make("first", order=1)
        self.make("second", order=2)
        self.manager("first", "second").cleanup()
        self.assertEqual(["cleanup second", "cleanup first"], self.log)


class Store(context_store.ContextStore):
    """Tells in the log of the test that it was written or removed."""

    def __init__(self, log: list[str], fails: bool = False) -> None:
        super().__init__("workload")
        self.log = log
        self.fails = fails

    def keep(self, contexts: t.Any, shared: t.Any, own: t.Any) -> list[str]:
        self.log.append("keep %s" % ",".join(contexts))
        if self.fails:
            raise OSError("no space left")
        return super().keep(contexts, shared, own)

    def forget(self) -> None:
        self.log.append("forget")
        super().forget()


class StoreTestCase(ContextTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make_home()

    def manager(self, *names: str, fails: bool = False
                ) -> context.ContextManager:
        manager = super().manager(*names)
        self.store = Store(self.log, fails)
        return context.ContextManager(
            manager.context_obj,
            lambda results: self.log.append("record"), self.store,
        )

    def test_it_is_written_before_anything_else_begins(self) -> None:
        self.make("first", order=1)
        self.make("second", order=2)
        with self.manager("first", "second"):
            self.assertEqual(
                ["record", "setup first", "keep first@default", "record",
                 "record", "setup second",
                 "keep first@default,second@default", "record"], self.log,
            )
            self.log.clear()
        self.assertEqual(
            ["cleanup second", "record", "cleanup first", "record",
             "forget"], self.log,
        )

    def test_what_a_failing_setup_made_known_is_kept(self) -> None:
        def setup(ctx: context.Context) -> None:
            ctx.context["made"] = 1
            raise ValueError("half-way")

        self.make("ctx", setup=setup, cleanup_raises=ValueError("busy"))
        manager = self.manager("ctx")
        self.assertRaises(ValueError, manager.__enter__)

        kept = self.store.read()
        self.assertEqual(1, kept.shared["made"])
        self.assertEqual(["ctx@default"], kept.contexts)

    def test_it_stays_until_all_is_cleaned_up(self) -> None:
        error = ValueError("busy")
        self.make("first", order=1, cleanup_raises=error)
        self.make("second", order=2)
        with self.manager("first", "second") as shared:
            shared["made"] = 1
        self.assertNotIn("forget", self.log)
        self.assertTrue(self.store.path.exists())

    def test_only_attributes_that_a_setup_changed_are_kept(self) -> None:
        def init(ctx: context.Context, shared: t.Any) -> None:
            context.Context.__init__(ctx, shared)
            ctx.__dict__.update(workers=7, original=[])

        def setup(ctx: t.Any) -> None:
            ctx.original.append(("nova", {"cores": 5}))

        self.make("ctx", __init__=init, setup=setup)
        with self.manager("ctx"):
            self.assertEqual(
                {"ctx@default": {"original": [("nova", {"cores": 5})]}},
                self.store.read().own,
            )

    def test_who_says_what_it_needs_is_taken_at_its_word(self) -> None:
        def setup(ctx: t.Any) -> None:
            ctx.made = 1

        self.make("ctx", setup=setup, to_state=lambda ctx: {"made": 1})
        with self.manager("ctx"):
            self.assertEqual({}, self.store.read().own)

    def test_the_task_goes_on_if_nothing_can_be_kept(self) -> None:
        self.make("ctx")
        with self.manager("ctx", fails=True):
            self.log.append("block")
        self.assertIn("block", self.log)
        self.assertIn("cleanup ctx", self.log)
