"""The private keys that a home holds for a name: root, authority, bus, or an agency."""

from bus.errors import NotFoundError
from bus.home import Home, load_keys, save_key
from bus.operate.faults import DeskError
from bus.trust.keys import SigningKey


def held_keys(home: Home, holder: str) -> list[SigningKey]:
    """All of them, oldest first; none where there are none."""
    try:
        return load_keys(home, holder)
    except NotFoundError:
        return []


def newest_key(home: Home, holder: str) -> SigningKey:
    """The newest one; a fault where this home holds none."""
    keys = held_keys(home, holder)
    if not keys:
        raise DeskError(
            f"this home holds no key of `{holder}`",
            f"Work where that key is, or copy its file into the folder keys/{holder} of this home.",
        )
    return keys[-1]


def kept_or_new(home: Home, holder: str, entered: frozenset[str] = frozenset()) -> SigningKey:
    """A key for a roster to come: one that an interrupted change has left and no roster holds, else a new one.

    `entered`: the ids of the keys that a roster holds.
    """
    left = [key for key in held_keys(home, holder) if key.public.key_id not in entered]
    if left:
        return left[-1]
    key = SigningKey.generate()
    save_key(home, holder, key)
    return key
