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

"""Inside the load process: an ordinary Runner, fed with leases.

Four threads carry what the runner produces to the agent and what the agent
says to the runner; the main thread runs the runner, so workers are forked
from it. No ZeroMQ and no database here.
"""

from __future__ import annotations

import gc
import os
import pathlib
import queue
import signal
import socket
import sys
import threading
import time
import traceback
import typing as t

import msgspec

from rally import exceptions, plugins
from rally.common import clock, logging, moved
from rally.common.plugin import discover, importing, options
from rally.task import runner as runner_module
from rally.task import scenario, sla
from rally.task.distributed import provenance, shipped_files, spool
from rally.task.distributed.load_process import inbox, parent, remains
from rally.task.distributed.wire import codec, messages
from rally.task.distributed.wire.link import Link
from rally.task.load import gate, snapshot_pace, source
from rally.task.load import queued as queued_module
from rally.task.load.task_of_load import TaskOfLoad
from rally.task.results import chunk as chunk_module
from rally.task.results import cutting, head
from rally.task.results.progressions import numbers_of
from rally.task.serialization import context_codec

LOG = logging.getLogger(__name__)

#: between two snapshots, unless one is urgent
SNAPSHOT_INTERVAL_S = 1.0
#: the same once a criterion has failed here: any further iteration may be
#: the one with which it fails for all agents, and they are to stop soon
FAILING_INTERVAL_S = 0.3
#: chunks that may wait to be spooled; then the load is held up
WAITING = 16
#: this many are written to disk together, if they come within this
GROUP = 8
LINGER_S = 0.05
#: how long a thread that has been told to end may take
CLOSE_S = 1.0
#: a large context leaves holes in the memory, so a process grows with each;
#: this is worth a fresh one
GROWTH_BYTES = 1 << 28
#: differences to the plugins of the controller that a log names
MAX_TOLD = 20
#: a wait that nothing ends looks again after this long
LONG_S = 3600.0


