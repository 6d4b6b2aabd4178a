"""Whether a publisher of this home has left signed records that the log does not have yet."""

from collections.abc import Iterator
from typing import Final

from bus.home import spooled
from bus.names import RESERVED
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import SUBMISSIONS, Patient

NAME: Final = "spool"
_ADVICE: Final = (
    "Bring {folder} back from a backup; else the next publish sends each of its records once more, as an amendment."
)


def check(patient: Patient) -> Iterator[Finding]:
    """Each agency's."""
    waiting = {one.name: spooled(patient.home, one.name) for one in patient.control.trust.agencies}
    for agency, count in waiting.items():
        if count:
            resume = patient.place.tocsin("resume", "--as", agency)
            yield Finding(NAME, Level.WARN, f"{count} signed records of {agency} are not in the log yet", resume)
    forgetful = [name for name in waiting if _has_forgotten(patient, name)]
    for agency in forgetful:
        what = f"{agency} has published from this home, which has lost what its publisher remembers"
        yield Finding(NAME, Level.WARN, what, advice=_ADVICE.format(folder=patient.home.agencies / agency))
    if not any(waiting.values()) and not forgetful:
        yield Finding(NAME, Level.OK, "every signed record is in the log")


def _has_forgotten(patient: Patient, agency: str) -> bool:
    """Whether an agency whose keys are here has submitted something, and its publisher's memory is gone."""
    sent = patient.topics.get(f"{SUBMISSIONS}{agency}")
    if agency in RESERVED or sent is None or sent.end == 0:
        return False
    has_keys = any((patient.home.keys / agency).glob("*.key"))
    return has_keys and not (patient.home.agencies / agency / "publisher.db").exists()
