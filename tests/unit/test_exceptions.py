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

"""Tests of the errors of Rally."""

from __future__ import annotations

import pickle
import re

import ddt

from rally import exceptions
from rally.common.plugin import discover
from tests.unit import test

FAMILY: list[type[exceptions.RallyException]] = [
    exceptions.RallyException,
    *(
        cls
        for cls in discover.itersubclasses(exceptions.RallyException)
        if cls.__module__ == exceptions.__name__
    ),
]


def fill(cls: type[exceptions.RallyException]) -> exceptions.RallyException:
    fields = re.findall(r"%\((\w+)\)", cls.msg_fmt)
    kwargs = {name: f"<{name}>" for name in fields if name != "message"}
    return cls("<message>", **kwargs)


CODES = [cls.error_code for cls in FAMILY]


class Response:
    status_code = 500

    def __init__(self, error: object) -> None:
        self.error = error

    def json(self) -> object:
        return {"error": self.error}


@ddt.ddt
class RallyExceptionTestCase(test.TestCase):
    @ddt.data(*FAMILY)
    def test_text_has_every_argument(
        self, cls: type[exceptions.RallyException]
    ) -> None:
        error = fill(cls)

        for name in re.findall(r"%\((\w+)\)", cls.msg_fmt):
            self.assertIn(f"<{name}>", error.format_message())

    @ddt.data(*FAMILY)
    def test_survives_pickling(
        self, cls: type[exceptions.RallyException]
    ) -> None:
        error = fill(cls)

        again = pickle.loads(pickle.dumps(error))

        self.assertIs(cls, type(again))
        self.assertEqual(str(error), str(again))
        self.assertEqual(error.kwargs, again.kwargs)

    def test_a_missing_record_is_called_what_it_is(self) -> None:
        self.assertEqual(
            "There is no task with uuid: abc. `rally task list --all-envs` "
            "lists those of this database, and `rally db show` says which "
            "one that is.",
            str(exceptions.DBRecordNotFound(
                criteria="uuid: abc", table="tasks"
            )),
        )
        self.assertEqual(
            "There is no record of table workloads with uuid: abc.",
            str(exceptions.DBRecordNotFound(
                criteria="uuid: abc", table="workloads"
            )),
        )

    def test_a_taken_name_is_said_to_be_one(self) -> None:
        self.assertEqual(
            "Another verifier has the name x already. Choose another name, "
            "or use that verifier.",
            str(exceptions.DBRecordExists(
                field="name", value="x", table="verifiers"
            )),
        )

    def test_codes_are_unique_and_fit_an_exit_status(self) -> None:
        codes = [code for code in CODES if code != 100]

        self.assertEqual(len(codes), len(set(codes)))
        self.assertTrue(all(0 < code < 256 for code in codes))

    def test_format_can_be_set_on_the_instance(self) -> None:
        class Short(exceptions.AuthenticationFailed):
            def __init__(self, **kwargs: object) -> None:
                self.msg_fmt = "%(error)s only"
                super().__init__(**kwargs)

        self.assertEqual("boom only", str(Short(error="boom")))

    def test_without_message_it_is_called_by_its_name(self) -> None:
        self.assertEqual("RallyException", str(exceptions.RallyException()))

    def test_percent_signs_in_messages_do_no_harm(self) -> None:
        self.assertEqual("100%s", str(exceptions.RallyException("100%s")))

    def test_spec_of_invalid_spec_is_kept(self) -> None:
        error = exceptions.ManagerInvalidSpec(mgr="m", errors="e", spec={1: 2})

        self.assertEqual({1: 2}, error.kwargs["spec"])


class MappingTestCase(test.TestCase):
    def test_response_becomes_the_error_with_its_code(self) -> None:
        error = exceptions.find_exception(
            Response(
                {
                    "error_code": 203,
                    "args": "text",
                    "kwargs": {"criteria": "c", "table": "t"},
                }
            )
        )

        self.assertIsInstance(error, exceptions.DBRecordNotFound)

    def test_response_without_arguments_keeps_its_text(self) -> None:
        error = exceptions.find_exception(
            Response({"error_code": 203, "args": "text"})
        )

        self.assertEqual("text", str(error))

    def test_foreign_errors_are_wrapped_and_own_ones_kept(self) -> None:
        own = exceptions.DBConflict("x")

        self.assertIs(own, exceptions.make_exception(own))
        foreign = exceptions.make_exception(ValueError("v"))
        self.assertIs(exceptions.RallyException, type(foreign))
        self.assertEqual("v", str(foreign))
