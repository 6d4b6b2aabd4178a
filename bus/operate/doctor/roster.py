"""Whether the roster is good for a while: an expired one pauses the bus."""

from collections.abc import Iterator
from typing import Final

from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.units import DAY_MS

NAME: Final = "roster"
SOON_DAYS: Final = 30


def check(patient: Patient) -> Iterator[Finding]:
    """Its expiry."""
    trust = patient.control.trust
    renew = patient.place.tocsin("agency", "renew")
    days = (trust.expires_at - patient.now) // DAY_MS
    if trust.expired(patient.now):
        yield Finding(NAME, Level.FAIL, "the roster has expired, and the bus pauses", renew)
    elif days < SOON_DAYS:
        yield Finding(NAME, Level.WARN, f"the roster expires in {days} days, within {SOON_DAYS} days", renew)
    else:
        yield Finding(NAME, Level.OK, f"roster {trust.version} is good for {days} days")
