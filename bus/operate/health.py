"""Whether a bus is ready to be relied upon: what it needs, one condition each.

An agency that floods does not make the bus unready for the others: only the lag of correlate and of the authority's
shard counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bus.names import AUTHORITY
from bus.operate.doctor import Level, Patient, clock, roster, stages, storage
from bus.operate.doctor.finding import Finding
from bus.operate.progress import CORRELATE, INGEST, StageState


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold, whether it does, and how it is; holds no content."""

    name: str
    holds: bool
    what: str


def conditions(patient: Patient) -> list[Condition]:
    """All of them."""
    vital = [stage for stage in patient.stages if stage.name == INGEST + AUTHORITY or stage.name.startswith(CORRELATE)]
    return [
        _owned(vital),
        _lag(patient, vital),
        _of("stages", stages.check(patient)),
        _of("roster", roster.check(patient)),
        _of("clock", clock.check(patient)),
        _log(patient),
        _of("disk", iter((storage.judge_room(patient.place, patient.place.disk),))),
    ]


def _owned(vital: list[StageState]) -> Condition:
    """Somebody alive must hold the authority's shard and every slot."""
    held = {stage.name for stage in vital if stage.holder is not None}
    free = sorted({INGEST + AUTHORITY, f"{CORRELATE}0", *(stage.name for stage in vital)} - held)
    return Condition("owners", not free, f"nobody runs {', '.join(free)}" if free else f"{len(held)} names are held")


def _lag(patient: Patient, vital: list[StageState]) -> Condition:
    bound_s = patient.settings.ready_lag_s
    waiting = [(patient.now - stage.waiting_since) / 1000 for stage in vital if stage.waiting_since is not None]
    longest_s = max(waiting, default=0.0)
    return Condition(
        "lag", longest_s <= bound_s, f"the oldest record waits for {longest_s:.0f} s, of {bound_s} allowed"
    )


def _log(patient: Patient) -> Condition:
    """Whether the last that was written reached the disk."""
    trouble = patient.state.trouble
    return Condition("log", trouble is None, trouble or "the log is written")


def _of(name: str, findings: Iterator[Finding]) -> Condition:
    """As the doctor's check finds it: only what fails counts."""
    found = list(findings)
    failed = [one.what for one in found if one.level is Level.FAIL]
    return Condition(name, not failed, "; ".join(failed or [one.what for one in found]))
