"""Making topics in the file, as the topic table has them."""

from collections.abc import Iterable

import apsw

from bus.log.faults import TopicError
from bus.log.sqlite.file import LogFile, row
from bus.log.topics import TOPIC, TopicSpec


def create(file: LogFile, specs: Iterable[TopicSpec]) -> None:
    """Make these topics where they are missing; a changed retention takes effect."""
    checked = [_checked(spec) for spec in specs]
    with file.write() as connection:
        for spec in checked:
            _create(connection, spec)


def _checked(spec: TopicSpec) -> TopicSpec:
    if TOPIC.fullmatch(spec.name) is None:
        raise TopicError(f"{spec.name!r} is no topic's name", "Name one agency, as `agency_topics` does.")
    return spec


def _create(connection: apsw.Connection, spec: TopicSpec) -> None:
    known = row(connection, "SELECT compacted FROM topics WHERE name = ?", (spec.name,))
    if known is None:
        connection.execute(
            "INSERT INTO topics VALUES ((SELECT coalesce(max(number), 0) + 1 FROM topics), ?, ?, ?, ?, 0, 0, 0, 0)",
            (spec.name, spec.compacted, spec.followed, spec.retention_ms),
        )
    elif bool(known[0]) is not spec.compacted:
        raise TopicError(f"{spec.name} can't change between compacted and not", "Give the new topic a new name.")
    else:
        connection.execute(
            "UPDATE topics SET retention_ms = ?, followed = ? WHERE name = ?",
            (spec.retention_ms, spec.followed, spec.name),
        )
