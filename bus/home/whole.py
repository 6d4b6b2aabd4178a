"""A folder that appears whole or not at all: built beside its place, synced, and renamed last."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bus.errors import UsageError
from bus.home.faults import HomeError, storage
from bus.home.files import PRIVATE_DIR, sync_folder


class OccupiedError(HomeError, UsageError):
    """A new folder can't be made at this place."""


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A private folder to fill, which stands at `target` when this ends, and is gone when it raises.

    Nothing is ever overwritten: `target` must not exist, or be an empty folder. What an interrupted one has left beside
    it is removed; one that is still under way is left alone, and is a fault.
    """
    target = target.absolute()
    _check_free(target)
    beside = target.with_name(f".{target.name}.partial")
    with storage(beside):
        beside.mkdir(PRIVATE_DIR, exist_ok=True)
        lock = os.open(beside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(lock, target)
        _empty(beside)
        try:
            yield beside
            with storage(target):
                for folder in (beside, *(path for path in beside.rglob("*") if path.is_dir())):
                    sync_folder(folder)
                beside.rename(target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        with storage(target):  # renamed: what stands beside it now is another's
            sync_folder(target.parent)
    finally:
        os.close(lock)


def _check_free(target: Path) -> None:
    if not target.parent.is_dir():
        raise OccupiedError(f"there is no folder {target.parent}", "Make it, or mount what holds it, or name another.")
    with storage(target):
        if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
            raise OccupiedError(f"{target} exists already", "Nothing is overwritten: name a new folder.")


def _lock(handle: int, target: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        raise HomeError(
            f"another command is making {target} right now", "Wait until it is done, or name another folder."
        ) from fault


def _empty(folder: Path) -> None:
    """Remove what an interrupted one has left."""
    with storage(folder):
        folder.chmod(PRIVATE_DIR)
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
