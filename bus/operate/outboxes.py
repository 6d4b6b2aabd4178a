"""What lies in each agency's outbox, and how long it has waited to be fetched."""

from collections.abc import Iterator
from dataclasses import dataclass

from bus.home import Home, reader_heads
from bus.log.protocol import Log, LogState
from bus.names import BUS
from bus.operate.progress import append_time, yet_to_read
from bus.stages.control import Control


@dataclass(frozen=True, slots=True)
class OutboxState:
    """One agency's. `unread`: what none of the readers that are kept in this home has fetched; None: none is kept here.

    `oldest_at`: when the oldest of these was delivered, or where nobody here fetches, the oldest of all (UTC ms).
    """

    agency: str
    kept: int
    unread: int | None
    oldest_at: int | None


def outbox_states(log: Log, state: LogState, control: Control, home: Home | None = None) -> tuple[OutboxState, ...]:
    """Every agency's of the roster that has one."""
    return tuple(_states(log, state, control, home))


def _states(log: Log, state: LogState, control: Control, home: Home | None) -> Iterator[OutboxState]:
    topics = {topic.name: topic for topic in state.topics}
    for agency in control.trust.agencies:
        outbox = topics.get(f"outbox.{agency.name}")
        if agency.name == BUS or outbox is None:
            continue
        heads = {} if home is None else reader_heads(home, agency.name)
        following = max((head.next for head in heads.values()), default=None)
        start = max(outbox.start, following or 0)
        oldest_at = append_time(log, outbox.name, start) if start < outbox.end else None
        unread = None if following is None else yet_to_read(outbox, following)
        yield OutboxState(agency.name, yet_to_read(outbox, 0), unread, oldest_at)
