"""What a backup says of itself, written last: a folder without it is no backup.

From it a restored home proves that nothing is missing: every file by its digest, every topic by its ends, its number of
records and a digest over all of them, every outbox by the head of its chain.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bus.errors import TocsinError, UsageError
from bus.home import read_text, write_atomic

MANIFEST: Final = "manifest.json"
_MOST_BYTES: Final = 64 << 20
_Count = Annotated[int, Field(ge=0, lt=1 << 63)]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NoBackupError(UsageError):
    """The folder holds no whole backup."""


class ForeignBackupError(TocsinError):
    """The backup was made by a version of Tocsin that this one can't restore from."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CopiedFile(_Part):
    """One file; `path` is relative to the home, with slashes. Of an agency's keys the last modified is the newest."""

    path: str
    size_bytes: _Count
    modified_ns: _Count
    sha256: _Digest


class TopicCount(_Part):
    """A topic: the first offset kept, the next to be given, how many records stand between, and what is in them."""

    name: str
    start: _Count
    end: _Count
    records: _Count
    sha256: _Digest


class OutboxHead(_Part):
    """How far a reader was told, and the chain up to there."""

    reader: str
    sequence: _Count
    chain: _Digest


class Manifest(_Part):
    """A whole backup. `made_at` (UTC ms): everything acknowledged before is in it, nothing that came after."""

    format: Literal[1] = 1
    made_at: _Count
    software: str
    home_format: int
    log_engine: str
    log_format: int
    pin: _Digest
    control_version: _Count
    roster_version: _Count
    files: tuple[CopiedFile, ...]
    topics: tuple[TopicCount, ...]
    outboxes: tuple[OutboxHead, ...]
    left_out: tuple[str, ...] = ()
    """Links to folders elsewhere, and what is no file."""
    verified: bool
    """Whether every signature and chain was verified when it was made."""

    def encode(self) -> bytes:
        """As it is written."""
        return (self.model_dump_json(indent=1) + "\n").encode()

    @property
    def digest(self) -> str:
        """What stands for the whole backup: each file's digest is in it."""
        return hashlib.sha256(self.encode()).hexdigest()

    @property
    def records(self) -> int:
        """Of all topics."""
        return sum(topic.records for topic in self.topics)

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(file.size_bytes for file in self.files)

    def write(self, folder: Path) -> None:
        """Write it, last of all."""
        write_atomic(folder / MANIFEST, self.encode())


def read_manifest(folder: Path) -> Manifest:
    """What the backup in this folder says of itself."""
    if not (folder / MANIFEST).is_file():
        raise NoBackupError(
            f"{folder} holds no backup", f"Name a folder that `tocsin backup` made: {MANIFEST} stands in it."
        )
    text = read_text(folder / MANIFEST, _MOST_BYTES) or ""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as fault:
        raise ForeignBackupError(
            f"{folder / MANIFEST} is damaged, or of another version of Tocsin",
            "Take another backup, or update Tocsin to the version that made this one.",
        ) from fault
