"""What ingest writes about a submission: its receipt, and where it was refused the original's bytes with the reason."""

import hashlib
from typing import Any

from bus.errors import Refusal
from bus.log.protocol import NewRecord, Record
from bus.log.topics import topic
from schemas.codec import encode
from schemas.registry import newest


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