class PreparedLoad:
    """One prepared load, and the streams it produces.

    :param folder: where what came with the order was unpacked
    """

    def __init__(
        self, link: Link, order: messages.Load, folder: pathlib.Path
    ) -> None:
        self._link = link
        self._order = order.prepare
        self._spool = spool.Spool(order.spool, order.prepare.run)
        self._spooled = order.prepare.first_chunk
        self._longest_ns = 0
        self._lease: int | None = 0
        self._lease_lock = threading.Lock()
        self._number = 0
        self._reason = ""
        self._is_spool_unusable = False
        self.feed = source.LeaseFeed(fence_ns=0)
        self._granted = threading.Event()
        self._carriers: list[threading.Thread] = []
        self._asking: threading.Thread | None = None
        self._gate = gate.StartGate(self._say_ready)
        self._started: queue.SimpleQueue[messages.LoadStart | None]
        self._started = queue.SimpleQueue()
        content = codec.decode_content(order.content)
        self._given_args = _dict_of(content.given_args)
        self._context = _dict_of(content.context)
        if order.prepare.shipment and order.prepare.shipment.extra:
            self._context["extra_files"] = {
                name: str(folder / path)
                for name, path in order.prepare.shipment.extra.items()
            }
        self._args = _dict_of(content.args)
        self._runner_config = _dict_of(order.prepare.runner)
        self._sla_config = _dict_of(order.prepare.sla)
        self._check()
        self.runner = self._make_runner()
        self._spool.claim()  # last: nobody releases it if this fails

    def _check(self) -> None:
        """Plugins and arguments, as the controller checked them.

        :raises RallyException: saying what this host lacks
        """
        problems = scenario.Scenario.validate(
            name=self._order.scenario,
            context=None,
            config={
                "name": self._order.scenario,
                "args": self._given_args,
                "contexts": self._context.get("config", {}),
            },
            plugin_cfg=None,
            vtype="syntax",
        )
        problems += runner_module.ScenarioRunner.validate(
            name=self._order.runner_type, context=None, config=None,
            plugin_cfg=self._runner_config, vtype="syntax",
        )
        for criterion, value in self._sla_config.items():
            problems += sla.SLA.validate(
                name=criterion, context=None, config=None, plugin_cfg=value,
                vtype="syntax",
            )
        if problems:
            raise exceptions.RallyException("; ".join(problems))

    def _make_runner(self) -> runner_module.ScenarioRunner:
        task = TaskOfLoad(self._context.get("task") or {})
        self._context["task"] = task
        cls = runner_module.ScenarioRunner.get(self._order.runner_type)
        runner = cls(
            t.cast(t.Any, task), self._runner_config,
            batch_size=self._order.chunk_size,
        )
        runner.configure_streams(
            sla_config=self._sla_config,
            chunk_size=self._order.chunk_size,
            iteration_events=self._order.iteration_events,
        )
        if self._order.agent is not None:
            runner.agent = msgspec.to_builtins(self._order.agent)
        runner.source = self.feed
        runner.gate = self._gate
        runner.is_preprocessed = True
        runner.result_queue.limit = WAITING
        return runner

    # ---- the main thread

    def run(self) -> messages.LoadEnded:
        """Get ready, wait for the start, make the load; returns how it ended.

        Workers are forked before the start if the runner can do that: it
        takes far longer than the difference that agents may start with.
        """
        if self.runner.stands_ready():
            starter = threading.Thread(target=self._start_when_told)
            starter.start()
            self._make_load()
            self._started.put(None)  # it may have ended before the start
            starter.join()
        else:
            self._say_ready()
            if self._start_when_told():
                self._make_load()
        for thread in self._carriers:
            thread.join()
        self.feed.stop()
        return self._ended()

    def let_go(self) -> None:
        """Release what would otherwise live as long as the process."""
        self._granted.set()
        if self._asking is not None:
            self._asking.join(CLOSE_S)
        self._spool.release()

    def _say_ready(self) -> None:
        self._link.send(messages.LoadReady())

    def _start_when_told(self) -> bool:
        """Wait for the start; False: there will be none."""
        start = self._started.get()
        if start is None:
            return False
        self._gate.open(start.at_ns - clock.WALL_BASE_NS, start.is_takeover)
        self._carriers = [
            threading.Thread(target=self._guarded, args=(carry,))
            for carry in (
                self._carry_chunks, self._carry_aggregates,
                self._carry_events, self._carry_problems,
            )
        ]
        for thread in self._carriers:
            thread.start()
        self._asking = threading.Thread(target=self._carry_low, daemon=True)
        self._asking.start()
        return True

    def _make_load(self) -> None:
        try:
            self.runner.run(
                self._order.scenario, self._context, self._args
            )
        except Exception as e:  # a runner is a plugin
            LOG.error("The load failed: %s" % traceback.format_exc())
            self._reason = "%s: %s" % (type(e).__name__, e)

    def _ended(self) -> messages.LoadEnded:
        with self._lease_lock:  # what comes from now on is not taken
            lease, self._lease = self._lease, None
            returned = tuple(self.feed.returned())
        lost = self.runner.lost
        return messages.LoadEnded(
            returned=returned,
            spooled=self._spooled,
            number=self._number + 1,
            aggregate=self._counted(),
            reason=self._reason,
            loss="; ".join(sorted({each.reason for each in lost})),
            is_fatal=self._is_spool_unusable,
            lease=lease,
        )

    def _counted(self) -> bytes:
        """The last aggregate, with what the runner itself counted.

        Empty if there is none: then the controller counts what is stored.
        """
        try:
            merged = self.runner.board.merged().shifted(0)
            merged.counters.update(self.runner.counters)
            return merged.to_bytes()
        except sla.CriterionFailed as e:
            self._reason = e.cause
            return b""

    def _guarded(self, carry: t.Callable[[], None]) -> None:
        """The top of a thread: what fails in it ends the load."""
        try:
            carry()
        except Exception as e:
            LOG.error("The load stops: %s" % e)
            self._reason = self._reason or str(e)
            self._is_spool_unusable |= isinstance(e, spool.SpoolError)
            self.runner.abort()
            self.runner.result_queue.abandon()
            self.feed.stop()

    def _carry_chunks(self) -> None:
        queue = self.runner.result_queue
        queued = queued_module.QueuedResults(self.runner)
        while items := queue.gather(GROUP, LINGER_S):
            chunks = [
                item if isinstance(item, chunk_module.Chunk)
                else queued.chunk_of(item)
                for item in items
            ]
            packed = [x for chunk in chunks for x in self._packed(chunk)]
            try:
                self._keep(packed)
            except spool.SpoolError:
                for chunk in packed:  # perhaps there is room for some
                    self._keep([chunk])
            queued.tell()

    def _packed(
        self, chunk: chunk_module.Chunk
    ) -> t.Iterator[head.PackedChunk]:
        if len(chunk):
            longest_ns = int((chunk.duration_ns + chunk.idle_ns).max())
            self._longest_ns = max(self._longest_ns, longest_ns)
        for part in cutting.parts(chunk):
            self.runner.count("cut_rows", part.cut_rows)
            yield part.packed()

    def _keep(self, chunks: t.Sequence[head.PackedChunk]) -> None:
        """:raises SpoolError: they cannot be kept"""
        if not chunks:
            return
        self._spool.write_all(
            spool.SpooledChunk(self._spooled + i, chunk)
            for i, chunk in enumerate(chunks)
        )
        self._spooled += len(chunks)
        self._link.send(messages.LoadSpooled(self._spooled - 1))

    def _carry_aggregates(self) -> None:
        board, version = self.runner.board, 0
        pace = snapshot_pace.SnapshotPace(
            SNAPSHOT_INTERVAL_S, FAILING_INTERVAL_S
        )
        while not board.is_closed:
            version = board.wait(version, SNAPSHOT_INTERVAL_S)
            merged = board.merged()
            is_urgent = pace.sent(merged.is_passing, time.monotonic())
            self._number += 1
            self._link.send(
                messages.Snapshot(
                    self._order.run, self._number, is_urgent,
                    merged.to_bytes(),
                    max(self._longest_ns, merged.durations.max_ns or 0),
                    self._order.epoch,
                )
            )
            self._link.send(
                messages.LoadStatus(
                    self.feed.drawn_count, self.feed.remaining
                )
            )
            self._await_due(pace)

    def _await_due(self, pace: snapshot_pace.SnapshotPace) -> None:
        """Wait for the next snapshot: what is urgent for one worker may
        turn the verdict of all, or not.
        """
        board = self.runner.board
        while not board.is_closed and not pace.is_due(
            board.merged().is_passing, time.monotonic()
        ):
            board.wait_urgent(pace.due_at - time.monotonic())

    def _carry_events(self) -> None:
        events = self.runner.event_queue
        while (event := events.get(None)) is not None:
            numbers = [event["value"]]
            while events and len(numbers) < messages.MAX_STARTED:
                numbers.append(events.popleft()["value"])
            self._link.send(messages.Started(tuple(numbers)))

    def _carry_problems(self) -> None:
        problems = self.runner.problems
        while (text := problems.get(None)) is not None:
            self._report(text)

    def _report(self, text: str) -> None:
        self._link.send(messages.Report(text[:messages.MAX_TEXT]))

    def _carry_low(self) -> None:
        """Ask for more numbers each time the feed runs low."""
        while not self.feed.is_stopped:
            self._granted.clear()
            if self.feed.wait_low(LONG_S) and not self.feed.is_used_up:
                self._link.send(
                    messages.LoadLow(
                        self.feed.drawn_count, self.feed.remaining
                    )
                )
                self._granted.wait(1.0)  # ask again if no answer comes
            elif self.feed.is_used_up:
                return

    # ---- the thread that listens to the agent

    def handle(self, message: messages.LoadMessage) -> None:
        """Do what *message* says."""
        if isinstance(message, messages.LoadRenew):
            self.feed.renew(message.deadline_ns - clock.WALL_BASE_NS)
        elif isinstance(message, messages.Grant):
            self._take(message)
        elif isinstance(message, messages.LoadStart):
            self._started.put(message)
        elif isinstance(message, messages.Close):
            self.feed.close()
        elif isinstance(message, messages.Stop):
            self.stop()

    def _take(self, grant: messages.Grant) -> None:
        with self._lease_lock:
            if self._lease is None:
                return
            self._lease = grant.lease
            if not self.feed.grant(*grant.numbers, low=grant.low):
                self.feed.give_back(numbers_of([grant.numbers]))
                self.runner.problem(
                    "A load process was granted more iterations than it can "
                    "hold before it starts them, so some go back to the "
                    "controller. This is a defect of Rally; report it "
                    "together with the log of the run."
                )
        self._granted.set()

    def stop(self) -> None:
        """Start nothing more: somebody said so, or the agent is gone."""
        self.feed.stop()
        self.runner.abort()
        self._granted.set()
        self._started.put(None)


