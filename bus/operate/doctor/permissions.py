"""Whether the home is for its owner's eyes alone: the folder 0700, keys and databases 0600."""

import os
import shlex
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
    found = dict(_owned(place.path))
    open_ = [path for path, entry in found.items() if entry.st_mode & _OTHERS and not _is_public(place, path)]
    strangers = [path for path, entry in found.items() if entry.st_uid != os.geteuid()]
    home = shlex.quote(str(place.path))
    if open_:
        yield Finding(
            NAME,
            Level.FAIL,
            f"others may look into {_names(place.path, open_)}",
            f"chmod -R go-rwx {home}",
            "Where a key could be read, replace it: `tocsin key rotate`.",
        )
    if strangers:
        yield Finding(
            NAME,
            Level.WARN,
            f"another user than who runs this owns {_names(place.path, strangers)}",
            f"chown -R {os.geteuid()} {home}",
        )
    if not open_ and not strangers:
        yield Finding(NAME, Level.OK, f"{len(found)} files and folders are for their owner alone")


def _owned(home: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The home and all in it but links; what goes meanwhile, as a write-ahead log does, is left out."""
    for path in (home, *home.rglob("*")):
        try:
            entry = path.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISLNK(entry.st_mode):
            yield path, entry


def _is_public(place: Place, path: Path) -> bool:
    return path.parent == place.path and path.name in _PUBLIC


def _names(home: Path, paths: list[Path]) -> str:
    named = [str(path.relative_to(home)) if path != home else "the home" for path in paths[:_NAMED]]
    return ", ".join(named) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
