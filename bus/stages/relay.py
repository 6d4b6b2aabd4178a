"""What ingest has decoded, at hand for correlate in the same process, so that an event is decoded once and not twice.

Only speed hangs on it. A record is found by its exact bytes, of which everything here is a pure function; what is not
found is decoded from the log.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bus.trust.frame import Envelope

MOST: Final = 2_000
"""Records kept at a time, some 8 KiB each: two batches of both stages and more."""


class Decoded(NamedTuple):
    """One accepted record; `data` are the author's signed bytes, `envelope` what is in them. Nobody changes these."""

    accepted_at: int
    first_at: int
    data: bytes
    envelope: Envelope
    kind: str
    header: Mapping[str, Any]
    body: Mapping[str, Any]


class Relay:
    """From one thread to another: each operation is one of a dictionary, and needs no lock."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._waiting: dict[bytes, Decoded] = {}

    def put(self, record: bytes, decoded: Decoded) -> None:
        """Keep what this record of `events` holds; a full one takes no more, for the first are read first."""
        if len(self._waiting) < MOST:
            self._waiting[record] = decoded

    def take(self, record: bytes) -> Decoded | None:
        """What this record holds, once, if it is here."""
        return self._waiting.pop(record, None)

    def clear(self) -> None:
        """Forget everything: what was not committed, or was read otherwise, would stay for ever."""
        self._waiting.clear()
