"""What ingest writes about a submission: its receipt, and where it was refused the original's bytes with the reason."""

import hashlib
from collections.abc import Iterator
from typing import Any

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log, NewRecord, Record
from bus.log.topics import topic
from schemas.codec import decode_trusted, encode
from schemas.registry import newest, of_bytes


class ForeignReceiptError(TocsinError):
    """A receipt of an agency is none that this version writes or knows."""


def read_receipts(log: Log, agency: str, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each receipt from `start` on as its fields, with its offset."""
    name = topic("receipts", agency)
    for record in log.read(name, start):
        schema = of_bytes(record.value)
        if isinstance(schema, Refusal) or schema.kind != "receipt":
            raise ForeignReceiptError(
                f"{name} holds something else than a receipt at offset {record.offset}",
                "Run the version of Tocsin that wrote it, or a newer one.",
            )
        yield record.offset, decode_trusted(schema, record.value)


def receipt_record(agency: str, receipt: dict[str, Any], data: bytes) -> NewRecord:
    """One receipt, keyed by the record, or by the submission's bytes where they could not be read so far."""
    if receipt["id"] is None:
        key = f"raw/{hashlib.sha256(data).hexdigest()}"
    else:
        key = f"{receipt['kind']}/{receipt['feed']}/{receipt['id']}"
    return NewRecord(topic("receipts", agency), key.encode(), encode(newest("receipt"), receipt))


def rejected_record(agency: str, submission: Record, refusal: Refusal) -> NewRecord:
    """The refused bytes unchanged; the headers say why, where, what was expected and how to mend it, no content."""
    headers = {
        "reason": refusal.reason.value,
        "place": refusal.place,
        "expected": refusal.expected,
        "remedy": refusal.remedy,
        "offset": str(submission.offset),
        "appended_at": str(submission.append_time_ms),
    }
    encoded = tuple([(name, value.encode()) for name, value in headers.items()])
    return NewRecord(topic("rejected", agency), b"", submission.value, encoded)
