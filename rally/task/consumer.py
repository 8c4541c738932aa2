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

"""Consumption of the two streams of a runner: chunks and aggregates.

Chunks are heavy and go to the database in a thread of their own. Aggregates
are light; another thread merges the newest ones, judges the SLA, stores the
statistics as far as they are known and tells whoever watches; it leaves the
writing to a third one, so that a database that is slow or gone holds up
neither verdicts nor stops. A failure in any of them stops the run and is
raised where the workload ends: no result is lost silently.
"""

from __future__ import annotations

import functools
import threading
import time
import types
import typing as t

from rally import consts, exceptions
from rally.common import cfg, logging, objects
from rally.common.counting import counted
from rally.common.db import retrying
from rally.task import context, hook, sla
from rally.task import runner as runner_module
from rally.task.load import queued as queued_module
from rally.task.reporting import load_info, progress, record_writer
from rally.task.results import aggregate, cutting, head, stored
from rally.task.results import board as board_module
from rally.task.results import chunk as chunk_module

LOG = logging.getLogger(__name__)

#: chunks stored in one transaction at the most
BATCH = 64
#: how long a chunk of this host may wait for others to be stored with it: a
#: transaction costs as much CPU time as a hundred iterations that do nothing
LINGER_S = 0.05
#: chunks that may wait to be stored; then the load is held up
WAITING = 256
#: seconds between two records of what is known so far
RECORD_INTERVAL_S = 2.0
#: seconds between two looks at the merged aggregates, unless one is urgent
JUDGE_INTERVAL_S = 0.1
#: with many agents a look takes longer: part of a CPU that looking may take
JUDGE_SHARE = 0.2
#: CPU time that a look may take to read what agents have sent; those that
#: are not read have their turn in the next one
LOOK_S = 0.1
#: part of a CPU that recording what is known so far may take
RECORD_SHARE = 0.05
#: ... and still there is one this often
MAX_JUDGE_INTERVAL_S = 1.0
#: seconds between two reads of the status in the database, the only channel
#: through which another process can ask for an abort
STATUS_INTERVAL_S = 0.5
#: how long an aborted task waits for hooks, once its load is over
HOOKS_GRACE_S = 10.0


