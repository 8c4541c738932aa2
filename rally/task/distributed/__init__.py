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

"""A run on many hosts: what decides, what carries messages, what keeps data.

Two state machines decide. They take an event and the time, and return
commands; they do no I/O, so a test can run hours of them in seconds:

``controller/``
    One for each run. ``machine`` takes every event and hands it to its
    parts: ``registry`` (which agents there are, and signs of life),
    ``preparation`` (gathering, starting, taking over), ``leasing`` (who gets
    which numbers), ``failover`` (who has which share of the concurrency),
    ``refusals`` (why agents cannot take part),
    ``collector`` and ``flow_control`` (collecting chunks), ``drain_requests``,
    ``send_queue`` (not all at once). ``run`` is the record they share.
    ``lobby`` answers agents between runs.
``agent/``
    One on each load node: ``machine``, with ``held_run`` (what it works
    for), ``incoming`` (contexts on their way), ``event_log`` (what must
    arrive), ``liveness``, ``load_watch``, ``spare_load``, ``shutdown``.

One loop runs any machine on its ports: ``serve``. Ports are the world:

``controller_ports``
    with a sink: ``run_sink`` (the streams of a runner), or that of
    ``recovery`` (the database)
``agent_ports``
    with ``spool_store`` and a load process
``endpoint_ports``
    for machines that only talk: ``reception``, ``discovery``,
    ``drain_request``, ``fleet_request`` (answered with a ``fleet_page``)

What load processes run comes from plugins: ``provenance`` says from which
files, ``shipment`` and ``shipped_files`` bring them along with a run.

The tests have ports with the same limits on simulated time, see
``tests/simulation``. Below the ports:

``wire/``
    messages, codec, channels, sockets
``security/``
    keys, the allow-list, and the answer to who may connect; join tokens, and
    whom they let in: ``tokens``, ``roll``, ``enrolment``; what goes when they
    have ended: ``purge``
``load_process/``
    the agent's child, which runs an ordinary Runner: ``child`` is what runs
    there, ``parent`` how the agent sees it
``fleet``
    agents that a provider starts for one task, and what it needs to end
    them: ``fleet_folders``
``agent_process``
    what ``rally agent start`` runs; ``agent_metrics`` shows it to others
``joining``
    how an agent that has a join token gets a key of its own

Where to add something:

* a message: ``wire/messages`` (it says what becomes of one that is lost), a
  handler in the table of the machine that gets it, an example in
  ``tests/fuzz/seeds``;
* a fault: an event in ``notices`` or an answer of a port (see ``NotSent``), a
  row in ``doc/source/task/reliability.rst``, a test in
  ``tests/unit/task/distributed/test_limits`` or ``tests/cluster``;
* a kind of lease: a class like those in ``rally.task.work.grants``, chosen
  where ``DistributedRunner`` makes its machine.
"""
