"""Keys that come to their end, and whether another one is there to follow."""

from typing import Final, NamedTuple

from bus.operate.rotation import in_force
from bus.trust.roster import ALL_FEEDS
from bus.units import DAY_MS
from schemas.models import AgencyEntry, KeyEntry, Roster

SOON_MS: Final = 30 * DAY_MS


class Ending(NamedTuple):
    """A key in force with a planned end (UTC ms); `has_successor`: others that live longer sign for all its feeds."""

    agency: str
    key_id: str
    feeds: tuple[str, ...]
    ends_at: int
    has_successor: bool


def endings(roster: Roster, now_ms: int, within_ms: int = SOON_MS) -> tuple[Ending, ...]:
    """The keys that end within this time, the first to end first."""
    found = [
        Ending(agency.name, key.key_id, key.feeds, key.valid_until, _is_followed(agency, key, key.valid_until, now_ms))
        for agency in roster.agencies
        for key in in_force(agency, now_ms)
        if key.valid_until is not None and key.valid_until <= now_ms + within_ms
    ]
    return tuple(sorted(found, key=lambda one: (one.ends_at, one.agency, one.key_id)))


def days_left(key: KeyEntry, now_ms: int) -> int | None:
    """Whole days until a key's planned end; None where it has none, or is revoked or over."""
    if key.valid_until is None or key.revoked_at is not None or key.valid_until <= now_ms:
        return None
    return (key.valid_until - now_ms) // DAY_MS


def _is_followed(agency: AgencyEntry, key: KeyEntry, ends_at: int, now_ms: int) -> bool:
    longer = [
        one
        for one in in_force(agency, now_ms)
        if one.valid_from <= ends_at and (one.valid_until is None or one.valid_until > ends_at)
    ]
    covered = {feed for one in longer for feed in one.feeds}
    return ALL_FEEDS in covered or covered >= set(key.feeds)
