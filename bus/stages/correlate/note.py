"""What a slot notes with each commit, so that its successor need not read the whole of `events`.

`from_position` is that of a tick so old that everything accepted within the admission's window stands behind it; the
control records before it are counted, since the records behind it are judged again by what held at their own
position.
"""

import json
from collections import deque
from typing import Final, NamedTuple

from bus.stages.correlate.state import ADMISSION_MS
from bus.units import HOUR_MS

MARGIN_MS: Final = HOUR_MS
"""A record is appended to `events` after it was accepted, and a tick may be rounded: an hour covers both."""


class Mark(NamedTuple):
    """A tick's place: its time, its position, and how many control records stand before it."""

    minute: int
    position: int
    control: int


class Note(NamedTuple):
    """The last tick and the number of control records at the cursor, and where to read on from."""

    tick: int | None = None
    control: int = 0
    from_position: int = 0
    from_control: int = 0

    def text(self) -> str:
        """As the log keeps it."""
        return json.dumps(self._asdict(), separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None) -> "Note":
        """The note of the last commit; before the first there is none."""
        return cls() if text is None else cls(**json.loads(text))


class Marks:
    """The ticks of the admission's window, the oldest of which says where to read on from."""

    def __init__(self) -> None:
        """Begin at the beginning of `events`."""
        self._marks: deque[Mark] = deque([Mark(0, 0, 0)])

    def start(self, note: Note) -> None:
        """Go on where a note says."""
        self._marks = deque([Mark(0, note.from_position, note.from_control)])

    def add(self, mark: Mark) -> None:
        """Take the next tick, and let go of what is older than needed."""
        self._marks.append(mark)
        while len(self._marks) > 1 and self._marks[1].minute <= mark.minute - ADMISSION_MS - MARGIN_MS:
            self._marks.popleft()

    def note(self, tick: int | None, control: int) -> Note:
        """The note for a commit at this point."""
        first = self._marks[0]
        return Note(tick, control, first.position, first.control)
