"""The rows of the quarantine: why each was refused, and what an operator has done about it since.

The bytes are never decoded here, for nobody vouches for them: only the frame, which holds no content, is read.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from bus.errors import Refusal
from bus.log.protocol import Log, Record
from bus.log.topics import topic
from bus.operate.audit import audited
from bus.trust import frame
from schemas.models import Audited, AuditedAct

_DIGITS: Final = 18
"""More than any offset has."""
_Acts: TypeAlias = Mapping[str, list[Audited]]
"""What was done about these bytes of one agency, by their digest, oldest first."""


class State(StrEnum):
    """What became of a row."""

    OPEN = "OPEN"
    """Nothing was done about it."""
    STUCK = "STUCK"
    """Its bytes were sent again before, and were refused for the same reason once more."""
    RETRIED = "RETRIED"
    """Its bytes were sent again; if they were refused again, that is a row of its own."""
    DROPPED = "DROPPED"
    """An operator said that nothing is to be done about it."""


WAITING: Final = frozenset({State.OPEN, State.STUCK})
"""What somebody still has to see to."""


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
    state: State
    size_bytes: int
    sha256: str
    payload_type: str | None
    key_ids: tuple[str, ...]

    @property
    def offset(self) -> int:
        """Its place in `rejected.<agency>`."""
        return int(self.id.partition("/")[2])

    @property
    def waits(self) -> bool:
        """Whether somebody still has to see to it."""
        return self.state in WAITING


def rejected(log: Log, agencies: Iterable[str]) -> Iterator[Rejected]:
    """What was refused of these agencies, oldest first for each."""
    wanted = tuple(agencies)
    acts = _acts(log, frozenset(wanted))
    for agency in wanted:
        for row, _ in _rows(log, agency, acts[agency]):
            yield row


def with_bytes(log: Log, agency: str) -> Iterator[tuple[Rejected, bytes]]:
    """What was refused of one agency, oldest first, with the bytes."""
    yield from _rows(log, agency, _acts(log, frozenset({agency}))[agency])


def find(log: Log, agencies: Iterable[str], rejected_id: str) -> tuple[Rejected, bytes] | None:
    """One of them with its bytes, or None."""
    agency, _, number = rejected_id.partition("/")
    if agency not in set(agencies) or not number.isascii() or not number.isdigit() or len(number) > _DIGITS:
        return None
    return next((found for found in with_bytes(log, agency) if found[0].offset == int(number)), None)


def _acts(log: Log, agencies: frozenset[str]) -> dict[str, dict[str, list[Audited]]]:
    found: dict[str, dict[str, list[Audited]]] = {agency: {} for agency in agencies}
    for _, act in audited(log):
        if act.agency in agencies and act.sha256 is not None and act.up_to_offset is not None:
            found[act.agency].setdefault(act.sha256, []).append(act)
    return found


def _rows(log: Log, agency: str, acts: _Acts) -> Iterator[tuple[Rejected, bytes]]:
    tried: dict[str, set[str]] = {}
    for record in log.read(topic("rejected", agency)):
        row = _row(agency, record)
        if row.sha256 in acts:
            refused_for = tried.setdefault(row.sha256, set())
            row = replace(row, state=_state(row, acts[row.sha256], refused_for))
            if any(act.act is AuditedAct.RETRY and _covers(act, row) for act in acts[row.sha256]):
                refused_for.add(row.reason)
        yield row, record.value


def _state(row: Rejected, acts: list[Audited], refused_for: set[str]) -> State:
    """By the last act that covers the row; `refused_for`: why these bytes had been refused whenever they were sent."""
    last = next((act.act for act in reversed(acts) if _covers(act, row)), None)
    if last is None:
        return State.STUCK if row.reason in refused_for else State.OPEN
    return State.DROPPED if last is AuditedAct.DROP else State.RETRIED


def _covers(act: Audited, row: Rejected) -> bool:
    return act.up_to_offset is not None and row.offset <= act.up_to_offset


def _row(agency: str, record: Record) -> Rejected:
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
        state=State.OPEN,
        size_bytes=len(record.value),
        sha256=hashlib.sha256(record.value).hexdigest(),
        payload_type=named,
        key_ids=key_ids,
    )
