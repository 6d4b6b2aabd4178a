"""Which files of a home, or of a backup, count. What begins with a dot is a lock or a leftover of this machine."""

from collections.abc import Iterator
from pathlib import Path

from bus.home.files import digest_file
from bus.operate.backup.manifest import MANIFEST, CopiedFile


def visible(folder: Path) -> Iterator[Path]:
    """All that stands in a folder, in order; links to folders are not followed."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from visible(path)


def databases_in(folder: Path) -> list[Path]:
    """What agencies keep on their side: databases that somebody may be writing to."""
    return [path for path in visible(folder) if path.suffix == ".db" and path.is_file()]


def copied_files(folder: Path) -> tuple[CopiedFile, ...]:
    """Every file of a backup but its manifest."""
    found = [path for path in visible(folder) if path.is_file() and path != folder / MANIFEST]
    return tuple(_described(folder, path) for path in found)


def _described(folder: Path, path: Path) -> CopiedFile:
    stat = path.stat()
    return CopiedFile(
        path=path.relative_to(folder).as_posix(),
        size_bytes=stat.st_size,
        modified_ns=stat.st_mtime_ns,
        sha256=digest_file(path),
    )