def _reason(problem: Exception) -> str:
    """What a user reads about *problem*; without a full stop."""
    text = str(problem)
    if not isinstance(problem, exceptions.RallyException):
        text = "%s: %s" % (type(problem).__name__, text)
    return text.rstrip(".")


def _dict_of(plain: t.Any) -> dict[str, t.Any]:
    """:raises CannotBeRead: it is not a dict, or cannot be read"""
    value = context_codec.from_plain(plain)
    if not isinstance(value, dict):
        raise context_codec.CannotBeRead(
            reason="it is of type %s" % type(value).__name__
        )
    return value


def _adopt_options(
    link: Link, prepare: messages.Prepare, own_args: t.Sequence[str] | None
) -> None:
    """Let plugins have the options that they have on the controller."""
    values = {
        section: _dict_of(named)
        for section, named in prepare.options.items()
    }
    for problem in options.adopt(values, own_args):
        link.send(messages.Report(problem[:messages.MAX_TEXT]))


def _import(code: messages.Code) -> None:
    """Import what a load needs, as far as it may be imported by name."""
    known = len(sys.modules)
    plugins.load_some(
        code.plugins, with_files=not code.is_shipped, broken=logging.RDEBUG
    )
    with options.noticing():  # of modules that plugins import on first use
        importing.import_all((*code.plugins, *code.used))
    if len(sys.modules) > known:
        gc.freeze()  # it stays: not worth a look at each collection


