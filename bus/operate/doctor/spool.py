"""Whether a publisher of this home has left signed records that the log does not have yet."""

from collections.abc import Iterator
from typing import Final

from bus.home import spooled
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient

NAME: Final = "spool"


def check(patient: Patient) -> Iterator[Finding]:
    """Each agency's."""
    waiting = {one.name: spooled(patient.home, one.name) for one in patient.control.trust.agencies}
    for agency, count in waiting.items():
        if count:
            resume = patient.place.tocsin("resume", "--as", agency)
            yield Finding(NAME, Level.WARN, f"{count} signed records of {agency} are not in the log yet", resume)
    if not any(waiting.values()):
        yield Finding(NAME, Level.OK, "every signed record is in the log")
