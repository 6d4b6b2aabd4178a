"""Which processes share ingest's shards: each holds one of the names worker-0, worker-1, … while it lives.

The names have no topics: they only tell how many share. A member that died counts no more at once, one that hangs when
its lease is over, as with every name of the log.
"""

from typing import Final

from bus.errors import TocsinError
from bus.log.faults import Owned
from bus.log.protocol import Log, Reader

MOST: Final = 64
"""More than one machine can use: a shard is one agency."""
_PREFIX: Final = "worker-"


class TooManyMembersError(TocsinError):
    """No name is left for another process."""


class Members:
    """This process among those who share. Used by one thread."""

    def __init__(self, log: Log) -> None:
        """Not yet a member."""
        self._log = log
        self._mine: Reader | None = None

    def count(self) -> int:
        """How many share now, this process with them: it joins where it has not, or was held for dead."""
        held = [one.name for one in self._log.describe().owners if one.name.startswith(_PREFIX) and one.holder]
        if self._mine is None or self._mine.owner not in held:
            self._mine = self._join()
        return 1 + sum(self._lives(name) for name in held if name != self._mine.owner)

    def leave(self) -> None:
        """Share no more, or, for one that was held for dead, until the next count."""
        if self._mine is not None:
            self._mine.release()
            self._mine = None

    def _join(self) -> Reader:
        for number in range(MOST):
            try:
                return self._log.take(f"{_PREFIX}{number}", ())
            except Owned:
                continue
        raise TooManyMembersError(
            f"{MOST} processes share the shards of ingest already", "Stop some: more than one per agency do nothing."
        )

    def _lives(self, name: str) -> bool:
        """Whether its holder does; a name that could be taken is let go of, and is no member's any more."""
        try:
            self._log.take(name, ()).release()
        except Owned:
            return True
        return False
