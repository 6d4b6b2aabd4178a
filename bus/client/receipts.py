"""An agency's receipts: what became of each of its submissions."""

from collections.abc import Iterator

from bus.log.protocol import Log
from bus.stages import receipts
from schemas.models import Receipt


def read_receipts(log: Log, agency: str, start: int = 0) -> Iterator[tuple[int, Receipt]]:
    """Each receipt from `start` on, with its offset."""
    for offset, receipt in receipts.read_receipts(log, agency, start):
        yield offset, Receipt.model_validate(receipt)
