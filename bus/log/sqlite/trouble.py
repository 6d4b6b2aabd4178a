"""What SQLite and the operating system say about the file, as faults with a remedy."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from bus.log.faults import (
    LogBusyError,
    LogDamagedError,
    LogDiskError,
    LogError,
    LogFullError,
    LogReadOnlyError,
)


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """Raise every fault of the file as a `LogError`."""
    try:
        yield
    except apsw.Error as fault:
        raise _of_sqlite(path, fault) from fault
    except OSError as fault:
        raise _of_system(path, fault) from fault


def damaged(path: Path, expected: str) -> LogDamagedError:
    """Say that the file is not what was expected."""
    return LogDamagedError(
        f"{path} is damaged or no log of Tocsin: expected {expected}",
        "Stop all Tocsin processes and restore the home from its latest backup; keep the damaged files for study.",
    )


def _of_sqlite(path: Path, fault: apsw.Error) -> LogError:
    match fault:
        case apsw.FullError():
            found: LogError = _full(path)
        case apsw.ReadOnlyError() | apsw.CantOpenError() | apsw.PermissionsError() | apsw.AuthError():
            found = _read_only(path)
        case apsw.CorruptError() | apsw.NotADBError():
            found = damaged(path, "a sound SQLite database")
        case apsw.SQLError() if "no such" in str(fault):  # our statements are constants: it is the tables that lack
            found = damaged(path, "all tables of a log, with their columns")
        case apsw.BusyError() | apsw.LockedError():
            found = LogBusyError(f"another program holds {path}", "Close the program that has it open, then try again.")
        case apsw.IOError():
            found = _disk(path, f"SQLite {getattr(fault, 'extendedresult', 0):#x}")
        case _:
            found = LogError(
                f"SQLite failed at {path}: {type(fault).__name__}", "A defect of Tocsin: please report it."
            )
    return found


def _of_system(path: Path, fault: OSError) -> LogError:
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path)
    if fault.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return _read_only(path)
    if fault.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
        return damaged(path, "a file in a folder that is there")
    return _disk(path, errno.errorcode.get(fault.errno or 0, "an error"))


def _full(path: Path) -> LogFullError:
    return LogFullError(
        f"no space is left on the disk of {path}",
        "Free space and try again: what was acknowledged is kept, what was not is not written.",
    )


def _read_only(path: Path) -> LogReadOnlyError:
    return LogReadOnlyError(
        f"{path} can't be written to",
        "Mount it writable, or run as the user who owns it, then try again; what was acknowledged is kept.",
    )


def _disk(path: Path, what: str) -> LogDiskError:
    return LogDiskError(
        f"the disk failed at {path} ({what})",
        "Check the disk and the system's log, then try again: what was acknowledged is kept.",
    )
