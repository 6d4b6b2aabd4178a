"""Files that are whole or absent: written beside, synced, renamed, and the folder synced."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final

from bus.home.faults import storage

PRIVATE = 0o600
PRIVATE_DIR = 0o700
_CHUNK_BYTES: Final = 1 << 20


def write_atomic(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Put `data` at `path` so that a crash at any moment leaves the old file or the new one.

    Durable when this returns.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage(path):
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
            with os.fdopen(handle, "wb") as file:
                # The umask may have taken bits away or a leftover of a crash may have had others.
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def new_file(path: Path) -> None:
    """Make an empty private file where there is none."""
    with storage(path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))


def copy_file(source: Path, target: Path, modified_ns: int) -> None:
    """Copy a file to a new private one, last modified then; durable when this returns but for its name."""
    new_file(target)
    with storage(source), source.open("rb") as there, storage(target), target.open("r+b") as here:
        while chunk := _chunk(source, there):
            here.write(chunk)
        here.flush()
        os.utime(here.fileno(), ns=(modified_ns, modified_ns))
    sync_file(target)


def digest_file(path: Path) -> str:
    """The SHA-256 of a file, hex."""
    with storage(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Make what stands in a file durable."""
    with storage(path):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make names in this folder durable: a rename is lost in a power cut until its folder is synced."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a private folder, and what of its path is missing, durable when this returns; what is there stays."""
    with storage(folder):
        if folder.is_dir():
            return
        make_folder(folder.parent)  # `mkdir(parents=True)` would leave the parents open to all
        folder.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        sync_folder(folder.parent)


def read_text(path: Path, max_bytes: int = 1 << 20) -> str | None:
    """Read a small file of the home; None where it is not UTF-8 or too long, which its reader calls damage."""
    with storage(path), path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _chunk(path: Path, file: BinaryIO) -> bytes:
    """The next part of a file that is copied: of two disks, the fault names the one that has it."""
    with storage(path):
        return file.read(_CHUNK_BYTES)
