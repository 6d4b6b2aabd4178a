"""An agency's receipts: what became of each of its submissions."""

from collections.abc import Iterator

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log
from bus.log.topics import topic
from schemas.codec import decode_trusted
from schemas.models import Receipt
from schemas.registry import of_bytes


class ForeignRecordError(TocsinError):
    """A record of the log is none that this version writes or knows."""


def read_receipts(log: Log, agency: str, start: int = 0) -> Iterator[tuple[int, Receipt]]:
    """Each receipt from `start` on, with its offset."""
    name = topic("receipts", agency)
    for record in log.read(name, start):
        if not record.value:
            continue  # a tombstone
        schema = of_bytes(record.value)
        if isinstance(schema, Refusal) or schema.kind != "receipt":
            raise ForeignRecordError(
                f"{name} holds something else than a receipt at offset {record.offset}",
                "Update Tocsin to the version that runs the bus.",
            )
        yield record.offset, Receipt.model_validate(decode_trusted(schema, record.value))
