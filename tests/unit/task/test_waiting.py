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

"""Tests of waiting for resources."""

from __future__ import annotations

import types
import typing as t

import ddt

from rally import exceptions
from rally.task import utils
from tests.unit import test

FAST: dict[str, t.Any] = {"timeout": 0.05, "check_interval": 0.001}


def _resource(**attributes: t.Any) -> t.Any:
    return types.SimpleNamespace(**attributes)


def _becomes(*states: t.Any) -> t.Any:
    """An updater: the resource has these statuses, one after another."""
    remaining = iter(states)

    def update(resource: t.Any) -> t.Any:
        state = next(remaining)
        if isinstance(state, BaseException):
            raise state
        return _resource(id=1, name="vm", status=state)

    return update


class _HttpError(Exception):
    def __init__(self, **attributes: t.Any) -> None:
        super().__init__("http error")
        self.__dict__.update(attributes)


@ddt.ddt
class GetStatusTestCase(test.TestCase):
    @ddt.data(
        ({"status": "Active"}, {}, "ACTIVE"),
        ({"state": "b", "status": "x"}, {}, "B"),
        ({"stack_status": "c", "state": "d"}, {}, "C"),
        ({"phase": "z"}, {"status_attr": "phase"}, "Z"),
        ({"phase": "z", "state": "s"}, {"status_attr": "phase"}, "S"),
        ({"status": None}, {}, "NONE"),
        ({}, {}, "NONE"),
    )
    @ddt.unpack
    def test_by_kind_of_resource(
        self, attributes: t.Any, kwargs: t.Any, status: str
    ) -> None:
        self.assertEqual(
            status, utils.get_status(_resource(**attributes), **kwargs)
        )

    @ddt.data(
        ({"status": "active"}, {}, "ACTIVE"),
        ({"provisioning_status": "error"},
         {"status_attr": "provisioning_status"}, "ERROR"),
        ({"status": "active"}, {"status_attr": "state"}, "NONE"),
        ({"status": None}, {}, "NONE"),
        ({}, {}, "NONE"),
    )
    @ddt.unpack
    def test_of_a_dict(
        self, resource: t.Any, kwargs: t.Any, status: str
    ) -> None:
        self.assertEqual(status, utils.get_status(resource, **kwargs))

    def test_what_is_no_text_hides_nothing(self) -> None:
        for nothing in (None, 4, ""):
            resource = _resource(
                stack_status=nothing, state=nothing, status="active"
            )
            self.assertEqual("ACTIVE", utils.get_status(resource))

    def test_as_a_predicate(self) -> None:
        is_active = utils.resource_is("Active")
        self.assertTrue(is_active(_resource(status="active")))
        self.assertFalse(is_active(_resource(status="error")))
        self.assertEqual("Active", str(is_active))
        by_getter = utils.resource_is("up", lambda r: r.upper())
        self.assertTrue(by_getter("up"))

    def test_the_size_of_a_list(self) -> None:
        is_small = utils.manager_list_size([1, 2])
        self.assertTrue(is_small(_resource(list=lambda: ["a"])))
        self.assertFalse(is_small(_resource(list=list)))


@ddt.ddt
class GetFromManagerTestCase(test.TestCase):
    def update(self, answer: t.Any, *args: t.Any) -> t.Any:
        def get(resource_id: t.Any) -> t.Any:
            if isinstance(answer, BaseException):
                raise answer
            return _resource(id=resource_id, **answer)

        resource = _resource(id="7", manager=_resource(get=get))
        return utils.get_from_manager(*args)(resource)

    def test_the_present_state(self) -> None:
        found = self.update({"status": "ACTIVE"})
        self.assertEqual(("7", "ACTIVE"), (found.id, found.status))

    @ddt.data(
        _HttpError(code=404),
        _HttpError(http_status=404),
        {"status": "DELETED"},
        {"stack_status": "DELETE_COMPLETE"},
    )
    def test_what_is_gone(self, answer: t.Any) -> None:
        self.assertRaises(exceptions.GetResourceNotFound, self.update, answer)

    def test_what_cannot_be_asked(self) -> None:
        error = self.assertRaises(
            exceptions.GetResourceFailure, self.update, _HttpError(code=500)
        )
        self.assertNotIsInstance(error, exceptions.GetResourceNotFound)
        self.assertIn("http error", str(error))

    def test_statuses_of_errors(self) -> None:
        error = self.assertRaises(
            exceptions.GetResourceErrorStatus,
            self.update,
            {"status": "ERROR", "fault": {"message": "no host"}},
        )
        self.assertIn("no host", str(error))
        self.update({"status": "ERROR"}, ["stuck"])
        self.assertRaises(
            exceptions.GetResourceErrorStatus,
            self.update,
            {"status": "STUCK"},
            ["stuck"],
        )


