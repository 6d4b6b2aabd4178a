"""When each feed of an agency was last heard, and how soon its last heartbeat promised the next: a shard's note.

It is committed with the shard's cursor. So whoever looks at the log sees a silence at once, and need not read receipts
of months for it.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

_NOTE: Final = "heard "


class Heard(NamedTuple):
    """When a feed's last record was accepted (UTC ms), and its last heartbeat's `interval_s`, if it ever sent one."""

    at: int
    interval_s: int | None = None


def heard_of(note: str | None) -> Mapping[str, Heard]:
    """What a shard's note keeps, by feed; nothing where the shard has not accepted anything yet."""
    if note is None or not note.startswith(_NOTE):
        return {}
    return {feed: Heard(*one) for feed, one in json.loads(note.removeprefix(_NOTE)).items()}


class Hearing:
    """What a shard has heard so far, feed by feed: as many as the roster gives the agency."""

    def __init__(self, note: str | None = None) -> None:
        """Go on where the shard's last commit left off."""
        self._feeds = dict(heard_of(note))

    def hear(self, feed: str, at: int, interval_s: int | None = None) -> None:
        """One more record was accepted, of a heartbeat with what it promised; another keeps the last promise."""
        last = self._feeds.get(feed)
        if interval_s is None and last is not None:
            interval_s = last.interval_s
        self._feeds[feed] = Heard(at, interval_s)

    def note(self) -> str:
        """As the log keeps it."""
        return _NOTE + json.dumps(self._feeds, separators=(",", ":"), sort_keys=True)
