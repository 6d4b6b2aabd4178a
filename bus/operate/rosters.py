"""From one roster to the next: each change a pure function."""

from collections.abc import Callable
from typing import Final, TypeAlias

from bus.errors import Reason, Refusal
from bus.names import AUTHORITY, BUS
from bus.trust.keys import PublicKey
from bus.units import DAY_MS
from schemas.models import AgencyEntry, Clearance, FeedEntry, KeyEntry, RootKey, Roots, Roster

LIFETIME_MS: Final = 365 * DAY_MS
"""A roster is good for a year; each change renews it. An expired one pauses the bus."""

Change: TypeAlias = Callable[[Roster], Roster | Refusal]


def first_roster(root: PublicKey, authority: PublicKey, bus: PublicKey, now: int) -> Roster:
    """The roster that everyone pins: the root, the authority and the bus."""
    return Roster(
        version=1,
        expires_at=now + LIFETIME_MS,
        roots=Roots(keys=(RootKey(key_id=root.key_id, public=root.raw),), threshold=1),
        agencies=(
            AgencyEntry(
                name=AUTHORITY,
                keys=(key_entry(authority, ("control",), now),),
                clearance=Clearance(subject=AUTHORITY),
            ),
            AgencyEntry(name=BUS, keys=(key_entry(bus, ("alerts",), now),), clearance=Clearance(subject=BUS)),
        ),
    )


def key_entry(key: PublicKey, feeds: tuple[str, ...], since: int) -> KeyEntry:
    """A key that is good for these feeds from `since` (UTC ms) on."""
    return KeyEntry(key_id=key.key_id, public=key.raw, feeds=feeds, valid_from=since)


def following(roster: Roster, now: int) -> Roster:
    """The same roster as the next version, good for another year."""
    return roster.model_copy(update={"version": roster.version + 1, "expires_at": now + LIFETIME_MS})


def with_agency(entry: AgencyEntry) -> Change:
    """Admit an agency."""

    def change(roster: Roster) -> Roster | Refusal:
        if any(one.name == entry.name for one in roster.agencies):
            return Refusal(
                Reason.BAD_FIELD,
                "agency.name",
                "a name that the roster does not hold yet",
                f"{entry.name} is admitted already: `tocsin agency show {entry.name}` shows how. Change it with"
                " `tocsin agency clearance` or `tocsin agency feed`, or take another name.",
            )
        agencies = sorted((*roster.agencies, entry), key=lambda one: one.name)
        return roster.model_copy(update={"agencies": tuple(agencies)})

    return change


def with_clearance(agency: str, clearance: Clearance) -> Change:
    """Give an agency another clearance."""
    return _changed(agency, lambda entry: entry.model_copy(update={"clearance": clearance}))


def with_suspension(agency: str, suspended: bool) -> Change:  # noqa: FBT001 - the one thing that changes
    """Suspend an agency, or end its suspension."""
    if suspended and agency in (AUTHORITY, BUS):
        return lambda _: Refusal(
            Reason.BAD_FIELD,
            "agency.name",
            f"another agency: without {agency} nothing is signed",
            "A bus is paused by stopping `tocsin run`; an agency is shut out under its own name (`tocsin agency ls`).",
        )
    return _changed(agency, lambda entry: entry.model_copy(update={"suspended": suspended}))


def with_feed(agency: str, feed: FeedEntry) -> Change:
    """Give an agency a feed, or change its terms."""

    def change(entry: AgencyEntry) -> AgencyEntry:
        feeds = sorted((*(one for one in entry.feeds if one.name != feed.name), feed), key=lambda one: one.name)
        return entry.model_copy(update={"feeds": tuple(feeds)})

    return _changed(agency, change)


def with_key(agency: str, key: KeyEntry) -> Change:
    """Give an agency one more key."""
    return _changed(agency, lambda entry: entry.model_copy(update={"keys": (*entry.keys, key)}))


def entry_of(roster: Roster, agency: str) -> AgencyEntry | Refusal:
    """The agency's entry."""
    found = next((one for one in roster.agencies if one.name == agency), None)
    if found is not None:
        return found
    return Refusal(
        Reason.BAD_FIELD, "agency.name", "an agency of the roster", "`tocsin agency ls` shows whom the roster holds."
    )


def changeable(roster: Roster, agency: str) -> AgencyEntry | Refusal:
    """The agency's entry, where it is one that reads and publishes; the bus's own is as the founding made it."""
    if agency != BUS:
        return entry_of(roster, agency)
    return Refusal(
        Reason.BAD_FIELD,
        "agency.name",
        "an agency that reads or publishes: this is the bus's own entry",
        f"Admit whoever reads under a name of its own (`tocsin agency add`); `{BUS}` only signs alerts.",
    )


def _changed(agency: str, change: Callable[[AgencyEntry], AgencyEntry]) -> Change:
    def whole(roster: Roster) -> Roster | Refusal:
        old = changeable(roster, agency)
        if isinstance(old, Refusal):
            return old
        new = change(old)
        return roster.model_copy(update={"agencies": tuple(new if one is old else one for one in roster.agencies)})

    return whole
