"""The log at a glance, for `tocsin status`."""

from bus.log.protocol import LogState, OwnerState, TopicState
from bus.log.sqlite.file import LogFile
from bus.log.sqlite.owners import Owners
from bus.log.sqlite.tables import OFFSETS, SHIFT

_TOPICS = "SELECT number, name, next, last_ms, retention_ms, compacted FROM topics ORDER BY name"
_FIRST = "SELECT min(id) FROM records WHERE id >= ? AND id <= ?"
_CURSORS = "SELECT name, position FROM cursors JOIN topics ON topic = number WHERE owner = ? ORDER BY name"


def describe(file: LogFile, owners: Owners) -> LogState:
    """Read the state of all topics and owners."""
    return LogState("sqlite", file.size_bytes(), _topics(file), _owners(file, owners), file.trouble)


def cursors(file: LogFile, owner: str) -> dict[str, int]:
    """The committed cursors of one name."""
    return dict(file.read(_CURSORS, (owner,)))


def _topics(file: LogFile) -> tuple[TopicState, ...]:
    states: list[TopicState] = []
    for number, name, following, last_ms, retention_ms, compacted in file.read(_TOPICS):
        base = number << SHIFT
        first = file.read(_FIRST, (base, base | OFFSETS))[0][0]
        start = following if first is None else first & OFFSETS
        states.append(
            TopicState(
                name,
                start,
                following,
                last_ms if following else None,
                retention_ms,
                bool(compacted),
            )
        )
    return tuple(states)


def _owners(file: LogFile, owners: Owners) -> tuple[OwnerState, ...]:
    # Under the lock of the writers: whoever asks for a sign of life would else look alive to a taker.
    with file.write():
        found = file.read("SELECT name, epoch, token, holder, note FROM owners ORDER BY name")
        alive = {token: owners.is_alive(token) for _, _, token, _, _ in found if token is not None}
    return tuple(
        OwnerState(name, holder if alive.get(token) else None, epoch, cursors(file, name), note)
        for name, epoch, token, holder, note in found
    )
