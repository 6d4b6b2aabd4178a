"""Private keys on disk: one file each, for its owner's eyes only, named by the key it must hold."""

import re
import stat
from pathlib import Path
from typing import Final

from bus.errors import NotFoundError
from bus.home.faults import HomeError, damaged, storage
from bus.home.files import PRIVATE, make_folder, read_text, write_atomic
from bus.home.layout import Home, checked_agency
from bus.trust.keys import SigningKey
from bus.trust.roster import Key, Trust

_FORM: Final = re.compile(r"tocsin-ed25519 ([0-9a-f]{64})\n?")


def save_key(home: Home, agency: str, key: SigningKey) -> Path:
    """Store a private key, durable when this returns."""
    folder = home.keys / checked_agency(agency)
    make_folder(folder)
    path = folder / f"{key.public.key_id}.key"
    write_atomic(path, f"tocsin-ed25519 {key.private_bytes().hex()}\n".encode(), PRIVATE)
    return path


def load_key(path: Path) -> SigningKey:
    """Read a private key; refused where others may read it too, or where it is not the key of its name."""
    with storage(path):
        mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise HomeError(f"others may read the key {path}", f"Run `chmod 600 {path}`, and think of replacing the key.")
    found = _FORM.fullmatch(read_text(path) or "")
    if found is None:
        raise damaged(path, "one line with a private key")
    key = SigningKey.from_bytes(bytes.fromhex(found[1]))
    if path.stem != key.public.key_id:
        raise damaged(path, "the key that the file's name says")
    return key


def load_keys(home: Home, agency: str) -> list[SigningKey]:
    """All private keys of an agency, oldest file first; which of them is in force, the roster says."""
    found = _all_keys(home, agency)
    if not found:
        raise NotFoundError(
            f"the home holds no key of {agency}",
            "Admit the agency with `tocsin agency add`, or copy its key files into the home.",
        )
    return found


def _all_keys(home: Home, agency: str) -> list[SigningKey]:
    folder = home.keys / checked_agency(agency)
    if not folder.is_dir():
        return []
    with storage(folder):
        paths = sorted(folder.glob("*.key"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return [load_key(path) for path in paths]


def usable_key(home: Home, trust: Trust, agency: str, feed: str, at: int) -> SigningKey | None:
    """Of the agency's keys in this home the newest that may sign for this feed at `at` (UTC ms), None where none may.

    The newest by the roster's order: the time of a file changes when it is copied.
    """
    entry = trust.agency(agency)
    held = {key.public.key_id: key for key in _all_keys(home, agency)}
    for key in reversed(() if entry is None else entry.keys):
        if key.key_id in held and isinstance(trust.judge_key(key.key_id, feed, at), Key):
            return held[key.key_id]
    return None
