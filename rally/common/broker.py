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

"""Sharing out work that is produced while it is consumed."""

from __future__ import annotations

import collections
import contextlib
import contextvars
import dataclasses
import threading
import typing as t

from rally.common import logging

LOG = logging.getLogger(__name__)

Queue: t.TypeAlias = "collections.deque[t.Any]"


@dataclasses.dataclass(frozen=True)
class Loss:
    """An error that kept items from being consumed.

    :param is_of_item: one item was not consumed; else those that were still
        to be published are not even known
    """

    error: Exception
    is_of_item: bool


_LOSSES: contextvars.ContextVar[list[Loss] | None] = (
    contextvars.ContextVar("losses", default=None)
)


@contextlib.contextmanager
def noting_losses() -> t.Iterator[list[Loss]]:
    """Note the errors of each ``run`` that is called within, also by threads
    of such a ``run``; they are logged all the same.
    """
    noted: list[Loss] = []
    token = _LOSSES.set(noted)
    try:
        yield noted
    finally:
        _LOSSES.reset(token)


def run(
    publish: t.Callable[[Queue], t.Any],
    consume: t.Callable[[dict[str, t.Any], t.Any], t.Any],
    consumers_count: int = 1,
) -> None:
    """Publish items in one thread, consume them in others; wait for all.

    Errors are logged: a failed item does not end the rest.

    :param publish: called once, appends items to the deque it gets
    :param consume: called with a dict that its thread keeps, and an item
    :param consumers_count: number of consuming threads
    """
    feed = _Feed()
    threads = [
        threading.Thread(
            target=contextvars.copy_context().run,
            args=(_consume_all, feed, consume),
        )
        for _ in range(consumers_count)
    ]
    for thread in threads:
        thread.start()
    try:
        publish(feed)
    except Exception as e:  # whatever the plugin's publisher raises
        _log(Loss(e, False), "Failed to publish items of work")
    finally:
        feed.close()
    for thread in threads:
        thread.join()


class _Feed(collections.deque[t.Any]):
    """A deque whose consumers block until there is an item, or no more."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._is_closed = False

    def append(self, item: t.Any) -> None:
        with self._changed:
            super().append(item)
            self._changed.notify()

    def extend(self, items: t.Iterable[t.Any]) -> None:
        for item in items:
            self.append(item)

    def close(self) -> None:
        """Say that nothing more comes."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self) -> tuple[t.Any, ...]:
        """The next item in a tuple; an empty one: there is no more."""
        with self._changed:
            self._changed.wait_for(lambda: self or self._is_closed)
            return (self.popleft(),) if self else ()


def _consume_all(
    feed: _Feed, consume: t.Callable[[dict[str, t.Any], t.Any], t.Any]
) -> None:
    cache: dict[str, t.Any] = {}
    while taken := feed.take():
        try:
            consume(cache, taken[0])
        except Exception as e:  # whatever the plugin's consumer raises
            _log(Loss(e, True), "Failed to consume an item of work")


def _log(loss: Loss, what: str) -> None:
    losses = _LOSSES.get()
    if losses is not None:
        losses.append(loss)
    LOG.warning(
        "%s: %s: %s",
        what,
        type(loss.error).__name__,
        loss.error,
        exc_info=logging.is_debug(),
    )
