"""`tocsin backup`: a home as it was at one moment, while its bus, its publishers and its readers go on.

1 a private folder beside the destination, to be filled. 2 pin every agency's databases, then the log, at a moment when
no publisher can commit: so none has forgotten a submission that the log does not hold yet, and no reader has read what
the log does not hold. 3 copy them. 4 copy the
other files: after the log, so that no key that its roster names is missing. 5 read the copy: it is sound, and this is
what it holds. 6 the manifest, last; then the folder takes its place.
"""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bus.errors import TocsinError, UsageError
from bus.home import FORMAT, Home, is_reader
from bus.home.files import copy_file, make_folder
from bus.home.snapshot import check_database, pinned
from bus.home.whole import whole_folder
from bus.log.sqlite import SqliteLog
from bus.log.sqlite.founding import VERSION
from bus.operate.backup.files import copied_files, databases_in, visible
from bus.operate.backup.inventory import outbox_heads, topic_counts
from bus.operate.backup.keys import check_keys
from bus.operate.backup.manifest import Manifest
from bus.operate.soundness import Progress
from bus.operate.soundness.finding import no_progress
from bus.operate.soundness.moment import moment_of
from bus.operate.soundness.verify import verify_pinned
from bus.stages.following import ControlFollower

_TRIES: Final = 5
"""How often the home is looked through again where an agency's first database appears meanwhile."""
_BESIDE_DATABASES: Final = ("-wal", "-shm", "-journal")


class UnsoundError(TocsinError):
    """What was copied is not sound: no backup is made of it."""


class UnsteadyError(TocsinError):
    """The home changed faster than it could be looked through."""

    retriable = True


def back_up(
    home: Home, target: Path, clock_ms: Callable[[], int], *, quick: bool = False, progress: Progress = no_progress
) -> Manifest:
    """Back a home up into a new folder; `quick` leaves signatures and chains to be verified when it is restored."""
    if target.absolute().is_relative_to(home.path.absolute()):
        raise UsageError("a backup can't lie in the home that it is of", "Name a folder outside, best on another disk.")
    # 1 a folder to fill
    with whole_folder(target) as folder:
        # 2 and 3 databases
        made_at = _copy_databases(home, folder, clock_ms, progress)
        # 4 other files
        left_out = _copy_files(home.path, folder)
        # 5 what the copy holds
        manifest = _read_copy(home, folder, made_at, left_out, quick=quick, progress=progress)
        # 6 the manifest
        manifest.write(folder)
    return manifest


def _copy_databases(home: Home, folder: Path, clock_ms: Callable[[], int], progress: Progress) -> int:
    """Steps 2 and 3; returns when they were pinned (UTC ms)."""
    for _ in range(_TRIES):
        databases = databases_in(home.agencies)
        # A reader is in a transaction while somebody works on what it told: it is not waited for, only pinned first.
        publishers = [path for path in databases if not is_reader(path)]
        readers = [path for path in databases if is_reader(path)]
        with pinned(publishers, beside=[*readers, home.log]) as snapshots:
            made_at = clock_ms()
            if databases_in(home.agencies) != databases:
                continue
            for snapshot in snapshots:
                name = snapshot.path.relative_to(home.path)
                make_folder((folder / name).parent)
                snapshot.copy(folder / name, partial(progress, f"copying {name}"))
            return made_at
    raise UnsteadyError("agencies' databases appear faster than they can be listed", "Try again.")


def _read_copy(  # noqa: PLR0913 - what a manifest says
    home: Home, folder: Path, made_at: int, left_out: tuple[str, ...], *, quick: bool, progress: Progress
) -> Manifest:
    """Step 5."""
    for path in databases_in(folder / home.agencies.name):
        check_database(path)
    pin = home.pin()
    with closing(SqliteLog(folder / home.log.name, lambda: made_at)) as log:
        found = verify_pinned(pin, log, quick=quick, progress=progress)
        if not found.sound:
            place, what = found.findings[0]
            raise UnsoundError(
                f"the log is not sound, and no backup was made: {place}: {what}",
                "`tocsin log verify` lists all that is wrong. Keep the backups that you have.",
            )
        moment = moment_of(log)
        topics = topic_counts(log, moment, progress)
        control = ControlFollower(log, pin).read()
    for place, what in check_keys(folder, control.trust, left_out):
        raise UnsoundError(
            f"the keys are not as the roster has them, and no backup was made: {place}: {what}",
            "`tocsin key ls` shows whose each is. Put the file where it belongs, or take it out of the home.",
        )
    for path in folder.glob(".*"):  # the log's lock
        path.unlink()
    return Manifest(
        made_at=made_at,
        software=version("tocsin"),
        home_format=FORMAT,
        log_engine="sqlite",
        log_format=VERSION,
        pin=pin.hex(),
        control_version=control.version,
        roster_version=control.roster_version,
        files=copied_files(folder),
        topics=topics,
        outboxes=outbox_heads(moment),
        left_out=left_out,
        verified=not quick,
    )


def _copy_files(home: Path, folder: Path) -> tuple[str, ...]:
    """Step 4; returns what was left out: links to folders elsewhere, and what is no file."""
    left_out = []
    for path in visible(home):
        name = path.relative_to(home)
        if path.is_symlink() and path.is_dir():
            left_out.append(name.as_posix())
        elif path.is_file() and path.suffix != ".db" and not path.name.endswith(_BESIDE_DATABASES):
            make_folder((folder / name).parent)
            copy_file(path, folder / name, path.stat().st_mtime_ns)
        elif path.is_dir():
            make_folder(folder / name)
        elif not path.is_file():
            left_out.append(name.as_posix())
    return tuple(left_out)
