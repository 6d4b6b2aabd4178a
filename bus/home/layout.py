"""The home folder: where everything of one bus lives on one machine.

config.toml                   settings (bus.config)
bus.db                        the embedded log
keys/<agency>/<key_id>.key    private keys, 0600
agencies/<name>/publisher.db  what the agency's publisher remembers, and its spool
agencies/<name>/reader.*.db   how far each of the agency's readers has read, and its picture
pin                           digest of the first roster, hex: everyone's root of trust
version                       the home's format; written last, so a home without it was never finished
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bus.home.faults import HomeError, HomeMissingError, HomeNewerError, damaged, storage
from bus.home.files import make_folder, read_text, write_atomic
from bus.names import NAME

FORMAT: Final = 1
_AGENCY: Final = re.compile(NAME)
_PIN: Final = re.compile(r"[0-9a-f]{64}\n?")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}\n?")
_SQLITE: Final = b"SQLite format 3\x00"
_NAMES: Final = frozenset({"config.toml", "bus.db", "bus.db-wal", "bus.db-shm", "keys", "agencies", "pin", "version"})


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one home. Made by `create` or `open` only, so that whoever has one has a checked one."""

    path: Path

    @classmethod
    def create(cls, path: Path, config: str) -> "Home":
        """Begin a home at a path that holds none; `seal` finishes it.

        A home that an interrupted `init` left unfinished is begun anew, with the keys it has kept; a folder with
        anything else in it is refused.
        """
        if (path / "version").exists():
            raise HomeError(f"{path} holds a home already", "Use it as it is, or name another folder with --home.")
        if path.exists() and not path.is_dir():
            raise HomeError(f"{path} is a file", "Name a folder with --home.")
        with storage(path):
            strange = (
                sorted(p.name for p in path.iterdir() if p.name not in _NAMES and not p.name.startswith("."))
                if path.is_dir()
                else []
            )
        if strange:
            raise HomeError(f"{path} holds other files", "Name an empty or a new folder with --home.")
        home = cls(path)
        for folder in (path, home.keys, home.agencies):
            make_folder(folder)
        write_atomic(home.config, config.encode(), 0o644)
        return home

    def seal(self, pin: bytes) -> None:
        """Finish a new home: pin the digest of the first roster, then write the version, last of all."""
        write_atomic(self.path / "pin", f"{pin.hex()}\n".encode(), 0o644)
        write_atomic(self.path / "version", f"{FORMAT}\n".encode(), 0o644)

    @classmethod
    def open(cls, path: Path, *, writing: bool = False) -> "Home":
        """Open a finished home.

        Its format is known, nothing that can be checked at once is damaged, and it is writable where asked.
        """
        home = cls(path)
        if not path.is_dir():
            raise HomeMissingError(
                f"there is no home at {path}", "Make one with `tocsin init`, or name another with --home."
            )
        if not (path / "version").exists():
            if any(path.iterdir()):
                raise damaged(
                    path, "a finished home with a `version` file; if `tocsin init` was interrupted, run it again"
                )
            raise HomeMissingError(
                f"there is no home at {path}", "Make one with `tocsin init`, or name another with --home."
            )
        home._check_version()
        home._check_database(home.log)
        home.pin()
        for folder in (home.keys, home.agencies):
            if not folder.is_dir():
                raise damaged(folder, "this folder to be there")
        if writing:
            # Asked of the disk, not of the permission bits: those say nothing of a full or read-only file system.
            write_atomic(path / "version", f"{FORMAT}\n".encode(), 0o644)
        return home

    @property
    def config(self) -> Path:
        """The settings' file."""
        return self.path / "config.toml"

    @property
    def log(self) -> Path:
        """The embedded log."""
        return self.path / "bus.db"

    @property
    def keys(self) -> Path:
        """The folder of private keys."""
        return self.path / "keys"

    @property
    def agencies(self) -> Path:
        """The folder of what each agency keeps on its own side."""
        return self.path / "agencies"

    def publisher(self, agency: str) -> Path:
        """The database of an agency's publisher; its folder is made."""
        return self._own(agency) / "publisher.db"

    def reader(self, agency: str, name: str) -> Path:
        """The database of one of an agency's readers; its folder is made."""
        if not _AGENCY.fullmatch(name):
            raise HomeError("this is no name of a reader", "A reader's name is 2 to 32 of a-z, 0-9 and '-'.")
        return self._own(agency) / f"reader.{name}.db"

    def pin(self) -> bytes:
        """The digest of the first roster."""
        text = read_text(self.path / "pin")
        if text is None or not _PIN.fullmatch(text):
            raise damaged(self.path / "pin", "64 hex digits, the digest of the first roster")
        return bytes.fromhex(text.strip())

    def _own(self, agency: str) -> Path:
        folder = self.agencies / checked_agency(agency)
        make_folder(folder)
        return folder

    def _check_version(self) -> None:
        text = read_text(self.path / "version")
        if text is None or not _VERSION.fullmatch(text):
            raise damaged(self.path / "version", "a number, the format of the home")
        if int(text) > FORMAT:
            raise HomeNewerError(
                f"the home at {self.path} has format {int(text)}, this Tocsin knows up to {FORMAT}",
                "Update Tocsin; an older version never touches a newer home.",
            )

    @staticmethod
    def _check_database(path: Path) -> None:
        if not path.exists():
            raise damaged(path, "the bus's log to be there")
        with storage(path), path.open("rb") as file:
            head = file.read(len(_SQLITE))
        if head and head != _SQLITE:  # an empty file is a database that nobody has written to
            raise damaged(path, "an SQLite database")


def checked_agency(name: str) -> str:
    """The name, if it is an agency's: a path is made of it."""
    if not _AGENCY.fullmatch(name):
        raise HomeError("this is no name of an agency", "An agency's name is 2 to 32 of a-z, 0-9 and '-'.")
    return name
