"""Files that are whole or absent: written beside, synced, renamed, and the folder synced."""

import os
from pathlib import Path

from bus.home.faults import storage

PRIVATE = 0o600
PRIVATE_DIR = 0o700


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


def sync_folder(folder: Path) -> None:
    """Make names in this folder durable: a rename is lost in a power cut until its folder is synced."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a private folder, durable when this returns; one that is there stays as it is."""
    with storage(folder):
        if folder.is_dir():
            return
        folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
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
