"""Whether the home is for its owner's eyes alone: the folder 0700, keys and databases 0600."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Place

NAME: Final = "permissions"
_PUBLIC: Final = frozenset({"config.toml", "pin", "version"})
"""They hold nothing secret, and lie in a private folder."""
_OTHERS: Final = 0o077
_NAMED: Final = 3


def check(place: Place) -> Iterator[Finding]:
    """The folder, and all in it."""
    paths = [place.path, *(path for path in place.path.rglob("*") if path.parent != place.path or _is_private(path))]
    open_ = [path for path in paths if _mode(path) & _OTHERS]
    strangers = [path for path in (place.path, *paths) if not path.is_symlink() and path.stat().st_uid != os.geteuid()]
    if open_:
        yield Finding(
            NAME,
            Level.FAIL,
            f"others may look into {_names(place.path, open_)}",
            f"chmod -R go-rwx {place.path}",
            "Where a key could be read, replace it: `tocsin key rotate`.",
        )
    if strangers:
        yield Finding(
            NAME,
            Level.WARN,
            f"{_names(place.path, strangers)} belongs to another user than who runs this",
            f"chown -R {os.geteuid()} {place.path}",
        )
    if not open_ and not strangers:
        yield Finding(NAME, Level.OK, f"{len(paths)} files and folders are for their owner alone")


def _is_private(path: Path) -> bool:
    return path.name not in _PUBLIC


def _mode(path: Path) -> int:
    return 0 if path.is_symlink() else stat.S_IMODE(path.stat().st_mode)


def _names(home: Path, paths: list[Path]) -> str:
    named = [str(path.relative_to(home)) if path != home else "the home" for path in paths[:_NAMED]]
    return ", ".join(named) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
