"""The authority's records on their way: submitted, judged by ingest, and found in `control`."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from bus.config import Settings
from bus.errors import Reason, Refusal, refuse
from bus.log.faults import Fenced, Owned
from bus.log.protocol import Log, NewRecord
from bus.log.topics import topic
from bus.names import AUTHORITY
from bus.operate.admission import AGAIN
from bus.operate.faults import NoAnswerError
from bus.stages.authority import serve_authority
from bus.stages.control import CONTROL
from bus.stages.receipts import read_receipts
from bus.trust import frame
from schemas.models import Receipt, Verdict

WAIT_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.05
_SUBMISSIONS: Final = topic("submissions", AUTHORITY)
_RECEIPTS: Final = topic("receipts", AUTHORITY)


def receipts(log: Log, start: int = 0) -> Iterator[Receipt]:
    """The authority's receipts."""
    for _, receipt in read_receipts(log, AUTHORITY, start):
        yield Receipt.model_validate(receipt)


def last_sequence(log: Log) -> int:
    """The last number that ingest has seen on a record of the authority."""
    return max((receipt.sequence or 0 for receipt in receipts(log)), default=0)


def submit(
    log: Log, envelopes: Sequence[frame.Envelope], pin: bytes, settings: Settings, clock_ms: Callable[[], int]
) -> Refusal | None:
    """Append the authority's records, and return when each is judged: the first refusal, or None."""
    start = log.end(_RECEIPTS)
    if envelopes:
        records = [NewRecord(_SUBMISSIONS, CONTROL.encode(), envelope.encode()) for envelope in envelopes]
        log.append(_SUBMISSIONS, records)
    wanted = [envelope.digest.hex() for envelope in envelopes]
    until = time.monotonic() + WAIT_S
    while True:
        served = _served(log, pin, settings, clock_ms)
        verdicts = {receipt.digest: receipt for receipt in receipts(log, start)}
        if served or verdicts.keys() >= set(wanted):
            break
        if time.monotonic() > until:
            raise _no_answer()
        time.sleep(_LOOK_AGAIN_S)
    return next((why for digest in wanted if (why := _refusal(verdicts.get(digest))) is not None), None)


def _served(log: Log, pin: bytes, settings: Settings, clock_ms: Callable[[], int]) -> bool:
    """Judge all that is submitted, here; False where a bus runs, which does so itself."""
    try:
        serve_authority(log, pin=pin, settings=settings, clock_ms=clock_ms)
    except (Owned, Fenced):
        return False
    return True


def _refusal(receipt: Receipt | None) -> Refusal | None:
    if receipt is None:
        raise _no_answer()
    if receipt.verdict is not Verdict.REJECTED:
        return None
    refusal = refuse(Reason(receipt.reason or ""), receipt.place or "", receipt.expected or "")
    # The desk makes the roster anew from the operator's words: those are what can be corrected.
    return replace(refusal, remedy=AGAIN) if refusal.reason is Reason.BAD_FIELD else refusal


def _no_answer() -> NoAnswerError:
    return NoAnswerError(
        "the bus that runs has not judged the authority's record yet",
        "Look at `tocsin status`. The record keeps its place in the queue: see `tocsin agency ls` before trying again.",
    )
