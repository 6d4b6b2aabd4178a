"""3 `events`: each record is what ingest writes, and signed by whom the roster let sign when ingest judged it.

The version that a record names is the one that ingest judged it by: it may be older than what held at the record's
position, never newer. (What an older roster let in and the newer one did not, correlate never shows: no damage.)
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final, NamedTuple

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log, Record
from bus.operate.soundness.finding import Finding, Progress, at
from bus.operate.soundness.rosters import Rosters
from bus.stages.control import CONTROL_KINDS
from bus.stages.following import read_message
from bus.trust import frame
from bus.trust.keys import verify
from bus.trust.roster import Key
from schemas.codec import PayloadType, decode_trusted, parse_payload_type
from schemas.registry import of_bytes

EVENTS: Final = "events"
VERIFIERS: Final = 2
"""Threads: the library that verifies lets others work meanwhile."""
_BATCH: Final = 1_024
_CHUNK: Final = 64


class Stands(NamedTuple):
    """One accepted record, as far as others must agree with it."""

    agency: str
    kind: str
    accepted_at: int
    first_at: int
    position: int


class _Signed(NamedTuple):
    """A record whose signature is to be verified."""

    record: Record
    envelope: frame.Envelope
    key: Key


class Events:
    """One reading of `events`. Afterwards `standing` has every accepted record by its digest."""

    def __init__(self, rosters: Rosters) -> None:
        """Judge by these rosters."""
        self._rosters = rosters
        self.standing: dict[bytes, Stands] = {}
        self.signatures = 0
        self._tick = 0
        self._in_force: int | None = None
        """How many control records stood before; None until the first one shows where the kept part begins."""

    def read(self, log: Log, start: int, end: int, progress: Progress) -> Iterator[Finding]:
        """Check all records; progress is told now and then."""
        self._in_force = 0 if start == 0 else None
        records = log.read(EVENTS, start, end)
        done = 0
        with ThreadPoolExecutor(VERIFIERS, "verify") as pool:
            while batch := list(islice(records, _BATCH)):
                judged = [self._judge(record) for record in batch]
                signed = [one for one in judged if isinstance(one, _Signed)]
                chunks = [signed[place : place + _CHUNK] for place in range(0, len(signed), _CHUNK)]
                good = (one for chunk in pool.map(_verified, chunks) for one in chunk)
                yield from (one for one in judged if isinstance(one, Finding))
                for one, is_good in zip(signed, good, strict=True):
                    if not is_good:
                        yield Finding(_at(one.record), "the signature is not one over exactly these bytes")
                self.signatures += len(signed)
                done += len(batch)
                progress("signatures of events", done, end - start)

    def _judge(self, record: Record) -> _Signed | Finding | None:
        """All but the signature itself; None for a tick, or a roster, which `control` has verified."""
        schema = of_bytes(record.value)
        if isinstance(schema, Refusal) or schema.kind not in {"tick", "accepted"}:
            return Finding(_at(record), "neither an accepted record nor a tick")
        try:
            value = decode_trusted(schema, record.value)
        except TocsinError as fault:
            return Finding(_at(record), str(fault))
        return self._judge_tick(record, value) if schema.kind == "tick" else self._judge_accepted(record, value)

    def _judge_tick(self, record: Record, value: Mapping[str, Any]) -> Finding | None:
        if value["minute"] <= self._tick:
            return Finding(_at(record), "a tick that is not later than the one before it")
        self._tick = value["minute"]
        return None

    def _judge_accepted(self, record: Record, value: Mapping[str, Any]) -> _Signed | Finding | None:
        opened = _opened(value["envelope"])
        if isinstance(opened, Refusal):
            return Finding(_at(record), f"can't be read: {opened.expected} expected at {opened.place}")
        envelope, named, agency = opened
        if record.key != envelope.digest:
            return Finding(_at(record), "the record's key is not the digest of what it holds")
        if envelope.digest in self.standing:
            return Finding(_at(record), f"stands at offset {self.standing[envelope.digest].position} already")
        stands = Stands(agency, named.kind, value["accepted_at"], value["first_at"], record.offset)
        self.standing[envelope.digest] = stands
        if not stands.first_at <= stands.accepted_at <= record.append_time_ms:
            return Finding(_at(record), "first accepted after it was accepted, or accepted after it was appended")
        if named.kind in CONTROL_KINDS:
            return self._judge_control(record, value["control_version"])
        return self._judge_key(record, envelope, named.feed, value["control_version"])

    def _judge_control(self, record: Record, version: int) -> Finding | None:
        """The record of `control` with this number is this very one, which was verified there."""
        before, self._in_force = self._in_force, version
        if before is not None and version != before + 1:
            return Finding(_at(record), f"control record {version} follows {before}")
        known = self._rosters.records
        if not 1 <= version <= len(known) or known[version - 1] != record.value:
            return Finding(_at(record), f"not the record that `control` holds as number {version}")
        return None

    def _judge_key(self, record: Record, envelope: frame.Envelope, feed: str, version: int) -> _Signed | Finding:
        newest = len(self._rosters.versions) - 1 if self._in_force is None else self._in_force
        if not 0 < version <= newest or version >= len(self._rosters.versions):
            return Finding(_at(record), f"judged by control version {version}, which did not hold yet")
        trust = self._rosters.versions[version].trust
        if len(envelope.signatures) != 1:
            return Finding(_at(record), "not exactly one signature")
        stands = self.standing[envelope.digest]
        key = trust.judge_key(envelope.signatures[0].key_id, feed, stands.accepted_at)
        if isinstance(key, Refusal):
            return Finding(_at(record), f"{key.reason} under the roster it was judged by")
        if key.agency != stands.agency:
            return Finding(_at(record), f"signed by a key of {key.agency}, not of {stands.agency}")
        return _Signed(record, envelope, key)


def _opened(data: bytes) -> tuple[frame.Envelope, PayloadType, str] | Refusal:
    """The frame, what it says that it holds, and whose record it is."""
    envelope = frame.parse(data)
    if isinstance(envelope, Refusal):
        return envelope
    named = parse_payload_type(envelope.payload_type)
    if isinstance(named, Refusal):
        return named
    message = read_message(envelope)
    return message if isinstance(message, Refusal) else (envelope, named, message.header.agency)


def _verified(signed: Iterable[_Signed]) -> list[bool]:
    return [verify(one.key.public, one.envelope.signatures[0].value, one.envelope.signed) for one in signed]


def _at(record: Record) -> str:
    return at(record.topic, record.offset)
