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


"""Where agents come from, if a task has them started for itself.

A provider is a plugin that starts processes on machines which somebody else
schedules, and ends them. It knows nothing of load: what it starts is ``rally
agent start``, which enrols with the join token of the order and is an agent
like any other.
"""

from __future__ import annotations

import abc
import dataclasses
import pathlib
import typing as t

from rally.common import validation
from rally.common.plugin import plugin

configure = plugin.configure


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What a provider is to start, the same for each of its agents."""

    task: str  # uuid; for names that people see in queues
    #: on the controller's host, for this user alone. What a provider writes
    #: here before it starts something is there for whoever cleans up after a
    #: controller that was killed. It goes when nothing is left to end.
    folder: pathlib.Path
    controller: str  # address that agents dial
    #: text of a file for ``rally agent start --join``: a secret, which must
    #: not appear on a command line or in a log
    join: str = dataclasses.field(repr=False)
    #: an agent that no controller has answered for so long ends, seconds
    give_up_after_s: float
    #: of control, aggregates, results; for agents on the controller's host
    endpoints: tuple[str, ...] = ()
    #: the text of a key file for an agent of that name, instead of ``join``
    authorize: t.Callable[[str], str] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Pending:
    """Not all of them run yet; a phrase for people why."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """One could not be started, or has ended before it was told to."""

    agent: str  # its name, or where it was to run
    reason: str  # a phrase
    tail: str = ""  # the end of what it printed


def count_schema(description: str, **more: int) -> dict[str, t.Any]:
    """The key ``count`` of a provider's configuration."""
    return {
        "type": "integer", "minimum": 1, "description": description, **more,
    }


Tell: t.TypeAlias = t.Callable[[Pending | Failed], None]


@validation.add_default("jsonschema")
@plugin.base()
class AgentProvider(
    plugin.Plugin, validation.ValidatablePluginMixin, metaclass=abc.ABCMeta
):
    """Starts agents for the time of a task, once, and ends them.

    Everything that ``end`` needs is in ``order.folder``, so that an object
    made in another process with the same configuration can end what this one
    has started.
    """

    CONFIG_SCHEMA: t.Any = {"type": "object"}
    #: whether agents may be left if the controller is killed; if not, they
    #: dial it on its own host, and their spools are in ``order.folder``
    OUTLIVES_CONTROLLER: t.ClassVar[bool] = True

    def __init__(self, config: t.Any, order: Order, tell: Tell) -> None:
        """:param tell: may be called from any thread"""
        self.config = config
        self.order = order
        self.tell = tell

    @classmethod
    def count(cls, config: t.Any) -> int:
        """How many agents such a configuration is for: its ``count``, unless
        that follows from something else."""
        return int(config["count"])

    @classmethod
    def installs(cls, config: t.Any) -> bool:
        """Whether agents have what the controller has, and nothing else:
        plugin files of the user are sent to them with each run."""
        return False

    @abc.abstractmethod
    def start(self) -> None:
        """Begin to start all of them; does not wait until they run.

        Called before each workload that wants them: those that run are left
        alone.

        :raises RallyException: none of them can be started
        """

    def resume(self) -> None:
        """As ``start``, once a recovery wants what they keep: of those alone
        of which something is left."""
        self.start()

    @abc.abstractmethod
    def end(self, until_s: float) -> list[str]:
        """End them and remove what they left; may be called again.

        :param until_s: when to be done, on the monotonic clock
        :returns: sentences about what could not be ended or removed
        """

    def discard(self, until_s: float) -> list[str]:
        """As ``end``; results that nobody fetched are removed, too."""
        return self.end(until_s)

    def tail(self, agent: str) -> str:
        """The end of what this one printed; empty if that is unknown."""
        return ""

    def names(self) -> list[str]:
        """Names that agents will have, as far as they are known before."""
        return []

    def has(self, agent: str, instance: str) -> bool:
        """Whether a process that said hello is, for all that is known here,
        still the one of that name."""
        return True

    def retire(self, agents: t.Collection[str]) -> None:
        """These may still hold a run that is over. ``start`` comes before
        the next one: a provider that can replace them at once ends them."""
