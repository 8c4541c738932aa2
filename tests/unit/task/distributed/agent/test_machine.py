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

"""What an agent does with each message, without a network."""

from __future__ import annotations

import msgspec

from rally.task.distributed import commands, content, notices
from rally.task.distributed.agent import load_watch, shutdown, spare_load
from rally.task.distributed.agent import machine as agent_module
from rally.task.distributed.agent.liveness import GIVE_UP_NS, SILENCE_NS
from rally.task.distributed.agent.machine import LoadState
from rally.task.distributed.wire import messages
from tests.unit import test

NS = 1_000_000_000
PREPARE = messages.Prepare(
    run="r", scenario="Dummy.dummy", content=content.described(b""),
    runner_type="constant", runner={}, sla={}, chunk_size=1000,
    iteration_events=False,
)


class Base(test.TestCase):
    def setUp(self):
        super().setUp()
        self.now = 100 * NS
        self.agent = agent_module.Agent("i", "6.0.0", "host", 2, self.now)

    def tell(self, message, after_s=0.0):
        self.now += int(after_s * NS)
        return self.agent.handle(message, self.now)

    def sent(self, todo, kind):
        return [
            c.message for c in todo
            if isinstance(c, commands.Send) and isinstance(c.message, kind)
        ]

    def told(self, todo, kind):
        return [
            c.message for c in todo
            if isinstance(c, commands.TellLoad)
            and isinstance(c.message, kind)
        ]

    def bring_to_running(self):
        self.tell(messages.Welcome("6.0.0", "r"))
        self.tell(PREPARE)
        self.tell(messages.LoadReady())
        self.tell(messages.Grant("r", 1, (1, 1, 100), 10))
        self.tell(messages.Start("r", self.now + NS))

    def prepared_again_after(self, seconds):
        """Parts asked for by the next run, with the same content."""
        content_ = content.described(b"secret")
        prepare = msgspec.structs.replace(PREPARE, content=content_)
        self.tell(messages.Welcome("6.0.0", "r"))
        self.tell(prepare)
        self.tell(messages.Part(content_.digest, 0, b"secret"))
        self.tell(messages.LoadReady())
        self.tell(messages.LoadEnded((), 0, 1))  # its process ends, too
        self.tell(messages.Done("r"))
        for _ in range(10):
            self.now += int(seconds / 10 * NS)
            self.agent.expire(self.now)
        self.tell(messages.Welcome("6.0.0", "next"))
        todo = self.tell(msgspec.structs.replace(prepare, run="next"))
        return self.sent(todo, messages.FetchPart)


