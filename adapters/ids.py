"""Ids of drafts, and the digest of a record as its author wrote it."""

import hashlib
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from json.encoder import encode_basestring  # the C encoder that json.dumps(ensure_ascii=False) uses
from typing import Final

from adapters.cells import Cell

MAX_ORIGINAL_BYTES: Final = 65_536
MAX_DRAFT_ID: Final = 128
MAX_PUBLIC_ID: Final = 256
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def draft_id(format_: str, source_id: str, *, room: int = 0) -> str:
    """`<format>:<source id>`; where that does not fit, `<format>:` and 32 hex digits of its SHA-256 (events.md).

    `room`: characters that are kept free behind it.
    """
    whole = f"{format_}:{source_id}"
    fits = _ID.fullmatch(whole) and len(whole) + room <= MAX_DRAFT_ID
    return whole if fits else f"{format_}:{hashlib.sha256(whole.encode()).hexdigest()[:32]}"


def public_id(source: str, source_id: str) -> str:
    """The record's public id: the same whoever relays it. A line of its own, at most 256 characters."""
    whole = f"{source}:{source_id}"
    if len(whole) <= MAX_PUBLIC_ID and whole.isprintable():
        return whole
    return f"{source}:{hashlib.sha256(whole.encode()).hexdigest()}"


class Recorder:
    """Writes records as their author gave them: compact JSON, fields in order of their names, absent ones left out.

    A digest of the whole file would change with every new row; this one changes with its own record only, whatever
    stands around it.
    """

    def __init__(self, columns: Sequence[str], without: AbstractSet[int] = frozenset()) -> None:
        """Take a sheet's columns, and the positions of those that are personal and never written."""
        order = sorted((name, at) for at, name in enumerate(columns) if at not in without)
        self._fields = tuple((at, encode_basestring(name) + ":") for name, at in order)

    def __call__(self, cells: Sequence[Cell]) -> bytes:
        """One record's bytes."""
        fields = [name + encode_basestring(cell) for at, name in self._fields if (cell := cells[at]) is not None]
        return ("{" + ",".join(fields) + "}").encode()


def original(format_: str, record: bytes, *, keep: bool = False) -> dict[str, object]:
    """The event's `original`: a digest, and the bytes where format and licence allow that."""
    found: dict[str, object] = {"format": format_, "sha256": hashlib.sha256(record).hexdigest()}
    if keep and len(record) <= MAX_ORIGINAL_BYTES:
        found["bytes"] = record
    return found
