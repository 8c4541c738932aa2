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

"""The runner that spreads its iterations over agents.

This module is imported whenever plugins load, so everything that knows
about agents is imported when a run begins.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import typing as t
import uuid

from rally import consts
from rally.common import logging, version
from rally.common import right_of_way as right_of_way_module
from rally.plugins.common.runners import arrangement
from rally.task import runner, sla, task_scope
from rally.task.reporting import load_info, progress
from rally.task.work import selection as selection_module

if t.TYPE_CHECKING:
    from rally.task import scenario
    from rally.task.distributed import (
        controller_ports,
        run_sink,
        shipped_files,
    )
    from rally.task.distributed import fleet as fleet_module
    from rally.task.distributed.controller import machine as controller
    from rally.task.distributed.wire import (
        channels,
        controller_transport,
        messages,
    )
    from rally.task.load import plan as plan_module
    from rally.task.results import aggregate, head
    from rally.task.work import grants as granting

LOG = logging.getLogger(__name__)

DEFAULT_AGENT_TIMEOUT_S = 10.0
DEFAULT_LEASE_S = 5.0
DEFAULT_WAIT_S = 60.0
#: for so long another thread may keep the GIL from the one that renews
#: leases, each time that one comes back from a socket
SWITCH_INTERVAL_S = 0.0005
#: new objects to one search for garbage among them, such searches to one
#: among those that are a little older, and those to one of all that there is.
#: Each lasts as long as it has objects to look at, while no lease is renewed;
#: cycles that live long are rare
COLLECTIONS = 1000, 4, 25_000


@runner.configure(name="distributed")
class DistributedRunner(runner.ScenarioRunner):
    """Spreads the iterations of another runner over agents.

    The load is what the inner runner's configuration says, for all agents
    together: they share its concurrency or its schedule. Results, statistics
    and SLA are those of one run.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "runner": {
                "type": "object",
                "description": "Type and configuration of the inner runner.",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": {"type": "object"},
            },
            "agents": {
                "anyOf": [
                    {"type": "integer", "minimum": 1},
                    selection_module.AGENTS_SCHEMA,
                    {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "propertyNames": {
                            "not": {"enum": ["count", "select"]},
                        },
                        "additionalProperties": {"type": "object"},
                    },
                ],
                "description": "How many agents to wait for; or that and "
                               "which, see select; or a provider that starts "
                               "them, and its configuration.",
            },
            "weights": selection_module.WEIGHTS_SCHEMA,
            "local_agents": {
                "type": "integer",
                "minimum": 1,
                "description": "Start so many agents on this host: as "
                               "agents: {local: {count: N}}.",
            },
            "on_agent_loss": {
                "enum": ["continue", "abort"],
                "description": "What to do when an agent is lost (continue).",
            },
            "agent_timeout": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "Silence, in seconds, after which an agent "
                               "is lost (10).",
            },
            "lease": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "How long, in seconds, an agent that hears "
                               "nothing goes on starting iterations (5).",
            },
            "wait": {
                "type": "number",
                "minimum": 0,
                "description": "How long to wait for agents, seconds (60).",
            },
            "listen": {
                "type": "string",
                "description": "Address of the first of three ports to "
                               "listen on (tcp://*:9790, which is IPv4; "
                               "tcp://[::]:9790 is IPv6 and IPv4).",
            },
            "advertise": {
                "type": "string",
                "description": "Address that agents dial which a provider "
                               "starts, if it is not this host's name with "
                               "the port of listen.",
            },
            "keys": {
                "type": "string",
                "description": "Folder of the controller's keys "
                               "(~/.rally/keys).",
            },
        },
        "required": ["runner"],
        "oneOf": [{"required": ["agents"]}, {"required": ["local_agents"]}],
        "additionalProperties": False,
    }

    def __init__(
        self, task: t.Any, config: dict[str, t.Any], batch_size: int = 0
    ) -> None:
        super().__init__(task, config, batch_size)
        self.members: list[dict[str, t.Any]] = []
        self.lost_count = 0
        self.run_id = uuid.uuid4().hex
        self.is_loss_a_failure = config.get("on_agent_loss") == "abort"
        self._ports: controller_ports.ControllerPorts | None = None
        self._sink: run_sink.RunSink | None = None
        self._given_args: dict[str, t.Any] = {}

    # ---- validation

    @classmethod
    def check_workload(
        cls, workload: t.Mapping[str, t.Any]
    ) -> list[str]:
        """Whether this workload can be spread; sentences if not."""
        config = workload["runner"]
        problems = arrangement.problems(config)
        lease = config.get("lease", DEFAULT_LEASE_S)
        timeout = config.get("agent_timeout", DEFAULT_AGENT_TIMEOUT_S)
        if lease >= timeout:
            problems.append(
                "The lease (%g s) must be shorter than agent_timeout (%g s), "
                "else an agent could still start iterations that the "
                "controller counts as lost. Raise agent_timeout or lower "
                "lease." % (lease, timeout)
            )
        for criterion, value in workload["sla"].items():
            plugin = sla.SLA.get(criterion)
            problem = plugin.state_problem(value)
            if problem:
                problems.append(
                    "SLA criterion %s cannot be judged over several agents: "
                    "%s. Implement to_state and from_state in %s.%s."
                    % (criterion, problem, plugin.__module__,
                       plugin.__name__)
                )
        return problems

    # ---- the run

    def get_ready(self, name: str, context: t.Mapping[str, t.Any]) -> None:
        """Have agents started while contexts are set up."""
        if arrangement.provided(self.config) and self.scope is not None:
            self._fleet(self.scope).want(self._code(name, context))

    def run(
        self, name: str, context: dict[str, t.Any], args: dict[str, t.Any]
    ) -> None:
        """Make the load on agents; returns when it is over."""
        self._given_args = args
        super().run(name, context, args)

    def _run_scenario(
        self,
        cls: type[scenario.Scenario],
        method_name: str,
        context: dict[str, t.Any],
        args: dict[str, t.Any],
    ) -> None:
        prepare, contents = self._prepare(cls, context, args)
        with contextlib.ExitStack() as stack:
            if arrangement.provided(self.config):
                scope = self.scope or stack.enter_context(
                    task_scope.TaskScope()
                )
                fleet = self._fleet(scope)
                fleet.want(prepare.code)
                self._serve_fleet(fleet, prepare, contents)
            else:
                from rally.task.distributed import reception

                if self.scope is not None:
                    self.scope.release(self._ports_to_claim)
                ends = reception.listen(
                    self.config.get("listen"), self.config.get("keys")
                )
                stack.enter_context(contextlib.closing(ends))
                self._serve(prepare, contents, ends)

    def _fleet(self, scope: task_scope.TaskScope) -> fleet_module.Fleet:
        """The one that the runners of a task share, if they want the same."""
        import json

        from rally.task.distributed import fleet as fleet_module

        name, config = arrangement.provided(self.config) or ("", {})
        wanted = fleet_module.Wanted(
            task=str(self.task["uuid"]), provider=name, config=config,
            listen=self.config.get("listen"),
            advertise=self.config.get("advertise"),
        )
        what = [name, config, wanted.listen, wanted.advertise]
        return scope.share(
            "distributed: agents %s" % json.dumps(what, sort_keys=True),
            lambda: fleet_module.Fleet(wanted), self._ports_to_claim,
        )

    @property
    def _ports_to_claim(self) -> frozenset[str]:
        """Ports on which agents of one arrangement alone can be listened to.

        Its workloads follow each other, so another one can have them next.
        """
        from rally.task.distributed import reception
        from rally.task.distributed.wire import channels

        if arrangement.is_of_this_host(self.config):
            return frozenset()  # they take any ports
        addresses = channels.addresses_from(
            self.config.get("listen") or reception.DEFAULT_ADDRESS
        )
        ports = {channels.split_address(each)[1]
                 for each in addresses.values()}
        return frozenset("port %d" % port for port in ports if port)

    def _serve_fleet(
        self, fleet: fleet_module.Fleet, prepare: messages.Prepare,
        contents: dict[str, bytes],
    ) -> None:
        before = fleet.last_run
        with fleet.lent(self.run_id) as hellos:
            try:
                self._serve(
                    prepare, contents, fleet.transport, hellos, before,
                    fleet.report_to,
                )
            finally:
                if self._sink is not None:
                    self._look_back(fleet, self._sink)

    def _look_back(
        self, fleet: fleet_module.Fleet, sink: run_sink.RunSink
    ) -> None:
        """The run is over: deal with agents that are not as they should."""
        fleet.retire(sink.unsettled_agents())
        for text in fleet.explain(sink.came(), sink.lost_agents()):
            LOG.warning(text)
            self.problem(text)

    def _serve(
        self,
        prepare: messages.Prepare,
        contents: dict[str, bytes],
        ends: controller_transport.ControllerTransport,
        hellos: t.Iterable[channels.Received] = (),
        before: str = "",
        listen: t.Callable[[t.Any], None] | None = None,
    ) -> None:
        """Run the run on *ends*.

        :param contents: what *prepare* names, by digest
        :param hellos: said there before
        :param before: the run that was there before
        :param listen: called with what takes notices of those that a provider
            has started
        """
        from rally.task.distributed import controller_ports, run_sink, serve

        machine = self._machine(prepare, contents, ends.endpoints, before)
        self._sink = run_sink.RunSink(machine, ends, self)
        self._ports = controller_ports.ControllerPorts(
            ends, self._sink, hellos
        )
        if self.aborted.is_set():
            return
        if listen is not None:
            listen(self._ports.tell)
        try:
            with _undisturbed(ends, self.right_of_way):
                serve.serve(machine, self._ports)
        finally:
            self._sink.finish()
            LOG.info(
                "The thread that renews leases was held up for at most %s"
                % self._ports.holds
            )
        if machine.failure is not None:
            raise machine.failure

    def _prepare(
        self,
        cls: type[scenario.Scenario],
        context: dict[str, t.Any],
        args: dict[str, t.Any],
    ) -> tuple[messages.Prepare, dict[str, bytes]]:
        """What agents are to prepare, and the contents that it names."""
        from rally.common.plugin import options
        from rally.task.distributed import content as content_module
        from rally.task.distributed.wire import codec, messages
        from rally.task.serialization import context_codec

        shipped = self._shipped(context)
        sendable = {**context, "task": {"uuid": self.task["uuid"]}}
        content = codec.encode_content(messages.LoadContent(
            given_args=context_codec.check_round_trip(
                self._given_args, "args"
            ),
            args=context_codec.check_round_trip(args, "args"),
            context=context_codec.check_round_trip(sendable, "context"),
        ))
        described = content_module.described(content)
        return messages.Prepare(
            run=self.run_id,
            scenario=cls.get_fullname(),
            content=described,
            runner_type=arrangement.inner(self.config)[0],
            runner={},
            sla=context_codec.check_round_trip(
                dict(self.sla_config), "sla"
            ),
            chunk_size=self.batch_size,
            iteration_events=self.iteration_events,
            options={
                section: context_codec.check_round_trip(
                    named, "section [%s] of the configuration" % section
                )
                for section, named in options.changed().items()
            },
            code=self._code(cls.get_fullname(), context),
            shipment=shipped and shipped.shipment,
        ), {
            **(shipped.contents if shipped else {}),
            described.digest: content,
        }

    def _shipped(
        self, context: t.Mapping[str, t.Any]
    ) -> shipped_files.PackedFiles | None:
        """The plugin files of this host, and others that the workload names,
        if they are to be sent."""
        if not self._ships_plugins:
            return None
        from rally import plugins
        from rally.task.distributed import shipped_files

        paths = [
            path for path in plugins.user_paths()
            if os.path.exists(os.path.expanduser(path))
        ]
        return shipped_files.pack(paths, context.get("extra_files"))

    def _code(
        self, scenario_name: str, context: t.Mapping[str, t.Any]
    ) -> messages.Code:
        """What load processes are to import."""
        from rally import plugins
        from rally.common.plugin import importing
        from rally.task import workload
        from rally.task.distributed import provenance
        from rally.task.distributed.wire import messages

        scope = self.scope
        used = [] if scope is None else scope.imported()
        modules = workload.plugin_modules(
            scenario_name, arrangement.inner(self.config)[0], self.sla_config,
            context.get("config", {}),
        )
        installed = importing.plugin_packages()
        files, packages = provenance.of_modules(modules, plugins.loader())
        return messages.Code(
            task=str(self.task["uuid"]),
            plugins=tuple(
                name for name in modules if importing.is_in(name, installed)
            ),
            used=tuple(importing.importable(used)[:messages.MAX_MODULES]),
            files=files,
            packages=packages,
            is_shipped=self._ships_plugins,
        )

    @property
    def _ships_plugins(self) -> bool:
        """Whether agents get the plugin files of this host with the run."""
        is_asked = self.scope is not None and self.scope.ships_plugins
        return is_asked or arrangement.installs(self.config)

    def _machine(
        self, prepare: messages.Prepare, contents: dict[str, bytes],
        endpoints: t.Any, before: str,
    ) -> controller.Controller:
        from rally.common import clock
        from rally.task.distributed.controller import machine as controller
        from rally.task.distributed.controller import plan as plan_module
        from rally.task.distributed.wire import channels

        plan = self.inner_plan
        inner_type, inner_config = arrangement.inner(self.config)
        inner_cls = runner.ScenarioRunner.get(inner_type)
        provider, count = arrangement.wanted(self.config)
        shares = inner_cls.split_config(inner_config, count)
        selection = selection_module.Selection.of_config(self.config)
        run_plan = plan_module.RunPlan(
            prepare=prepare,
            content=contents[prepare.content.digest],
            shipped=contents,
            shares=[arrangement.sendable(share) for share in shares],
            concurrencies=[
                inner_cls.load_plan(share).concurrency if share else 0
                for share in shares
            ],
            rally_version=version.__version__,
            address=channels.address_to_dial(
                endpoints[channels.Channel.CONTROL], socket.gethostname()
            ),
            provider=provider,
            selection=selection,
            split=arrangement.splitting(
                inner_cls, inner_config, selection.weights
            ),
            needs_groups=bool(selection.weights) and plan.schedule is None,
            is_closing_on_loss=self.config.get("on_agent_loss") == "abort",
            agent_timeout_s=self.config.get(
                "agent_timeout", DEFAULT_AGENT_TIMEOUT_S
            ),
            lease_s=self.config.get("lease", DEFAULT_LEASE_S),
            wait_s=self.config.get("wait", DEFAULT_WAIT_S),
            iteration_timeout_s=(
                plan.timeout_s if "timeout" in inner_config else None
            ),
            before=before,
        )
        return controller.Controller(
            run_plan, self._grants(selection.weights), clock.now_ns()
        )

    def _grants(self, weights: t.Mapping[str, int]) -> granting.Granting:
        """How iteration numbers are granted in the inner runner's model."""
        from rally.task.work import grants as granting

        plan = self.inner_plan
        if plan.schedule is not None:
            return granting.OpenGranting(
                plan.times or 0, plan.schedule, weights
            )
        return granting.ClosedGranting(plan.times, plan.duration_s)

    @property
    def inner_plan(self) -> plan_module.LoadPlan:
        inner_type, inner_config = arrangement.inner(self.config)
        return runner.ScenarioRunner.get(inner_type).load_plan(inner_config)

    def abort(self) -> None:
        """Every agent stops starting iterations."""
        from rally.task.distributed import notices

        super().abort()
        if self._ports is not None:
            self._ports.tell(notices.StopAsked("the run was aborted"))

    def chunk_stored(self, stored: t.Any) -> None:
        """The agent may forget this chunk."""
        from rally.task.distributed import notices

        if self._ports is not None:
            self._ports.tell(
                notices.Stored(stored.agent, stored.sequence)
            )

    def chunk_refused(
        self, chunk: head.DeliveredChunk, reason: str
    ) -> None:
        """Its iterations are lost; the agent need not send it again."""
        from rally.task.distributed import notices

        if self._ports is not None:
            self._ports.tell(
                notices.ChunkRefused(chunk.agent, chunk.sequence, reason)
            )

    def cannot_store(self, reason: str) -> None:
        """Agents keep what they have; nobody waits for it."""
        from rally.task.distributed import notices

        super().cannot_store(reason)
        if self._ports is not None:
            self._ports.tell(notices.StoringFailed(reason))

    # ---- what whoever watches may ask

    @property
    def asked(self) -> int | None:
        return self.inner_plan.times

    @property
    def offered_rate(self) -> float | None:
        plan = self.inner_plan
        if plan.schedule is None or plan.times is None:
            return None
        return plan.schedule.mean_rate(plan.times)

    def lost_so_far(self) -> int:
        return self.lost_count

    def done_and_lost(self, counted: int) -> tuple[int, int]:
        """How many iterations left a result, and how many left none.

        The last snapshot of an agent that is lost may count iterations whose
        results it took along. They are among the lost ones already.
        """
        members = self.members
        sources, settled = self.board.sources(), self.board.settled()
        taken_along = 0
        for member in members:
            name = member["name"]
            if not member["lost"] or name not in sources:
                continue
            if member["settled"] is None:
                taken_along += sources[name].iterations - member["delivered"]
            elif name in settled:  # it began anew
                taken_along += settled[name] - member["settled"]
        return counted - taken_along, sum(m["lost"] for m in members)

    def agents_progress(self) -> list[progress.AgentProgress]:
        from rally.task.distributed import run_sink

        sources = self.board.sources()
        return [
            run_sink.agent_progress(
                member, _iterations(member, sources)
            )
            for member in self.members
        ]

    def agents_info(self) -> list[dict[str, t.Any]]:
        """One entry per agent, for ``load_info``."""
        return load_info.agent_figures(
            self.members, self.board.sources(), self.inner_plan.schedule
        )


def _iterations(
    member: t.Mapping[str, t.Any],
    sources: t.Mapping[str, aggregate.Aggregate],
) -> int:
    """How many iterations of an agent left a result."""
    if member["lost"] and member["settled"] is None:
        return int(member["delivered"])
    source = sources.get(member["name"])
    return 0 if source is None else source.iterations


@contextlib.contextmanager
def _undisturbed(
    ends: controller_transport.ControllerTransport,
    way: right_of_way_module.RightOfWay,
) -> t.Iterator[None]:
    """Keep all that takes long from the thread that renews leases.

    Those are the threads that judge and store results, and searches for
    garbage in what was there before the run.

    :param ends: what that thread waits for
    :param way: what the other threads give
    """
    before, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    ends.right_of_way = way
    try:
        yield
    finally:
        ends.right_of_way = right_of_way_module.RightOfWay()
        way.release()
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        sys.setswitchinterval(before)
