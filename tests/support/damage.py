"""A log's file in a vandal's hands: records read, changed, removed and added past everything that guards them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import apsw

from bus.stages.correlate.delivered import HEAD
from schemas.codec import decode_own, encode
from schemas.delivery import first_chain, next_chain, strip_chain
from schemas.registry import newest
from schemas.writer import varint

SHIFT = 40


class Vandal:
    """Changes the file directly; `close` before anybody else looks."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))

    def sql(self, statement: str, *bindings: Any) -> list[tuple[Any, ...]]:
        return cast("list[tuple[Any, ...]]", self._connection.execute(statement, bindings).fetchall())

    def close(self) -> None:
        self._connection.close()

    def number(self, topic: str) -> int:
        return int(self.sql("SELECT number FROM topics WHERE name = ?", topic)[0][0])

    def end(self, topic: str) -> int:
        return int(self.sql("SELECT next FROM topics WHERE name = ?", topic)[0][0])

    def get(self, topic: str, offset: int) -> bytes:
        return bytes(self.sql("SELECT value FROM records WHERE id = ?", self._id(topic, offset))[0][0])

    def values(self, topic: str) -> list[bytes]:
        return [self.get(topic, offset) for offset in range(self.end(topic))]

    def put(self, topic: str, offset: int, value: bytes) -> None:
        self.sql("UPDATE records SET value = ? WHERE id = ?", value, self._id(topic, offset))

    def set(self, topic: str, offset: int, column: str, value: Any) -> None:
        self.sql(f"UPDATE records SET {column} = ? WHERE id = ?", value, self._id(topic, offset))  # noqa: S608

    def remove(self, topic: str, offset: int) -> None:
        self.sql("DELETE FROM records WHERE id = ?", self._id(topic, offset))

    def add(self, topic: str, key: bytes, value: bytes) -> int:
        """One more record behind the last, as the log would append it."""
        offset = self.end(topic)
        [(ms,)] = self.sql("SELECT last_ms FROM topics WHERE name = ?", topic)
        self.sql("INSERT INTO records VALUES (?, ?, ?, ?, NULL)", self._id(topic, offset), ms, key, value)
        self.sql("UPDATE topics SET next = next + 1 WHERE name = ?", topic)
        return offset

    def forge(self, reader: str, pin: bytes, change: Callable[[int, bytes], bytes]) -> None:
        """Change what a reader was told, and make chain and head anew: only the signatures know better.

        `change` is given each delivery's number and the delivery without chain.
        """
        chain, outbox = first_chain(reader, pin), f"outbox.{reader}"
        for offset in range(self.end(outbox)):
            unchained = change(offset + 1, strip_chain(self.get(outbox, offset)))
            chain = next_chain(chain, unchained)
            self.put(outbox, offset, unchained + varint(32) + chain)
        self.change_head(reader, chain=chain)

    def change_head(self, reader: str, **changed: Any) -> None:
        """Change what `delivered` says of the reader's last delivery."""
        topic = f"delivered.{reader}"
        low = self.number(topic) << SHIFT
        query = "SELECT id, value FROM records WHERE key = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT 1"
        [(at, value)] = self.sql(query, HEAD, low, low + (1 << SHIFT))
        head = decode_own("heldhead", bytes(value)) | changed
        self.sql("UPDATE records SET value = ? WHERE id = ?", encode(newest("heldhead"), head), at)

    def _id(self, topic: str, offset: int) -> int:
        return self.number(topic) << SHIFT | offset


def flipped(data: bytes, place: int) -> bytes:
    """The same bytes with one bit changed."""
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)
