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

import pathlib
import tempfile
import threading

from rally.common import clock
from rally.task.distributed import (
    drain_request,
    endpoint_ports,
    notices,
    serve,
)
from rally.task.distributed.controller import machine as controller_module
from rally.task.distributed.controller import membership, plan
from rally.task.distributed.controller.membership import AgentState
from rally.task.distributed.security import keys
from rally.task.distributed.wire import (
    agent_transport,
    channels,
    codec,
    controller_transport,
    messages,
)
from rally.task.distributed.wire.channels import Channel
from rally.task.work import grants
from tests.unit import test
from tests.unit.task.distributed import sockets

PREPARE = messages.Prepare(
    run="r", scenario="Dummy.dummy", content=messages.Content("none"),
    runner_type="constant", runner={}, sla={}, chunk_size=1000,
    iteration_events=False,
)


class Ports(endpoint_ports.ControllerEndpoint):
    """Of a controller that is perhaps deaf, and says nothing."""

    def __init__(self, ends, is_deaf):
        super().__init__(ends)
        self.heard = []
        self.is_over = False
        self._is_deaf = is_deaf

    def wait(self, timeout_s):
        for event in super().wait(timeout_s):
            self.heard.append(event)
            yield event

    def execute(self, command):
        return None if self._is_deaf else super().execute(command)

    def end(self):
        self.is_over = True
        self.tell(notices.StopAsked("the test is over"))


class Base(test.TestCase):
    """A controller that waits for agents, with real keys and sockets."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.keys = pathlib.Path(folder.name) / "keys"
        keys.authorize("node1", self.keys)
        self.machine = controller_module.Controller(
            plan.RunPlan(
                prepare=PREPARE, shares=[{}, {}], concurrencies=[1, 1],
                rally_version="6", address="",
            ),
            grants.ClosedGranting(10, None), clock.now_ns(),
        )
        self.heard = []

    def serve(self, is_deaf=False):
        """Serve until the test ends; the address."""
        ends = controller_transport.ControllerTransport(
            sockets.ANY_PORT, keys.controller_key(self.keys),
            keys.AgentAllowList(self.keys), codec.encode, codec.decode,
        )
        ports = Ports(ends, is_deaf)
        self.ports, self.heard = ports, ports.heard

        def loop():
            while not ports.is_over:
                serve.step(self.machine, ports, 10)
            ends.close()

        thread = threading.Thread(target=loop)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(ports.end)
        return ends.endpoints[Channel.CONTROL]

    def hear(self, peer, message):
        """The controller hears *message*."""
        return self.machine.handle(
            channels.Received(peer, Channel.CONTROL, message), clock.now_ns()
        )

    def dial(self, address, key):
        agent = agent_transport.AgentTransport(
            {Channel.CONTROL: address}, key, codec.encode, codec.decode
        )
        self.addCleanup(agent.close, 0)
        for _ in range(100):
            for each in agent.receive(0.2):
                if isinstance(each, channels.ConnectionEvent):
                    return agent
        raise AssertionError("no connection")

    def wait_heard(self, kind):
        for _ in range(200):
            heard = list(self.heard)
            if any(isinstance(each.message, kind) for each in heard):
                return
            threading.Event().wait(0.05)
        self.fail("%s did not come" % kind)


class OperatorTestCase(Base):
    def test_gets_an_answer_of_the_run(self):
        address = self.serve()
        error = self.assertRaises(
            drain_request.DrainRefused, drain_request.drain, "node1", address,
            self.keys, 0,
        )
        self.assertIn("no agent of this name takes part", str(error))

        self.hear("node1", messages.Hello("i", "6", "host", 2, 0))
        self.assertIn(
            "agent node1 holds no work",
            drain_request.drain("node1", address, self.keys, 5),
        )

    def test_that_waits_is_told_when_the_run_is_over(self):
        member = membership.Member(
            "node1", messages.Hello("i", "6", "host", 2, 0), clock.now_ns(),
            AgentState.DELIVERING,
        )
        self.machine.registry.add(member)
        address = self.serve()
        threading.Thread(target=self.leave_once_asked).start()

        said = drain_request.drain("node1", address, self.keys, 60)

        self.assertEqual("the run is over", said)

    def leave_once_asked(self):
        self.wait_heard(messages.DrainAsked)
        self.ports.end()

    def test_an_agent_cannot_ask_as_one(self):
        address = self.serve()
        text = keys.authorize("node2", self.keys)
        path = self.keys / "node2.key"
        path.touch(0o600)
        path.write_text(text)
        agent = self.dial(address, keys.load_agent_key(path))
        self.hear("node1", messages.Hello("i", "6", "host", 2, 0))

        agent.send(Channel.CONTROL, messages.DrainAsked("node1"))

        self.wait_heard(messages.DrainAsked)
        self.assertEqual(["node2"], [each.peer for each in self.heard])
        self.assertEqual(set(), self.machine.registry.leaving)

    def test_an_operator_cannot_join_as_an_agent(self):
        address = self.serve()
        operator = self.dial(address, keys.operator_key(self.keys))

        operator.send(
            Channel.CONTROL, messages.Hello("i", "6", "host", 2, 0)
        )

        self.wait_heard(messages.Hello)
        self.assertTrue(channels.is_operator(self.heard[0].peer))
        self.assertEqual({}, self.machine.members)

    def test_an_agent_with_the_key_of_the_controller_is_an_operator(self):
        key = keys.controller_key(self.keys)
        path = self.keys / "agents" / "node1.pub"
        text = path.read_text()
        entry = keys.read_authorized(path)
        path.write_text(text.replace(entry.public, key.public))
        address = self.serve()
        liar = self.dial(
            address, keys.AgentKey("node1", key.public, key.secret, key.public)
        )

        liar.send(Channel.CONTROL, messages.Hello("i", "6", "host", 2, 0))

        self.wait_heard(messages.Hello)
        self.assertEqual({}, self.machine.members)

    def test_no_agent_can_have_the_name_of_an_operator(self):
        self.assertIsNone(keys.NAME.fullmatch(channels.operator("01")))
        self.assertFalse(channels.is_operator("node1"))


class NoAnswerTestCase(Base):
    def refusal(self, address, folder=None):
        error = self.assertRaises(
            drain_request.NoController, drain_request.drain, "node1", address,
            folder or self.keys, 0, 0.5,
        )
        return str(error)

    def test_is_explained(self):
        keys.controller_key(self.keys)
        nobody = "tcp://127.0.0.1:1"
        self.assertIn("nobody listens there", self.refusal(nobody))
        self.assertIn("it is silent", self.refusal(self.serve(is_deaf=True)))

    def test_the_key_of_another_controller_is_none(self):
        other = self.keys.parent / "other"
        keys.controller_key(other)
        self.assertIn(
            "it has another key", self.refusal(self.serve(), other)
        )

    def test_without_a_key_none_is_made(self):
        missing = self.keys.parent / "missing"
        self.assertIn(
            "cannot be read", self.refusal("tcp://127.0.0.1:1", missing)
        )
        self.assertFalse(missing.exists())
