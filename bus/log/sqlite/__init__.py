"""The embedded engine: one SQLite file, several processes, no server."""

from bus.log.sqlite.log import SqliteLog

__all__ = ["SqliteLog"]