class ResultConsumer:
    """Consumes what *runner* produces while the workload runs.

    A context manager around the run. On leaving it joins its threads and
    stores the results of the workload.
    """

    def __init__(
        self,
        workload_cfg: dict[str, t.Any],
        task: objects.Task,
        subtask: objects.Subtask,
        workload: objects.Workload,
        runner: runner_module.ScenarioRunner,
        abort_on_sla_failure: bool,
        ctx_manager: context.ContextManager,
        listener: progress.Listener | None = None,
        interrupted: threading.Event | None = None,
        retry: retrying.RetryPolicy | None = None,
    ) -> None:
        self.workload_cfg = workload_cfg
        self.task = task
        self.subtask = subtask
        self.workload = workload
        self.runner = runner
        runner.result_queue.limit = WAITING
        self.abort_on_sla_failure = abort_on_sla_failure
        self.ctx_manager = ctx_manager
        self.listener = listener
        self.hooks = hook.HookExecutor(workload_cfg, task)
        self._hooks_results: list[dict[str, t.Any]] = []
        self.finish = threading.Event()
        self._is_load_over = threading.Event()
        self.interrupted = interrupted or threading.Event()
        self.aborted_on_sla = False
        self.aborted_manually = False
        self.failures: list[BaseException] = []
        self.retry = retry or retrying.RetryPolicy(
            task["uuid"], cfg.CONF.database_patience
        )
        self.watch = load_info.RunWatch(workload_cfg, self.retry)
        self._record_writer = record_writer.RecordWriter(self.retry)
        self._record_cost_s = 0.0  # CPU time that the last record took
        self._news = threading.Event()
        self._phase = "contexts"
        self._threads = [
            threading.Thread(target=self._guarded, args=(f,), name=name)
            for name, f in (
                ("chunks", self._consume_results),
                ("aggregates", self._consume_aggregates),
                ("events", self._consume_events),
                ("records", self._record_writer.run),
            )
        ]
        self._status_thread = threading.Thread(
            target=self._guarded, args=(self.wait_and_abort,), name="status"
        )

    def __enter__(self) -> ResultConsumer:
        self.started = time.monotonic()
        self.watch.started()
        for thread in (*self._threads, self._status_thread):
            thread.start()
        return self

    def _guarded(self, consume: t.Callable[[], None]) -> None:
        """The top of a thread: what fails in it stops the run."""
        try:
            consume()
        except BaseException as e:  # raised again by __exit__
            if not isinstance(e, retrying.DatabaseLost):
                LOG.error(
                    "The run stops: consuming its %s failed: %s"
                    % (threading.current_thread().name, e)
                )
            # nothing that ends a process ends this one
            self.failures.append(
                e if isinstance(e, Exception)
                else RuntimeError("%s: %s" % (type(e).__name__, e))
            )
            self._abort_runner()
            if self.retry.is_lost or consume == self._consume_results:
                self.runner.cannot_store(str(e))

    def enter_phase(self, phase: str) -> None:
        """Tell whoever watches what the workload is at now."""
        self._phase = phase
        self._tell(self.runner.board.merged())

    def record_run(self) -> None:
        """Record which run this is, before there is any load.

        If this process dies, ``rally task recover`` asks agents for it.
        """
        if self.runner.run_id:
            merged = self.runner.board.merged()
            self.retry(
                self.workload.update_progress,
                **self.watch.record(merged, self.runner),
            )

    def _consume_results(self) -> None:
        queue = self.runner.result_queue
        queued = queued_module.QueuedResults(self.runner)
        # an agent sends no more than a few chunks before one is stored
        linger_s = 0.0 if self.runner.run_id else LINGER_S
        while batch := queue.gather(BATCH, linger_s):
            chunks = [
                x for item in batch for x in self._storable(item, queued)
            ]
            if chunks:
                self.runner.right_of_way.give_way()
                added = self.retry(self.workload.add_chunks, chunks)
                self.watch.stored(chunks, added)
            for chunk in chunks:
                self.runner.chunk_stored(chunk)
            queued.tell()

    def _storable(
        self, item: t.Any, queued: queued_module.QueuedResults
    ) -> t.Iterator[objects.StoredChunk]:
        """*item* of the result queue as rows of the database.

        What was made on this host is trusted, and never decoded.
        """
        if isinstance(item, head.DeliveredChunk):
            yield from self._checked(item)
            return
        if not isinstance(item, chunk_module.Chunk):
            item = queued.chunk_of(item)
        for part in cutting.parts(item):
            self.watch.cut_rows(part.cut_rows)
            yield stored.envelope(part.packed(), self.watch.next_sequence())

    def _checked(
        self, delivered: head.DeliveredChunk
    ) -> t.Iterator[objects.StoredChunk]:
        """What an agent sent, unless it cannot be stored."""
        self.runner.right_of_way.give_way()
        try:
            delivered.chunk.check()
        except chunk_module.ChunkError as e:
            self.runner.chunk_refused(delivered, e.format_message())
            return
        yield stored.envelope(
            delivered.chunk, delivered.sequence, delivered.agent,
            delivered.clock_offset_ns,
        )

    def _consume_aggregates(self) -> None:
        board, version, record_at = self.runner.board, 0, 0.0
        has_turned = False
        while not board.is_closed:
            version = board.wait(version, RECORD_INTERVAL_S)
            began_s = time.thread_time()
            merged = board.look(LOOK_S)
            self.watch.saw(merged)
            self._judge(merged)
            self._tell(merged)
            now = time.monotonic()
            if now >= record_at:
                self.record_progress(merged)
                record_at = now + max(
                    RECORD_INTERVAL_S, self._record_cost_s / RECORD_SHARE
                )
            interval_s = judge_interval_s(time.thread_time() - began_s)
            has_turned |= not merged.is_passing
            wait_to_judge(board, has_turned, interval_s)
        self._judge(board.merged())

    def _judge(self, merged: aggregate.Aggregate) -> None:
        if (
            self.abort_on_sla_failure
            and not self.aborted_on_sla
            and not merged.is_passing
        ):
            self.aborted_on_sla = True
            LOG.info("Task %s: an SLA criterion failed, the load stops"
                     % self.task["uuid"])
            self._stop()
            self._record_writer.put(
                "status",
                functools.partial(
                    self.task.update_status, consts.TaskStatus.SOFT_ABORTING
                ),
            )

    def _stop(self) -> None:
        self.watch.stop_asked()
        self._abort_runner()

    def _abort_runner(self) -> None:
        """Stop the load, even if the runner, a plugin, fails at that."""
        try:
            self.runner.abort()
        except Exception as e:
            LOG.error("The runner failed to abort: %s" % e)
            self.failures.append(e)
            runner_module.ScenarioRunner.abort(self.runner)

    def _tell(self, merged: aggregate.Aggregate) -> None:
        if self.listener is not None:
            self.listener.on_progress(
                self.watch.progress(
                    self._phase, merged, self.runner,
                    time.monotonic() - self.started,
                )
            )

    def record_progress(self, merged: aggregate.Aggregate) -> None:
        """Store what is known so far, for ``task status`` and reports."""
        self._record_writer.put(
            "progress",
            functools.partial(
                self._write_progress, merged,
                # plugins judge: by one thread only
                _plain(merged.checker.results()),
            ),
        )

    def _write_progress(
        self, merged: aggregate.Aggregate,
        sla_results: list[dict[str, t.Any]],
    ) -> None:
        began_s = time.thread_time()
        self.workload.update_progress(
            **self.watch.record(merged, self.runner), sla_results=sla_results
        )
        self._record_cost_s = time.thread_time() - began_s

    def _consume_events(self) -> None:
        while True:
            event = self.runner.event_queue.get(None)
            if event is None:
                return
            self.hooks.on_event(event["type"], event["value"])

    @staticmethod
    def is_task_in_aborting_status(
        task_uuid: str, check_soft: bool = True
    ) -> bool:
        """Whether somebody asked for an end of the task."""
        stages = [consts.TaskStatus.ABORTING, consts.TaskStatus.ABORTED]
        if check_soft:
            stages.append(consts.TaskStatus.SOFT_ABORTING)
        return objects.Task.get_status(task_uuid) in stages

    def interrupt(self) -> None:
        """The person wants an end; from a signal handler, too."""
        self.interrupted.set()
        self._news.set()

    def wait_and_abort(self) -> None:
        """Stop the runner once an abort was asked for, here or elsewhere."""
        while not (self.finish.is_set() or self.interrupted.is_set()):
            if self._news.wait(STATUS_INTERVAL_S):
                continue
            if self._is_abort_asked():
                break
        if self.finish.is_set():
            return
        self.aborted_manually = True
        LOG.info("Task %s: abort was asked for, the load stops"
                 % self.task["uuid"])
        self._stop()
        self._is_load_over.wait()
        if not self.finish.wait(HOOKS_GRACE_S):
            self.hooks.give_up()

    def _is_abort_asked(self) -> bool:
        """Whether another process wants an end; not, if nobody can say."""
        try:
            return self.is_task_in_aborting_status(
                self.task["uuid"], check_soft=False
            )
        except exceptions.DBException as e:
            if not retrying.may_pass(e):
                raise
            return False  # it is asked again soon

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: types.TracebackType | None,
    ) -> None:
        self.runner.close_streams()
        self._record_writer.close("progress")
        try:
            for thread in self._threads:
                thread.join()
            for lost in self.failures:
                if isinstance(lost, retrying.DatabaseLost):
                    raise lost  # there is nothing to store results in
            self._await_hooks()
        finally:
            self._is_load_over.set()
            self.finish.set()
            self._news.set()
            self._status_thread.join()
        merged = self._judged()
        failure = exc_val or next(iter(self.failures), None)
        if failure is not None:
            merged.checker.set_unexpected_failure(failure)
        else:
            self._check_completeness(merged)
        if self.aborted_on_sla:
            merged.checker.set_aborted_on_sla()
        if self.aborted_manually:
            merged.checker.set_aborted_manually()
        self.retry(self._store, merged)
        self._phase = "done"
        self._tell(merged)
        if self.failures and exc_val is None:
            raise self.failures[0]

    def _await_hooks(self) -> None:
        """Wait for what hooks do; not for long if the task is aborted."""
        self._is_load_over.set()
        running = self.hooks.running()
        if running:
            LOG.info(
                "Task %s: the load is over; the task waits for %s: %s. An "
                "abort gives up on them after %g s."
                % (self.task["uuid"],
                   counted(len(running), "hook action"),
                   ", ".join(sorted({x.get_name() for x in running})),
                   HOOKS_GRACE_S)
            )
        self._hooks_results = _plain(self.hooks.results())
        if self.hooks.error is not None:
            self.failures.append(self.hooks.error)

    def _judged(self) -> aggregate.Aggregate:
        """All that was stored, with the verdicts.

        Criteria are plugins. What one of them raises fails the workload and
        hides all verdicts, but no result.
        """
        try:
            merged = self.retry(self.final_aggregate)
            merged.checker.results()
        except sla.CriterionFailed as e:
            self.failures.append(e)
            return self.retry(self._unjudged)
        return merged

    def _unjudged(self) -> aggregate.Aggregate:
        """All that was stored, without any criteria."""
        counted = aggregate.Aggregate({})
        for chunk in stored.workload_chunks(self.workload["uuid"]):
            counted.add_chunk(chunk)
        for told in self.runner.board.sources().values():
            counted.counters.update(told.counters)
            counted.saturation.merge(told.saturation)
            counted.traffic = counted.traffic.merge(told.traffic)
        return counted

    def final_aggregate(self) -> aggregate.Aggregate:
        """All that was stored, merged.

        A source that died may have counted iterations in its last snapshot
        that never arrived, or the other way round: it is counted again from
        its stored chunks.
        """
        board = self.runner.board
        board.merged()  # whether their snapshots make sense is known then
        told = board.sources()
        for source in {*self.runner.inexact_sources, *board.malformed}:
            counted = aggregate.Aggregate(self.workload_cfg["sla"])
            for chunk in stored.workload_chunks(
                self.workload["uuid"], agent=source
            ):
                counted.add_chunk(chunk)
            if source in told:  # no row tells this, nor how hard it was
                counted.counters.update(told[source].counters)
                counted.saturation.merge(told[source].saturation)
                counted.traffic = told[source].traffic
            board.replace(source, counted)
        return board.merged().shifted(0)  # a copy that may be marked

    def _check_completeness(self, merged: aggregate.Aggregate) -> None:
        """A run that lost everything, or lost something, did not pass."""
        if self.runner.lost and self.runner.is_loss_a_failure:
            merged.checker.set_unexpected_failure(
                load_info.IterationsLost(
                    iterations=counted(
                        sum(lost.count for lost in self.runner.lost),
                        "iteration",
                    ),
                    reasons="; ".join(
                        sorted({lost.reason for lost in self.runner.lost})
                    ),
                )
            )
        elif not merged.iterations and not (
            self.aborted_manually or self.aborted_on_sla
        ):
            merged.checker.set_unexpected_failure(
                load_info.NothingRan(workload=self.workload_cfg["name"])
            )
        elif self.runner.shortfalls:
            merged.checker.set_unexpected_failure(load_info.LoadFellShort(
                shortfalls="; ".join(self.runner.shortfalls)
            ))

    def _store(self, merged: aggregate.Aggregate) -> None:
        self.watch.saw(merged)
        record = self.watch.record(merged, self.runner)
        # what the statistics count; a reader can compare it with the rows
        record["load_info"]["stored"] = merged.iterations
        self.workload.set_results(
            load_duration=record["load_duration"],
            full_duration=time.monotonic() - self.started,
            start_time=record["start_time"],
            sla_results=_plain(merged.checker.results()),
            contexts_results=_plain(self.ctx_manager.contexts_results()),
            hooks_results=self._hooks_results,
            aggregate=record,
        )


def judge_interval_s(look_s: float) -> float:
    """How long to wait after a look that took *look_s* of CPU time."""
    fair_s = max(JUDGE_INTERVAL_S, look_s / JUDGE_SHARE)
    return min(fair_s, MAX_JUDGE_INTERVAL_S)


def wait_to_judge(
    board: board_module.SnapshotBoard,
    has_turned: bool,
    interval_s: float,
    now: t.Callable[[], float] = time.monotonic,
) -> None:
    """Wait for the next look at the aggregates.

    What is urgent for one source may be the turn for all together. Once that
    has come, it says nothing new.

    :param has_turned: a criterion has failed for all together
    """
    until = now() + interval_s
    while not board.is_closed and (left_s := until - now()) > 0:
        if board.wait_urgent(left_s) and not has_turned:
            return


def _plain(typed: t.Sequence[t.Any]) -> list[dict[str, t.Any]]:
    """Typed dicts as what a JSON column takes."""
    return [dict(each) for each in typed]
