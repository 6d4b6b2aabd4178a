"""Whether the quarantine is seen to: it neither grows by many in a day, nor holds what has waited for long."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from bus.names import BUS
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.operate.quarantine import rejected
from bus.units import DAY_MS

NAME: Final = "quarantine"
MANY: Final = 10
"""In a day, of one agency: a mistake of one sheet is fewer, a broken publisher soon more."""
LONG_DAYS: Final = 7
"""After so long somebody should have sent it again or dropped it; after 90 days it is gone."""


def check(patient: Patient) -> Iterator[Finding]:
    """What waits, by agency."""
    names = [agency.name for agency in patient.control.trust.agencies if agency.name != BUS]
    names = [name for name in names if f"rejected.{name}" in patient.topics]
    waiting, lately, long = Counter[str](), Counter[str](), Counter[str]()
    for row in rejected(patient.log, names):
        if row.waits:
            waiting[row.agency] += 1
            lately[row.agency] += patient.now - row.at < DAY_MS
            long[row.agency] += patient.now - row.at >= LONG_DAYS * DAY_MS
    found = []
    for name in names:
        if lately[name] >= MANY:
            what = f"{lately[name]} submissions of {name} were refused within a day, and wait"
            found.append(_finding(patient, name, what))
        if long[name]:
            what = f"{long[name]} refused submissions of {name} have waited for {LONG_DAYS} days or more"
            found.append(_finding(patient, name, what))
    yield from found
    if not found:
        yield Finding(NAME, Level.OK, f"{waiting.total()} refused submissions wait")


def _finding(patient: Patient, agency: str, what: str) -> Finding:
    return Finding(
        NAME,
        Level.WARN,
        what,
        patient.place.tocsin("quarantine", "retry", "--agency", agency),
        f"`{patient.place.tocsin('quarantine', 'ls', '--agency', agency)}` says why; what no retry mends,"
        " `tocsin quarantine drop` ends.",
    )
