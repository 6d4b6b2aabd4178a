"""The records of `events` as the fold takes them: ticks, and what authors and the authority had accepted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Record
from bus.stages.relay import Decoded
from bus.trust import frame
from schemas.codec import decode, decode_trusted, parse_payload_type, resolve
from schemas.registry import of_bytes


class ForeignRecordError(TocsinError):
    """`events` or `control` holds what no version of ingest that we know has written."""


@dataclass(frozen=True, slots=True)
class TickStep:
    """One record of the bus: time (UTC ms) acts here and nowhere else."""

    position: int
    minute: int


class AcceptedStep(NamedTuple):
    """One accepted record, decoded. `envelope` holds the author's signed bytes, which is all that is ever passed on."""

    position: int
    accepted_at: int
    first_at: int
    envelope: bytes
    parsed: frame.Envelope
    kind: str
    header: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def key_id(self) -> str:
        """Whose key signed it."""
        return self.parsed.signatures[0].key_id

    @property
    def digest(self) -> bytes:
        """What identifies the signed bytes."""
        return self.parsed.digest


Step: TypeAlias = TickStep | AcceptedStep
Archive: TypeAlias = Callable[[int], AcceptedStep]
"""Reads the accepted record at one position of `events` again."""


def read_step(record: Record, decoded: Decoded | None = None) -> Step:
    """Decode one record of `events` or `control`, if ingest has not handed over what it holds."""
    if decoded is not None:
        return AcceptedStep(record.offset, *decoded)
    schema = of_bytes(record.value)
    if isinstance(schema, Refusal):
        raise _foreign(record)
    value = decode_trusted(schema, record.value)
    if schema.kind == "tick":
        return TickStep(record.offset, value["minute"])
    if schema.kind != "accepted":
        raise _foreign(record)
    parsed = frame.parse(value["envelope"])
    if isinstance(parsed, Refusal):
        raise _foreign(record)
    named = parse_payload_type(parsed.payload_type)
    signed = named if isinstance(named, Refusal) else resolve(named)
    message = signed if isinstance(signed, Refusal) else decode(signed, parsed.payload)
    if isinstance(named, Refusal) or isinstance(message, Refusal):
        raise _foreign(record)
    accepted_at, first_at = value["accepted_at"], value["first_at"]
    return AcceptedStep(
        record.offset,
        accepted_at,
        accepted_at if first_at == accepted_at else first_at,  # most often one number: held once
        value["envelope"],
        parsed,
        named.kind,
        message["header"],
        message["body"],
    )


def _foreign(record: Record) -> ForeignRecordError:
    return ForeignRecordError(
        f"{record.topic} holds at position {record.offset} what is no accepted record and no tick",
        "Run the version of Tocsin that wrote it; if this one did, restore the home from its latest backup.",
    )
