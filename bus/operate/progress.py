"""How far each shard and slot has come, as the log keeps it."""

from dataclasses import dataclass

from bus.log.protocol import Log, LogState, OwnerState, TopicState

INGEST = "ingest-"
CORRELATE = "correlate-"


@dataclass(frozen=True, slots=True)
class StageState:
    """One shard or slot. `holder`: who runs it (None: nobody). Times are append times, UTC ms.

    `lag_records`: how many it has yet to read; `waiting_since`: the oldest of them; `progress_at`: the last one read.
    """

    name: str
    holder: str | None
    lag_records: int
    waiting_since: int | None = None
    progress_at: int | None = None


def stage_states(log: Log, state: LogState) -> list[StageState]:
    """All that read something, in the order of their names."""
    topics = {topic.name: topic for topic in state.topics}
    return [_state_of(log, owner, topics) for owner in state.owners if owner.cursors]


def yet_to_read(topic: TopicState | None, cursor: int) -> int:
    """How many records of a topic stand from this offset on."""
    return 0 if topic is None else topic.end - max(cursor, topic.start)


def append_time(log: Log, topic: str, offset: int) -> int | None:
    """When the record at this offset was appended (UTC ms), if it is there."""
    return next((record.append_time_ms for record in log.read(topic, offset, offset + 1)), None)


def _state_of(log: Log, owner: OwnerState, topics: dict[str, TopicState]) -> StageState:
    lag, waiting, read = 0, [], []
    for name, cursor in owner.cursors.items():
        topic = topics.get(name)
        if topic is None:
            continue
        behind = yet_to_read(topic, cursor)
        lag += behind
        if behind:
            waiting.append(append_time(log, name, max(cursor, topic.start)))
        if cursor > topic.start:
            read.append(append_time(log, name, cursor - 1))
    return StageState(
        owner.name,
        owner.holder,
        lag,
        min((at for at in waiting if at is not None), default=None),
        max((at for at in read if at is not None), default=None),
    )
