"""How far the log had come at one moment, so that it can be checked while the bus goes on."""

from collections.abc import Mapping
from dataclasses import dataclass

from bus.log.protocol import Log, TopicState
from bus.log.topics import topic
from bus.stages.correlate.delivered import HEAD, Head
from schemas.codec import decode_own

_OUTBOX = "outbox."


@dataclass(frozen=True, slots=True)
class Moment:
    """Ends, cursors by owner and topic, and the head of each reader who was ever told something."""

    topics: Mapping[str, TopicState]
    cursors: Mapping[str, Mapping[str, int]]
    heads: Mapping[str, Head]

    def agencies(self, kind: str) -> list[str]:
        """The agencies that have a topic of this kind."""
        return sorted(name.removeprefix(f"{kind}.") for name in self.topics if name.startswith(f"{kind}."))

    def cursor(self, owner: str, name: str) -> int:
        """What this owner has read of a topic; 0 where it never took it up."""
        return self.cursors.get(owner, {}).get(name, 0)


def moment_of(log: Log) -> Moment:
    """Look at everything at once."""
    with log.frozen():
        state = log.describe()
        topics = {one.name: one for one in state.topics}
        readers = [name.removeprefix(_OUTBOX) for name in topics if name.startswith(_OUTBOX)]
        heads = {reader: head for reader in readers if (head := _head(log, topics, reader)) is not None}
    return Moment(topics, {one.name: one.cursors for one in state.owners}, heads)


def _head(log: Log, topics: Mapping[str, TopicState], reader: str) -> Head | None:
    name = topic("delivered", reader)
    if name not in topics:
        return None
    for record in log.latest(name):  # backwards: a head is written last in each commit
        if record.key == HEAD:
            return Head(**decode_own("heldhead", record.value))
    return None