@ddt.ddt
class WaitForStatusTestCase(test.TestCase):
    def wait(self, *states: t.Any, **kwargs: t.Any) -> t.Any:
        kwargs = {"ready_statuses": ["active"], **FAST, **kwargs}
        kwargs.setdefault("update_resource", _becomes(*states))
        return utils.wait_for_status(
            _resource(id=1, name="vm", status="BUILD"), **kwargs
        )

    def test_it_looks_until_the_status_is_there(self) -> None:
        self.assertEqual("active", self.wait("BUILD", "active").status)

    def test_a_failure_status_ends_it(self) -> None:
        self.assertRaises(
            exceptions.GetResourceErrorStatus, self.wait, "BUILD", "Error"
        )

    def test_it_gives_up(self) -> None:
        error = self.assertRaises(
            exceptions.TimeoutException,
            self.wait,
            update_resource=lambda r: r,
        )
        for part in ("vm", "BUILD", "ACTIVE", "0.05"):
            self.assertIn(part, str(error))

    def test_a_gone_resource_may_be_what_is_waited_for(self) -> None:
        gone = exceptions.GetResourceNotFound(resource="vm")
        self.assertIsNone(
            self.wait(
                "ACTIVE", gone, ready_statuses=["deleted"], check_deletion=True
            )
        )
        self.assertRaises(
            exceptions.GetResourceNotFound,
            self.wait,
            gone,
            ready_statuses=["deleted"],
        )

    def test_another_attribute_may_hold_the_id(self) -> None:
        def update(resource: t.Any, id_attr: str = "id") -> t.Any:
            self.assertEqual("uuid", id_attr)
            return _resource(status="active")

        self.assertEqual(
            "active", self.wait(update_resource=update, id_attr="uuid").status
        )

    @ddt.data(
        {"ready_statuses": []},
        {"ready_statuses": "active"},
        {"failure_statuses": "error"},
        {"failure_statuses": ["ACTIVE"]},
        {"update_resource": None},
    )
    def test_waits_that_cannot_end_are_refused(self, kwargs: t.Any) -> None:
        self.assertRaises(ValueError, self.wait, **kwargs)


class OlderWaitsTestCase(test.TestCase):
    RESOURCE = _resource(id=1, name="vm", status="A")

    def test_for_a_predicate(self) -> None:
        for wait in (utils.wait_for, utils.wait_is_ready):
            found = wait(
                self.RESOURCE,
                is_ready=utils.resource_is("B"),
                update_resource=_becomes("A", "B"),
                **FAST,
            )
            self.assertEqual("B", found.status)
        error = self.assertRaises(
            exceptions.TimeoutException,
            utils.wait_is_ready,
            self.RESOURCE,
            utils.resource_is("B"),
            **FAST,
        )
        self.assertIn("B", str(error))

    def test_for_a_status(self) -> None:
        found = utils.wait_for(
            self.RESOURCE,
            ready_statuses=["B"],
            update_resource=_becomes("A", "B"),
            **FAST,
        )
        self.assertEqual("B", found.status)

    def test_for_deletion(self) -> None:
        gone = exceptions.GetResourceNotFound(resource="vm")
        self.assertIsNone(
            utils.wait_for_delete(
                self.RESOURCE, update_resource=_becomes("A", gone), **FAST
            )
        )
        self.assertRaises(
            exceptions.TimeoutException,
            utils.wait_for_delete,
            self.RESOURCE,
            update_resource=lambda r: r,
            **FAST,
        )
