"""What can be wrong with a home, each with its remedy: never a traceback, never lost data."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from bus.errors import TocsinError

RESTORE: Final = "Stop all Tocsin processes and restore the home from its latest backup."


class HomeError(TocsinError):
    """The home folder can't be used as it is."""


class HomeMissingError(HomeError):
    """There is no home here."""


class HomeDamagedError(HomeError):
    """A file of the home is not what was written."""


class HomeNewerError(HomeError):
    """The home was made by a newer version of Tocsin."""


class HomeReadOnlyError(HomeError):
    """The home can't be written to."""


class DiskFullError(HomeError):
    """No space is left for the home; nothing that was acknowledged is lost."""

    retriable = True


def damaged(path: Path, expected: str, mend: str = RESTORE) -> HomeDamagedError:
    """Say that a file is not what was expected; its content is never repeated."""
    return HomeDamagedError(f"{path} is damaged: expected {expected}", mend)


def disk_full(path: Path) -> DiskFullError:
    """Say that no space is left."""
    return DiskFullError(
        f"no space is left on the disk of {path}",
        "Free space and run the command again: what was acknowledged is kept, the rest is sent without doubling.",
    )


def read_only(path: Path) -> HomeReadOnlyError:
    """Say that the home can't be written to."""
    return HomeReadOnlyError(
        f"{path} can't be written to",
        "Mount it writable, or run as the user who owns the home, or name another with --home.",
    )


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a file of the home into a fault with its remedy."""
    try:
        yield
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(path) from fault
        if fault.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise read_only(path) from fault
        if fault.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
            raise damaged(path, "this file to be there") from fault
        raise HomeError(
            f"the disk failed at {path}: {errno.errorcode.get(fault.errno or 0, 'an error')}",
            "Check the disk and the system's log, then try again.",
            retriable=True,
        ) from fault


@contextmanager
def database(path: Path, mend: str = RESTORE) -> Iterator[None]:
    """Turn what SQLite says about a database of the home into a fault with its remedy; `mend`: of a damaged one."""
    try:
        yield
    except apsw.FullError as fault:
        raise disk_full(path) from fault
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError) as fault:
        raise read_only(path) from fault
    except (apsw.CorruptError, apsw.NotADBError) as fault:
        raise damaged(path, "a sound SQLite database", mend) from fault
    except (apsw.BusyError, apsw.LockedError) as fault:
        raise HomeError(
            f"another process is using {path}",
            "Wait until it is done, then run the command again.",
            retriable=True,
        ) from fault
    except apsw.IOError as fault:
        raise HomeError(
            f"the disk failed at {path}",
            "Check the disk and the system's log, then try again.",
            retriable=True,
        ) from fault
