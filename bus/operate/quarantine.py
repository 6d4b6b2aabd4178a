"""What ingest refused, as it was received: why, where, what was expected, and how to mend it.

The bytes are never decoded here, for nobody vouches for them: only the frame, which holds no content, is read.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bus.errors import Refusal
from bus.log.protocol import Log, Record
from bus.log.topics import topic
from bus.trust import frame


@dataclass(frozen=True, slots=True)
class Rejected:
    """One refused submission. `id` is `agency/number`, the number that of its place in `rejected.<agency>`."""

    id: str
    agency: str
    at: int
    reason: str
    place: str
    expected: str
    remedy: str
    size_bytes: int
    sha256: str
    payload_type: str | None
    key_ids: tuple[str, ...]


def rejected(log: Log, agencies: Iterable[str]) -> Iterator[Rejected]:
    """What was refused of these agencies, oldest first for each."""
    for agency in agencies:
        for record in log.read(topic("rejected", agency)):
            yield _rejected(agency, record)


def find(log: Log, agencies: Iterable[str], rejected_id: str) -> tuple[Rejected, bytes] | None:
    """One of them with its bytes, or None."""
    agency, _, number = rejected_id.partition("/")
    if agency not in set(agencies) or not number.isascii() or not number.isdigit() or len(number) > 18:  # noqa: PLR2004
        return None
    record = next(log.read(topic("rejected", agency), int(number), int(number) + 1), None)
    return None if record is None else (_rejected(agency, record), record.value)


def _rejected(agency: str, record: Record) -> Rejected:
    said = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    envelope = frame.parse(record.value)
    named: str | None = None
    key_ids: tuple[str, ...] = ()
    if not isinstance(envelope, Refusal):
        named, key_ids = envelope.payload_type, tuple(one.key_id for one in envelope.signatures)
    return Rejected(
        id=f"{agency}/{record.offset}",
        agency=agency,
        at=record.append_time_ms,
        reason=said.get("reason", ""),
        place=said.get("place", ""),
        expected=said.get("expected", ""),
        remedy=said.get("remedy", ""),
        size_bytes=len(record.value),
        sha256=hashlib.sha256(record.value).hexdigest(),
        payload_type=named,
        key_ids=key_ids,
    )
