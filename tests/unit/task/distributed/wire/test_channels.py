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

import ddt
import zmq

from rally.task.distributed.wire import channels
from rally.task.distributed.wire.channels import Channel
from tests.unit import test
from tests.unit.task.distributed import sockets


@ddt.ddt
class AddressTestCase(sockets.SocketTestCase):
    def test_a_port_in_use_is_explained(self):
        controller = self.listen()
        error = self.assertRaises(
            channels.AddressUnusable, self.listen, controller.endpoints
        )
        address = controller.endpoints[Channel.CONTROL]
        self.assertIn("%s cannot be used: address" % address, str(error))
        self.assertIn("another port", str(error))

    @ddt.data(
        "10.0.0.1:9790",
        "udp://10.0.0.1:1",
        "tcp://10.0.0.1",
        "tcp://x:99999",
        "tcp://:1",
        "ipc:///tmp/x",
        "",
    )
    def test_an_address_of_another_form_is_explained(self, address):
        addresses = dict.fromkeys(Channel, address)
        error = self.assertRaises(
            channels.AddressUnusable, self.listen, addresses
        )
        self.assertIn("tcp://HOST:PORT", str(error))
        self.assertRaises(
            channels.AddressUnusable, self.dial, addresses, self.guest("n")
        )

    def test_an_address_of_another_host_cannot_be_listened_on(self):
        error = self.assertRaises(
            channels.AddressUnusable,
            self.listen,
            dict.fromkeys(Channel, "tcp://192.0.2.1:9790"),
        )
        self.assertIn("ip address", str(error))

    def test_a_port_is_needed_to_dial(self):
        self.assertRaises(
            channels.AddressUnusable,
            self.dial,
            sockets.ANY_PORT,
            self.guest("n"),
        )

    def test_any_interface_may_be_bound(self):
        controller = self.listen(dict.fromkeys(Channel, "tcp://*:*"))
        port = controller.endpoints[Channel.CONTROL].rpartition(":")[2]
        self.assertGreater(int(port), 0)


class AddressArithmeticTestCase(test.TestCase):
    def test_channels_have_consecutive_ports(self):
        self.assertEqual(
            {
                Channel.CONTROL: "tcp://ctl:9790",
                Channel.AGGREGATES: "tcp://ctl:9791",
                Channel.RESULTS: "tcp://ctl:9792",
            },
            channels.addresses_from("tcp://ctl:9790"),
        )
        for any_port in ("tcp://[::1]:*", "tcp://[::1]:0"):
            self.assertEqual(
                {"tcp://[::1]:0"},
                set(channels.addresses_from(any_port).values()),
            )

    def test_what_listens_everywhere_is_dialled_on_this_host(self):
        for address in ("tcp://*:9790", "tcp://0.0.0.0:9790"):
            self.assertEqual(
                "tcp://127.0.0.1:9790", channels.on_this_host(address)
            )
        self.assertEqual(
            "tcp://10.0.0.1:9", channels.on_this_host("tcp://10.0.0.1:9")
        )

    def test_the_last_port_has_no_room_for_the_others(self):
        self.assertRaises(
            channels.AddressUnusable,
            channels.addresses_from,
            "tcp://ctl:65535",
        )


class ProcessTestCase(test.TestCase):
    def test_this_libzmq_can_encrypt(self):
        self.assertTrue(zmq.has("curve"))


@ddt.ddt
class AddressToDialTestCase(test.TestCase):
    @ddt.data(
        ("tcp://0.0.0.0:9790", "tcp://here:9790"),
        ("tcp://[::]:9790", "tcp://here:9790"),
        ("tcp://*:9790", "tcp://here:9790"),
        ("tcp://10.0.0.0:9790", "tcp://10.0.0.0:9790"),
    )
    @ddt.unpack
    def test_no_agent_is_sent_to_a_wildcard(self, listens, dials):
        self.assertEqual(dials, channels.address_to_dial(listens, "here"))
