"""The private keys that a home holds for a name: root, authority, bus, or an agency."""

from dataclasses import dataclass
from typing import Final

from bus.errors import NotFoundError
from bus.home import Home, load_keys, save_key, usable_key
from bus.names import BUS
from bus.operate.faults import DeskError
from bus.trust.keys import SigningKey
from bus.trust.roster import Trust

ALERTS: Final = "alerts"
"""The bus's only feed."""


def held_keys(home: Home, holder: str) -> list[SigningKey]:
    """All of them, oldest first; none where there are none."""
    try:
        return load_keys(home, holder)
    except NotFoundError:
        return []


def key_now(home: Home, trust: Trust, holder: str, feed: str, at: int) -> SigningKey:
    """The newest one that may sign for this feed at `at` (UTC ms); a fault where this home holds none."""
    key = usable_key(home, trust, holder, feed, at)
    if key is None:
        raise DeskError(
            f"this home holds no key of `{holder}` that may sign now",
            f"Work where that key is, copy its file into the folder keys/{holder} of this home, or make a new one:"
            f" `tocsin key rotate {holder}`.",
        )
    return key


@dataclass(frozen=True, slots=True)
class HomeKeys:
    """The bus's keys in a home, asked which one signs an alert now: so it can be rotated while the bus runs."""

    home: Home

    def __call__(self, trust: Trust, at: int) -> SigningKey:
        """The newest that the roster in force lets sign alerts at `at` (UTC ms), or later, if it only begins then.

        What is signed now is delivered later than the last tick: a key of a roster that came since is good already.
        """
        entry = trust.agency(BUS)
        begun = () if entry is None else (key.valid_from for key in entry.keys)
        return key_now(self.home, trust, BUS, ALERTS, max([at, *begun]))


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
