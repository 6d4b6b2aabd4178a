"""Whether the log is what the bus wrote: the quick part of `tocsin log verify`."""

from collections.abc import Iterator
from typing import Final

from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.operate.soundness import verify_log

NAME: Final = "log"
_NAMED: Final = 3


def check(patient: Patient) -> Iterator[Finding]:
    """The file, the authority's words, ends and heads; signatures and chains are `tocsin log verify`'s."""
    found = verify_log(patient.home, patient.log, quick=True).findings
    for one in found[:_NAMED]:
        yield Finding(
            NAME,
            Level.FAIL,
            f"{one.place}: {one.what}",
            patient.place.tocsin("log", "verify"),
            "It says all that is wrong. Stop the bus, keep the home for study, and `tocsin restore` the latest backup.",
        )
    if not found:
        yield Finding(NAME, Level.OK, "the log's file, ends and heads are sound")
