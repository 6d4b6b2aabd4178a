"""The state of a home at a glance."""

from dataclasses import dataclass

from bus.log.protocol import TopicState
from bus.names import BUS
from bus.operate.disk import Disk
from bus.operate.doctor import Patient, troubles
from bus.operate.doctor.finding import Finding
from bus.operate.outboxes import OutboxState, outbox_states
from bus.operate.progress import INGEST, StageState, yet_to_read
from bus.operate.silence import FeedSilence, feed_silence


@dataclass(frozen=True, slots=True)
class AgencyState:
    """One agency: what waits to be judged, what was refused and is still kept, and what was delivered to it."""

    name: str
    suspended: bool
    feeds: tuple[str, ...]
    waiting: int
    rejected: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Status:
    """A home at a glance. `troubles` is what somebody must see to, with what mends it; none where all is well."""

    engine: str
    size_bytes: int
    disk: Disk
    pin: str
    roster_version: int
    roster_expires_at: int
    control_version: int
    policies: dict[str, int]
    parameters_version: int
    agencies: tuple[AgencyState, ...]
    feeds: tuple[FeedSilence, ...]
    outboxes: tuple[OutboxState, ...]
    stages: tuple[StageState, ...]
    troubles: tuple[Finding, ...]


def status(patient: Patient) -> Status:
    """What a home's bus looks like."""
    state, control = patient.state, patient.control
    outboxes = outbox_states(patient.log, state, control, patient.home)
    return Status(
        engine=state.engine,
        size_bytes=state.size_bytes,
        disk=patient.place.disk,
        pin=control.trust.pin.hex(),
        roster_version=control.roster_version,
        roster_expires_at=control.trust.expires_at,
        control_version=control.version,
        policies=dict(control.policy_versions),
        parameters_version=control.parameters.version,
        agencies=tuple(_agencies(patient, {one.agency: one for one in outboxes})),
        feeds=feed_silence(control, state, patient.now),
        outboxes=outboxes,
        stages=patient.stages,
        troubles=tuple(troubles(patient)),
    )


def _agencies(patient: Patient, outboxes: dict[str, OutboxState]) -> list[AgencyState]:
    topics, found = patient.topics, []
    for one in patient.control.trust.agencies:
        if one.name == BUS:
            continue
        stage, outbox = patient.stage(INGEST + one.name), outboxes.get(one.name)
        found.append(
            AgencyState(
                name=one.name,
                suspended=one.suspended,
                feeds=tuple(feed.name for feed in one.feeds),
                waiting=_all(topics.get(f"submissions.{one.name}")) if stage is None else stage.lag_records,
                rejected=_all(topics.get(f"rejected.{one.name}")),
                delivered=0 if outbox is None else outbox.kept,
            )
        )
    return found


def _all(topic: TopicState | None) -> int:
    """All that a topic still holds."""
    return yet_to_read(topic, 0)
