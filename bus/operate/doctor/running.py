"""Whether somebody takes up what waits."""

from collections.abc import Iterator
from typing import Final

from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient

NAME: Final = "running"


def check(patient: Patient) -> Iterator[Finding]:
    """Whether the bus runs, and what it has yet to read."""
    waiting = patient.waiting_records
    if patient.stands_still:
        run = patient.place.tocsin("run")
        yield Finding(NAME, Level.WARN, f"the bus does not run, and {waiting} records wait", run)
        return
    runs = any(stage.holder for stage in patient.stages)
    state = f"the bus runs; {waiting} records wait" if runs else "the bus does not run; nothing waits"
    yield Finding(NAME, Level.OK, state)
