"""Whether the stages of a bus that runs do their work: no shard rests after a fault, and time goes on."""

from collections.abc import Iterator, Sequence
from typing import Final

from bus.names import AUTHORITY
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.operate.progress import CORRELATE, INGEST, StageState
from bus.stages.ticks import last_tick
from bus.units import MINUTE_MS

NAME: Final = "stages"
STILL_MS: Final = 10 * MINUTE_MS
STILL_TICKS: Final = 3
"""Without a tick for so long, and for as many intervals, a bus that seems to run hangs."""


def check(patient: Patient) -> Iterator[Finding]:
    """By who holds what, what waits, and the last tick."""
    found = [*resting(patient.stages), *_hung(patient)]
    yield from found
    if not found:
        yield Finding(NAME, Level.OK, f"{sum(bool(one.holder) for one in patient.stages)} shards and slots are at work")


def resting(stages: Sequence[StageState]) -> Iterator[Finding]:
    """Agencies whose submissions wait, and whose shard let go of its name, while a bus runs and holds the others'."""
    held = {stage.name for stage in stages if stage.holder is not None}
    if INGEST + AUTHORITY not in held or not any(name.startswith(CORRELATE) for name in held):
        return
    idle = (one.name for one in stages if one.name.startswith(INGEST) and one.lag_records and not one.holder)
    if names := [name.removeprefix(INGEST) for name in idle]:
        yield Finding(
            NAME,
            Level.FAIL,
            f"the shard of {', '.join(names)} rests after a fault: the log of `tocsin run` says which",
            advice="It is tried again by itself, with pauses that grow; a restart of `tocsin run` tries it at once.",
        )


def _hung(patient: Patient) -> Iterator[Finding]:
    """A bus that holds the authority's shard and has made no tick for long."""
    owner = next((one for one in patient.state.owners if one.name == INGEST + AUTHORITY), None)
    tick = None if owner is None else last_tick(owner.note)
    if owner is None or owner.holder is None or tick is None:
        return
    silent_ms = patient.now - tick
    if silent_ms > max(STILL_MS, STILL_TICKS * patient.settings.tick_interval_s * 1000):
        yield Finding(
            NAME,
            Level.FAIL,
            f"{owner.holder} holds the authority's shard and has made no tick for {silent_ms // MINUTE_MS} minutes",
            f"kill -KILL {owner.holder.removeprefix('process ')}",
            "Nothing is lost, and another takes over its work. If the clock was just set ahead, wait a minute first.",
        )
