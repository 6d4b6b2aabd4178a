"""Where files live: the home folder, its keys and databases, and what can be wrong with them."""

from bus.home.database import Database
from bus.home.faults import (
    DiskFullError,
    HomeDamagedError,
    HomeError,
    HomeMissingError,
    HomeNewerError,
    HomeReadOnlyError,
)
from bus.home.files import read_text, write_atomic
from bus.home.keyring import load_key, load_keys, save_key, usable_key
from bus.home.layout import FORMAT, Home
from bus.home.looking import ReaderHead, is_reader, reader_heads, spooled

__all__ = [
    "FORMAT",
    "Database",
    "DiskFullError",
    "Home",
    "HomeDamagedError",
    "HomeError",
    "HomeMissingError",
    "HomeNewerError",
    "HomeReadOnlyError",
    "ReaderHead",
    "is_reader",
    "load_key",
    "load_keys",
    "read_text",
    "reader_heads",
    "save_key",
    "spooled",
    "usable_key",
    "write_atomic",
]
