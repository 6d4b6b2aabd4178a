"""Whether every agency can sign, now and in a month, and whether this home holds the keys that the bus needs."""

from collections.abc import Iterator
from typing import Final

from bus.errors import Refusal, TocsinError
from bus.home import usable_key
from bus.names import AUTHORITY, BUS
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.operate.endings import endings
from bus.stages.control import CONTROL
from bus.trust.roster import Trust
from bus.units import DAY_MS
from schemas.models import AgencyEntry

NAME: Final = "keys"
ALERTS: Final = "alerts"


def check(patient: Patient) -> Iterator[Finding]:
    """All entries of the roster, and the keys of the bus itself."""
    found = [*_held(patient), *_unable(patient), *_gone(patient), *_ending(patient)]
    yield from found
    if not found:
        names = sum(not agency.suspended for agency in patient.control.trust.agencies)
        yield Finding(NAME, Level.OK, f"all {names} names of the roster can sign, now and in a month")


def _held(patient: Patient) -> Iterator[Finding]:
    """The bus's own key must be here, for alerts are signed with it."""
    try:
        key = usable_key(patient.home, patient.control.trust, BUS, ALERTS, patient.now)
    except TocsinError as fault:
        yield Finding(NAME, Level.FAIL, str(fault), advice=fault.advice)
        return
    if key is None:
        rotate = patient.place.tocsin("key", "rotate", BUS)
        yield Finding(NAME, Level.FAIL, "this home holds no key of the bus that may sign alerts now", rotate)


def _unable(patient: Patient) -> Iterator[Finding]:
    """Whose keys are all revoked, over or out of scope."""
    trust = patient.control.trust
    for agency in trust.agencies:
        lacking = [feed for feed in _feeds(agency) if not _can_sign(trust, agency, feed, patient.now)]
        if lacking and not agency.suspended and agency.name != BUS:
            new = patient.place.tocsin("key", "new", agency.name)
            yield Finding(NAME, Level.FAIL, f"{agency.name} has no key that may sign for {', '.join(lacking)} now", new)


def _gone(patient: Patient) -> Iterator[Finding]:
    """Who has published from this home, and has no key here any more."""
    for agency in patient.control.trust.agencies:
        memory = patient.home.agencies / agency.name / "publisher.db"
        if agency.suspended or not memory.exists() or any((patient.home.keys / agency.name).glob("*.key")):
            continue
        what = f"{agency.name} has published from this home, which holds none of its keys any more"
        new = patient.place.tocsin("key", "new", agency.name)
        advice = f"Or bring {patient.home.keys / agency.name} back from a backup."
        yield Finding(NAME, Level.FAIL, what, new, advice)


def _ending(patient: Patient) -> Iterator[Finding]:
    """Keys with an end in sight and no successor."""
    roster = patient.control.trust.roster
    for one in () if roster is None else endings(roster, patient.now):
        if not one.has_successor:
            days = (one.ends_at - patient.now) // DAY_MS
            rotate = patient.place.tocsin("key", "rotate", one.agency)
            yield Finding(NAME, Level.WARN, f"the key {one.key_id[:8]} of {one.agency} ends in {days} days", rotate)


def _feeds(agency: AgencyEntry) -> tuple[str, ...]:
    own = {AUTHORITY: (CONTROL,), BUS: (ALERTS,)}
    return own.get(agency.name, tuple(feed.name for feed in agency.feeds))


def _can_sign(trust: Trust, agency: AgencyEntry, feed: str, at: int) -> bool:
    return any(not isinstance(trust.judge_key(key.key_id, feed, at), Refusal) for key in agency.keys)
