"""The file's schema, its first making, and the check whenever it is opened."""

import os
import struct
from pathlib import Path
from typing import Final

import apsw

from bus.log.faults import LogVersionError
from bus.log.sqlite.trouble import damaged

APPLICATION_ID: Final = 0x544F4353  # "TOCS"
VERSION: Final = 1
_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = struct.Struct(">16sH10xI")
BUSY_MS: Final = 5000
# Pages for index inserts at random places: what does not fit is read from the system's cache again.
_CACHE_KIB: Final = 16_384
# After a long reader has gone the write-ahead log is cut to this.
_WAL_LIMIT_BYTES: Final = 64 << 20
_TABLES: Final = """
CREATE TABLE topics (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, compacted INTEGER NOT NULL,
    followed INTEGER NOT NULL, retention_ms INTEGER, next INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    clean INTEGER NOT NULL, kept INTEGER NOT NULL) STRICT;
CREATE TABLE records (id INTEGER PRIMARY KEY, ms INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
    headers BLOB) STRICT;
CREATE TABLE owners (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, token TEXT, holder TEXT,
    expires_ms INTEGER NOT NULL, note TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (owner TEXT NOT NULL, topic INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (owner, topic)) STRICT, WITHOUT ROWID;
"""


def found(path: Path) -> None:
    """Make a new log: built aside and moved into place, so that a file at `path` is always a whole one."""
    if path.with_name(path.name + "-wal").exists():
        raise damaged(path, "the log's main file beside its write-ahead log")
    new = path.with_name(f".{path.name}.new")
    for rest in ("", "-journal", "-wal", "-shm"):  # of a founding that was interrupted
        new.with_name(new.name + rest).unlink(missing_ok=True)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = apsw.Connection(str(new), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.pragma("synchronous", "FULL")
        connection.pragma("auto_vacuum", "INCREMENTAL")
        connection.execute("BEGIN")  # not `with connection`: its ROLLBACK hides why SQLite has rolled back itself
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", VERSION)
        connection.execute(_TABLES)
        connection.execute("COMMIT")
        connection.pragma("journal_mode", "WAL")
    finally:
        connection.close()
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def connect(path: Path, vfs: str | None) -> apsw.Connection:
    """Open the log's file, which is there, and check that it is ours and of this version."""
    _check_header(path)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        _check(connection, path)
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("synchronous", "FULL")
        connection.pragma("cache_size", -_CACHE_KIB)
        connection.pragma("journal_size_limit", _WAL_LIMIT_BYTES)
        connection.pragma("mmap_size", 0)
        connection.wal_autocheckpoint(0)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_header(path: Path) -> None:
    """Find another kind of file, or one cut short, before SQLite touches it (file format, section 1.3)."""
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
        size_bytes = file.seek(0, os.SEEK_END)
    if len(header) < _HEADER.size:
        raise damaged(path, "a SQLite database")
    magic, page_bytes, pages = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise damaged(path, "a SQLite database")
    ahead = path.with_name(path.name + "-wal")
    if not (ahead.exists() and ahead.stat().st_size) and size_bytes < page_bytes * pages:
        raise damaged(path, f"{page_bytes * pages} bytes, not {size_bytes}")


def _check(connection: apsw.Connection, path: Path) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise damaged(path, "a log made by Tocsin")
    version = connection.pragma("user_version")
    if version != VERSION:
        raise LogVersionError(
            f"{path} has the format {version}; this version of Tocsin knows {VERSION}",
            "Update Tocsin to the newest version; the file was not touched.",
        )
    if connection.pragma("journal_mode") != "wal":
        raise damaged(path, "a log in write-ahead mode")
