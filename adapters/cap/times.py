"""When an event is: CAP's onset, effective and expires to an interval, whose length is the precision."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from adapters.cap.markup import Element, Pair, first, moment, pairs, texts
from adapters.cap.references import Reference
from adapters.days import iso_span
from bus.units import MINUTE_MS

ALL_CLEAR: Final = "AllClear"
EVENT_TIMES: Final = frozenset({"EventTime", "EventOriginTime"})
"""Parameters in which geological surveys say when it happened; CAP has no field for that."""

NO_EXPIRY: Final = "a time of expiry that is not after the beginning is left out"
NO_BEGINNING: Final = "an all-clear that names no beginning: the hazard's last minute stands for it"
PAST: Final = "what is past, without a time of its own: when it was is unknown"

Span = dict[str, int]


def is_all_clear(infos: Sequence[Element]) -> bool:
    """Whether the infos end a hazard."""
    return any(ALL_CLEAR in texts(info, "responseType") for info in infos)


def when(infos: Sequence[Element], sent: int, before: Sequence[Reference], notes: Counter[str]) -> Span | None:
    """The interval that holds the event; None where that is unknown. `before`: what the alert refers to."""
    if not infos:
        return None
    info = infos[0]
    onset, effective, expires = (moment(first(info, named)) for named in ("onset", "effective", "expires"))
    if is_all_clear(infos):
        return _ended(effective or sent, onset, before, notes)
    if first(info, "urgency") == "Past" and onset is None:
        happened = _event_time(pairs(info, "parameter"))
        notes.update([PAST] * (happened is None))
        return happened
    start = next(time for time in (onset, effective, sent) if time is not None)
    if expires is None:
        return {"start": start}
    if expires <= start:
        notes[NO_EXPIRY] += 1
        return {"start": start}
    return {"start": start, "end": expires}


def _ended(end: int, onset: int | None, before: Sequence[Reference], notes: Counter[str]) -> Span:
    """From the onset, or from the first message about it, to the all-clear."""
    starts = [onset, *sorted(reference.sent for reference in before if reference.sent is not None)]
    start = next((time for time in starts if time is not None and time < end), None)
    if start is None:
        notes[NO_BEGINNING] += 1
        start = end - MINUTE_MS
    return {"start": start, "end": end}


def _event_time(parameters: Sequence[Pair]) -> Span | None:
    for parameter in parameters:
        if parameter.name in EVENT_TIMES:
            span = iso_span(_extended(parameter.value), (), clock=True)
            if span is not None:
                return {"start": span.start, "end": span.end}
    return None


def _extended(time: str) -> str:
    """`20110906T013357.600Z` in ISO 8601's other spelling, the one that is read."""
    head, _, tail = time.partition("T")
    if len(head) != 8 or not head.isdecimal() or len(tail) < 6 or not tail[:6].isdecimal():  # noqa: PLR2004
        return time
    return f"{head[:4]}-{head[4:6]}-{head[6:]}T{tail[:2]}:{tail[2:4]}:{tail[4:]}"
