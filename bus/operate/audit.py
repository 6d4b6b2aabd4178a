"""The topic `audit`: what operators did, who did it and when. Never anything of a payload."""

import os
import pwd
from collections.abc import Iterator

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log, NewRecord, Record
from bus.log.topics import topic
from schemas.codec import decode_trusted, encode
from schemas.models import Audited
from schemas.registry import newest, of_bytes

AUDIT = topic("audit")


class ForeignAuditError(TocsinError):
    """A record of `audit` is none that this version knows."""


def operator() -> str:
    """Who runs this process, as the operating system names them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def audit_record(act: Audited) -> NewRecord:
    """One act, keyed by the agency that it concerns."""
    return NewRecord(AUDIT, (act.agency or "").encode(), encode(newest("audit"), act.model_dump()))


def audited(log: Log) -> Iterator[tuple[Record, Audited]]:
    """All acts, oldest first, each with its record."""
    for record in log.read(AUDIT):
        schema = of_bytes(record.value)
        if isinstance(schema, Refusal) or schema.kind != "audit":
            raise ForeignAuditError(
                f"{AUDIT} holds something else than an operator's act at offset {record.offset}",
                "Run the version of Tocsin that wrote it, or a newer one.",
            )
        yield record, Audited.model_validate(decode_trusted(schema, record.value))