class AgentTestCase(Base):
    def test_the_content_of_a_run_is_kept_for_the_next_one(self):
        self.assertEqual([], self.prepared_again_after(60))

    def test_it_is_not_kept_for_ever(self):
        self.assertEqual(
            1, len(self.prepared_again_after(spare_load.KEEP_NS / NS))
        )

    def test_the_life_of_a_run(self):
        self.tell(messages.Welcome("6.0.0", "r"))
        started = self.tell(PREPARE)
        self.assertEqual(
            [PREPARE],
            [c.prepare for c in started
             if isinstance(c, commands.StartLoad)],
        )
        ready = self.tell(messages.LoadReady())
        self.assertEqual([messages.Ready("r")],
                         self.sent(ready, messages.Ready))
        self.tell(messages.Start("r", 7))
        self.assertIs(LoadState.RUNNING, self.agent.state)
        ended = self.tell(messages.LoadEnded((), 3, 9, b"a"))
        (end,) = self.sent(ended, messages.Ended)
        self.assertEqual((3, 9, False),
                         (end.spooled, end.number, end.abandoned))
        over = self.tell(messages.Done("r"))
        self.assertIn(commands.DiscardSpool("r"), over)
        self.assertIs(LoadState.DIALING, self.agent.state)

    def test_chunks_kept_before_a_death_count_though_nobody_said_so(self):
        self.bring_to_running()
        self.tell(messages.LoadSpooled(0))

        ended = self.tell(notices.LoadGone("it was killed", 3, 1))

        (end,) = self.sent(ended, messages.Ended)
        self.assertEqual((3, 1, True), (end.spooled, end.torn, end.abandoned))

    def test_what_an_earlier_process_left_is_told_with_the_damage(self):
        self.agent = agent_module.Agent(
            "i", "6.0.0", "host", 2, self.now, {"r": 4, "s": 0}, {"r": 2}
        )
        self.tell(messages.Welcome("6.0.0", "r"))
        self.tell(notices.SpoolFound("s", 7, 1))

        for run, expected in (("r", (4, 2)), ("s", (7, 1))):
            (end,) = self.sent(
                self.tell(messages.Stop(run, "lost")), messages.Ended
            )
            self.assertEqual(expected, (end.spooled, end.torn))

    def renewals(self, todo):
        return [
            message.deadline_ns
            for message in self.told(todo, messages.LoadRenew)
        ]

    def test_a_beat_renews_the_lease_from_the_heartbeat_that_was_heard(self):
        self.bring_to_running()
        heard_ns = self.now - 7

        todo = self.tell(messages.Beat("r", 1, 5.0, heard_ns))

        self.assertEqual([heard_ns + 5 * NS], self.renewals(todo))

    def test_a_beat_that_was_held_up_renews_no_longer_than_in_time(self):
        self.bring_to_running()
        heard_ns = self.now

        todo = self.tell(messages.Beat("r", 1, 5.0, heard_ns), after_s=20)

        self.assertEqual([heard_ns + 5 * NS], self.renewals(todo))

    def test_nothing_is_renewed_before_the_agent_was_heard(self):
        self.bring_to_running()

        todo = self.tell(messages.Beat("r", self.now, 5.0))

        self.assertEqual([], self.renewals(todo))

    def test_a_clock_of_the_controller_that_stood_still_changes_nothing(self):
        self.bring_to_running()
        for sent_ns in (1, 1 + NS // 2, 2, 3):  # it was paused, twice
            self.now += NS // 2
            todo = self.tell(messages.Beat("r", sent_ns, 5.0, self.now))
            self.assertEqual([self.now + 5 * NS], self.renewals(todo))

    def test_a_beat_of_another_run_renews_nothing(self):
        self.bring_to_running()

        todo = self.tell(messages.Beat("other", self.now, 5.0, self.now))

        self.assertEqual([], self.told(todo, messages.LoadRenew))

    def test_a_lease_is_taken_once_and_in_order(self):
        self.bring_to_running()
        again = self.tell(messages.Grant("r", 1, (1, 1, 100), 10))
        skipped = self.tell(messages.Grant("r", 3, (201, 1, 100), 10))
        following = self.tell(messages.Grant("r", 2, (101, 1, 100), 10))

        self.assertEqual([[], []], [again, skipped])
        self.assertEqual(1, len(self.told(following, messages.Grant)))

    def test_a_controller_that_is_silent_may_come_back(self):
        self.bring_to_running()
        said = []
        for _ in range(5):
            self.now += SILENCE_NS
            said += self.agent.expire(self.now)

        self.assertEqual([], self.told(said, messages.Stop))
        self.assertIs(LoadState.RUNNING, self.agent.state)
        problems = [c for c in said if isinstance(c, commands.Say)]
        self.assertEqual(1, len(problems), problems)

        todo = self.tell(messages.Beat("r", self.now, 5.0, self.now))
        self.assertEqual(1, len(self.told(todo, messages.LoadRenew)))

    def test_without_a_run_nobody_is_missed(self):
        said = []
        for _ in range(5):
            self.now += SILENCE_NS
            said += self.agent.expire(self.now)

        self.assertEqual([], [c for c in said if isinstance(c, commands.Say)])
        self.assertLess(self.now, self.agent.next_deadline())

    def test_without_its_controller_it_ends_and_keeps_the_spool(self):
        self.bring_to_running()
        self.now += GIVE_UP_NS

        todo = self.agent.expire(self.now)

        self.assertEqual(1, len(self.told(todo, messages.Stop)))
        self.assertIs(LoadState.STOPPING, self.agent.state)
        ended = self.tell(messages.LoadEnded((), 2, 5))
        self.assertEqual(
            [], [c for c in ended if isinstance(c, commands.DiscardSpool)]
        )

    def test_another_controller_means_that_its_own_is_gone(self):
        self.bring_to_running()
        late = self.tell(messages.Welcome("6.0.0", "other"))
        self.assertEqual([], self.told(late, messages.Stop))

        todo = self.tell(
            messages.Welcome("6.0.0", "other"), after_s=SILENCE_NS / NS
        )

        self.assertEqual(1, len(self.told(todo, messages.Stop)))
        self.tell(messages.LoadEnded((), 2, 5))
        self.tell(messages.Beat("other", self.now))
        self.assertIs(LoadState.DIALING, self.agent.state)
        self.assertEqual(("r",), self.agent.hello().spooled)
        self.tell(messages.Welcome("6.0.0", "other"))
        self.tell(msgspec.structs.replace(PREPARE, run="other"))
        self.assertIs(LoadState.PREPARING, self.agent.state)
        self.assertEqual("other", self.agent.run)

    def test_the_death_of_its_load_process_is_reported_with_its_cause(self):
        self.bring_to_running()
        self.tell(messages.LoadSpooled(4))

        todo = self.tell(notices.LoadGone("killed by SIGSEGV"))

        (end,) = self.sent(todo, messages.Ended)
        self.assertEqual(
            (True, 5, "killed by SIGSEGV"),
            (end.abandoned, end.spooled, end.reason),
        )

    def look(self, looks):
        """Look so often, each second; what its load process is killed for.
        """
        killed = []
        for _ in range(looks):
            self.now += load_watch.LOOK_NS
            killed += [
                each.reason for each in self.agent.expire(self.now)
                if isinstance(each, commands.KillLoad)
            ]
        return killed

    def test_a_load_process_that_says_nothing_is_killed_once(self):
        self.bring_to_running()
        self.assertEqual([], self.look(load_watch.LOOKS - 1))
        self.tell(messages.LoadStatus(5, 95))
        self.assertEqual([], self.look(load_watch.LOOKS - 1))

        (reason,) = self.look(2 * load_watch.LOOKS)

        self.assertIn("hung", reason)
        (end,) = self.sent(
            self.tell(notices.LoadGone(reason)), messages.Ended
        )
        self.assertEqual((True, reason), (end.abandoned, end.reason))

    def test_so_is_one_that_does_not_stop(self):
        self.bring_to_running()
        self.assertEqual([], self.look(load_watch.LOOKS - 1))

        self.tell(messages.Stop("r", "an abort"))

        self.assertEqual([], self.look(load_watch.LOOKS - 1))
        self.assertEqual(1, len(self.look(1)))

    def test_a_pause_of_the_whole_host_is_no_silence(self):
        self.bring_to_running()

        for _ in range(10):
            self.now += 600 * NS
            self.assertEqual([], self.look(1))

    def test_nothing_is_expected_before_the_load_and_after_it(self):
        self.tell(messages.Welcome("6.0.0", "r"))
        self.tell(PREPARE)
        self.assertEqual([], self.look(2 * load_watch.LOOKS))
        self.tell(messages.LoadReady())
        self.assertEqual([], self.look(2 * load_watch.LOOKS))
        self.tell(messages.Start("r", self.now + NS))
        self.tell(messages.LoadEnded((), 0, 1))
        self.assertEqual([], self.look(2 * load_watch.LOOKS))

    def test_a_run_it_does_not_know_is_answered_with_what_is_spooled(self):
        agent = agent_module.Agent("i", "6", "h", 2, self.now, {"old": 7})
        self.agent = agent
        self.tell(messages.Welcome("6", "old"))

        todo = self.tell(messages.Stop("old", "why"))

        (end,) = self.sent(todo, messages.Ended)
        self.assertEqual(("old", 7, True),
                         (end.run, end.spooled, end.abandoned))
        self.assertEqual(("old",), agent.hello().spooled)

    def test_a_refused_preparation_leaves_it_ready_for_another(self):
        self.tell(messages.Welcome("6.0.0", "r"))
        self.tell(PREPARE)

        todo = self.tell(messages.LoadRefused("no such scenario"))

        (refused,) = self.sent(todo, messages.Refused)
        self.assertEqual("no such scenario", refused.reason)
        self.assertIs(LoadState.JOINED, self.agent.state)

    def refuse_after(self, message):
        self.tell(messages.Welcome("6.0.0", "r"))
        self.tell(PREPARE)
        self.tell(message)
        return self.tell(messages.LoadRefused("no such scenario"))

    def test_a_refusal_after_a_stop_leaves_it_ready_for_another(self):
        todo = self.refuse_after(messages.Stop("r", "agent a cannot run it"))
        self.assertEqual(1, len(self.sent(todo, messages.Refused)))
        self.assertIn(commands.EndLoad(), todo)
        self.assertIs(LoadState.JOINED, self.agent.state)

        self.tell(msgspec.structs.replace(PREPARE, run="next"))

        self.assertIs(LoadState.PREPARING, self.agent.state)
        self.assertEqual("next", self.agent.run)

    def test_asked_to_end_it_ends_with_a_refusal(self):
        self.refuse_after(notices.ShutdownAsked())
        self.assertTrue(self.agent.finished)

    def test_an_end_that_was_not_confirmed_is_said_with_every_beat(self):
        self.bring_to_running()
        self.tell(messages.LoadEnded((), 0, 1))

        todo = self.tell(messages.Beat("r", self.now, 5.0), after_s=1)

        self.assertEqual(1, len(self.sent(todo, messages.Ended)))

    def test_it_says_hello_until_somebody_answers(self):
        for _ in range(3):
            self.now = max(self.now, self.agent.next_deadline())
            todo = self.agent.expire(self.now)
            self.assertEqual(1, len(self.sent(todo, messages.Hello)))

    def test_an_idle_agent_ends_at_once_a_busy_one_drains_first(self):
        self.bring_to_running()
        todo = self.tell(notices.ShutdownAsked())
        self.assertEqual(1, len(self.told(todo, messages.Stop)))
        self.assertFalse(self.agent.finished)
        self.tell(messages.LoadEnded((), 0, 1))
        self.tell(messages.Done("r"))
        self.assertTrue(self.agent.finished)

        idle = agent_module.Agent("i", "6.0.0", "host", 2, self.now)
        idle.handle(notices.ShutdownAsked(), self.now)
        self.assertTrue(idle.finished)

    def test_it_closes_only_with_the_last_lease(self):
        self.bring_to_running()

        early = self.tell(messages.Close("r", 2))
        self.tell(messages.Grant("r", 2, (101, 1, 100), 10))
        in_time = self.tell(messages.Close("r", 2))

        self.assertEqual([], early)
        self.assertEqual(1, len(self.told(in_time, messages.Close)))

    def test_asked_to_end_it_takes_no_new_lease(self):
        self.bring_to_running()
        self.tell(notices.ShutdownAsked())

        self.assertEqual(
            [], self.tell(messages.Grant("r", 2, (101, 1, 100), 10))
        )

    def test_asked_to_end_when_all_is_dealt_out_it_does_what_it_has(self):
        self.bring_to_running()
        self.tell(messages.Close("r", 1))

        todo = self.tell(notices.ShutdownAsked())
        self.assertEqual([], self.told(todo, messages.Stop))

        self.now += shutdown.CLOSING_NS
        retry = self.agent.expire(self.now)
        self.assertEqual(1, len(self.told(retry, messages.Stop)))

    def test_without_a_controller_it_waits_only_if_it_keeps_chunks(self):
        for chunks, is_finished in ((0, True), (1, False)):
            self.agent = agent_module.Agent("i", "6", "host", 2, self.now)
            self.bring_to_running()
            for sequence in range(chunks + 1):
                self.tell(messages.LoadSpooled(sequence))
            self.tell(messages.Ack("r", 0))
            self.tell(notices.ShutdownAsked())
            self.tell(messages.LoadEnded((), chunks + 1, 1))
            self.agent.expire(self.now)
            self.assertFalse(self.agent.finished)

            self.now += 3 * NS  # nobody is heard
            self.agent.expire(self.now)

            self.assertEqual(is_finished, self.agent.finished)

    def test_with_a_controller_it_waits_until_that_knows_of_the_end(self):
        self.bring_to_running()
        self.tell(messages.LoadEnded((), 0, 1))
        self.tell(notices.ShutdownAsked())
        self.agent.expire(self.now)
        self.assertFalse(self.agent.finished)

        self.tell(messages.Done("r"))

        self.assertTrue(self.agent.finished)

    def test_a_lease_its_load_did_not_take_is_not_counted(self):
        self.bring_to_running()
        self.tell(messages.Grant("r", 2, (101, 1, 100), 10))

        todo = self.tell(messages.LoadEnded((), 0, 1, lease=1))

        (end,) = self.sent(todo, messages.Ended)
        self.assertEqual(1, end.lease)

    def test_it_tells_the_load_that_others_have_begun(self):
        self.tell(messages.Welcome("6.0.0", "r"))
        self.tell(PREPARE)
        self.tell(messages.LoadReady())

        todo = self.tell(messages.Start("r", 7, is_takeover=True))

        self.assertEqual(
            [messages.LoadStart(7, True)],
            self.told(todo, messages.LoadStart),
        )

    def test_a_refusal_by_the_controller_is_said_once(self):
        first = self.tell(messages.Rejected("another version"))
        second = self.tell(messages.Rejected("another version"))

        self.assertEqual((1, []), (len(first), second))


class PatienceTestCase(Base):
    """An agent that somebody started for a task ends when nobody needs it."""

    PATIENCE_S = 40.0

    def setUp(self):
        super().setUp()
        self.agent = agent_module.Agent(
            "i", "6.0.0", "host", 2, self.now, labels={"rack": "7"},
            give_up_after_s=self.PATIENCE_S,
        )

    def expire(self, after_s):
        self.now += int(after_s * NS)
        return self.agent.expire(self.now)

    def test_it_says_which_labels_it_gives_itself(self):
        [hello] = self.sent(self.expire(0), messages.Hello)
        self.assertEqual({"rack": "7"}, hello.labels)

    def test_it_ends_once_nobody_has_answered_for_so_long(self):
        self.expire(self.PATIENCE_S - 1)
        self.assertFalse(self.agent.finished)
        self.tell(messages.Welcome("6.0.0", ""))
        self.expire(self.PATIENCE_S - 1)
        self.assertFalse(self.agent.finished)
        self.assertLessEqual(self.agent.next_deadline(), self.now + NS)
        self.expire(1)
        self.assertTrue(self.agent.finished)

    def test_the_load_of_a_run_ends_first_and_its_spool_stays(self):
        self.bring_to_running()
        todo = self.expire(self.PATIENCE_S)
        self.assertEqual(1, len(self.told(todo, messages.Stop)))
        self.assertFalse(self.agent.finished)
        # it is not looked at again and again until then
        self.assertGreater(self.agent.next_deadline(), self.now)
        for _ in range(5):
            todo += self.expire(shutdown.LONGEST_NS / NS / 4)
        self.assertTrue(self.agent.finished)
        self.assertEqual(
            [], [c for c in todo if isinstance(c, commands.DiscardSpool)]
        )

    def test_whoever_is_ending_anyway_is_not_held_up(self):
        self.bring_to_running()
        self.tell(notices.ShutdownAsked(), self.PATIENCE_S - 1)
        self.expire(1)
        self.assertGreater(self.agent.next_deadline(), self.now)

    def test_others_wait_for_ever(self):
        self.agent = agent_module.Agent("i", "6.0.0", "host", 2, self.now)
        self.expire(10 ** 6)
        self.assertFalse(self.agent.finished)
