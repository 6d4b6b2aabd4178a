"""Whether this machine's clock goes with the log: times of the log never go back, so one ahead stops the bus."""

from collections.abc import Iterator
from typing import Final

from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.stages.ahead import time_ahead

NAME: Final = "clock"


def check(patient: Patient) -> Iterator[Finding]:
    """The log's newest time against the clock."""
    ahead = time_ahead(patient.state, patient.now)
    if ahead is None:
        yield Finding(NAME, Level.OK, "the clock is not behind the log")
        return
    yield Finding(
        NAME,
        Level.FAIL,
        f"{ahead}, and no bus starts",
        "timedatectl set-ntp true",
        "If the clock is right now and was wrong then: `tocsin restore` a backup that was made before, or wait.",
    )