def _unpack(order: messages.Load, folder: pathlib.Path) -> None:
    """Load the plugins that came with the order, from where they stay.

    :raises CannotBeUnpacked: they cannot be kept there
    """
    shipment = order.prepare.shipment
    if shipment is not None:
        shipped_files.unpack(shipment, order.shipped, folder)
        plugins.load_paths([str(folder / path) for path in shipment.plugins])


def _find_differences(link: Link, code: messages.Code) -> bool:
    """Refuse plugins that are not those of the controller."""
    found = provenance.differences(code, plugins.loader())
    if found:
        told = [provenance.described(each) for each in found[:MAX_TOLD]]
        if len(found) > MAX_TOLD:
            told.append("and %d more" % (len(found) - MAX_TOLD))
        link.send(messages.LoadRefused(
            "its plugins are not those of the controller: "
            + "; ".join(told), found,
        ))
    return bool(found)


def _prepare(
    link: Link, order: messages.Load, own_args: t.Sequence[str] | None,
    folder: pathlib.Path,
) -> PreparedLoad | None:
    """Prepare the order; None: it cannot be done here."""
    def attempt() -> PreparedLoad:
        _adopt_options(link, order.prepare, own_args)
        return PreparedLoad(link, order, folder)

    try:
        _import(order.prepare.code)
        _unpack(order, folder)
        if _find_differences(link, order.prepare.code):
            return None
        try:
            load = attempt()
        except exceptions.RallyException:
            if not discover.REST.load():
                raise
            load = attempt()  # it lacked a plugin or an option, perhaps
    except Exception as e:  # plugins are code of others
        LOG.debug(traceback.format_exc())
        link.send(messages.LoadRefused(_reason(e)))
        return None
    return load


def _serve(
    link: Link, order: messages.Load, at: inbox.Inbox,
    own_args: t.Sequence[str] | None, has_grown: bool,
) -> None:
    """Make the load of *order*, and say how it ended.

    :param has_grown: it shall be the last one in this process
    """
    before = set(threading.enumerate())
    folder = shipped_files.folder_of(order.spool, order.prepare.run)
    is_shipped = order.prepare.shipment is not None
    try:
        load = _prepare(link, order, own_args, folder)
        if load is None:
            return
        at.attach(load)
        try:
            ended = load.run()
        finally:
            at.detach()
        load.let_go()
    finally:
        if is_shipped:
            shipped_files.remove(folder)
    is_last = is_shipped or has_grown or (
        ended.reason or ended.loss or ended.is_fatal
    )
    is_clean = not is_last and remains.are_none(before)
    link.send(msgspec.structs.replace(ended, is_reusable=is_clean))


def main(fd: int, own_args: t.Sequence[str] | None = None) -> None:
    """Make loads for the agent at the other end of *fd*, one after another.

    It ends when the agent closes the pipe, which it does once it has read
    how a load ended, unless it keeps the process for the next one.

    :param own_args: see ``LoadProcess``
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.setup("rally")
    # the command that started the run says what is broken or deprecated
    logging.getLogger(moved.__name__).setLevel(logging.ERROR)
    # only the load process: the agent waits for the end of this pipe
    os.set_inheritable(fd, False)
    link = Link(socket.socket(fileno=fd))
    at = inbox.Inbox(link)
    sizes: list[int] = []  # after the first load, and after the last one
    while (order := at.next_order()) is not None:
        if isinstance(order, messages.Load):
            has_grown = sizes and sizes[-1] - sizes[0] > GROWTH_BYTES
            _serve(link, order, at, own_args, bool(has_grown))
            del order  # with its context, before the next one comes
            gc.collect()
            sizes[1:] = [remains.resident_bytes()]
        else:
            _import(order.code)


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        sys.argv[3:] if sys.argv[2:3] == [parent.OWN] else None,
    )
