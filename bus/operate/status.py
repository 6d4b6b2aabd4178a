"""The state of a home at a glance."""

from dataclasses import dataclass

from bus.log.protocol import Log, LogState, OwnerState, TopicState
from bus.names import AUTHORITY, BUS
from bus.stages.ahead import time_ahead
from bus.stages.control import Control
from bus.units import DAY_MS


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
class StageState:
    """One shard or slot: who runs it (None: nobody), and how many records it has yet to read."""

    name: str
    holder: str | None
    lag: int


@dataclass(frozen=True, slots=True)
class Status:
    """A home at a glance. `troubles` is what an operator must see to; none where all is well."""

    engine: str
    size_bytes: int
    pin: str
    roster_version: int
    roster_expires_at: int
    control_version: int
    policies: dict[str, int]
    parameters_version: int
    agencies: tuple[AgencyState, ...]
    stages: tuple[StageState, ...]
    troubles: tuple[str, ...]


_SOON_MS = 30 * DAY_MS


def status(log: Log, control: Control, now: int) -> Status:
    """Look at the log and at what the authority has said; `now` is UTC ms."""
    state = log.describe()
    topics = {topic.name: topic for topic in state.topics}
    owners = {owner.name: owner for owner in state.owners}
    return Status(
        engine=state.engine,
        size_bytes=state.size_bytes,
        pin=control.trust.pin.hex(),
        roster_version=control.roster_version,
        roster_expires_at=control.trust.expires_at,
        control_version=control.version,
        policies=dict(control.policy_versions),
        parameters_version=control.parameters.version,
        agencies=tuple(_agencies(control, topics, owners)),
        stages=tuple(_stages(state, topics)),
        troubles=tuple(_troubles(control, state, topics, now)),
    )


def _agencies(control: Control, topics: dict[str, TopicState], owners: dict[str, OwnerState]) -> list[AgencyState]:
    found = []
    for one in control.trust.agencies:
        if one.name == BUS:
            continue
        name, ingest = f"submissions.{one.name}", owners.get(f"ingest-{one.name}")
        taken = ingest.cursors.get(name, 0) if ingest is not None else 0
        found.append(
            AgencyState(
                name=one.name,
                suspended=one.suspended,
                feeds=tuple(feed.name for feed in one.feeds),
                waiting=_yet_to_read(topics.get(name), taken),
                rejected=_kept(topics.get(f"rejected.{one.name}")),
                delivered=_kept(topics.get(f"outbox.{one.name}")),
            )
        )
    return found


def _stages(state: LogState, topics: dict[str, TopicState]) -> list[StageState]:
    return [
        StageState(
            one.name, one.holder, sum(_yet_to_read(topics.get(name), cursor) for name, cursor in one.cursors.items())
        )
        for one in state.owners
        if one.cursors
    ]


def _troubles(control: Control, state: LogState, topics: dict[str, TopicState], now: int) -> list[str]:
    ahead = time_ahead(state, now)
    found = [] if ahead is None else [f"{ahead}, and no bus starts: set the clock right, or restore a backup"]
    if control.trust.expired(now):
        found.append(
            "the roster has expired, and the bus pauses: publish the next one (any `tocsin agency` change does)"
        )
    elif control.trust.expires_at - now < _SOON_MS:
        found.append("the roster expires within 30 days: publish the next one (any `tocsin agency` change does)")
    if state.trouble is not None:
        found.append(f"upkeep of the log failed last time: {state.trouble}")
    missing = [one.name for one in control.trust.agencies if one.name != BUS and f"outbox.{one.name}" not in topics]
    if missing:
        found.append(f"topics are missing for {', '.join(missing)}: `tocsin run` makes them")
    resting = _resting(control, state, topics)
    if resting:
        found.append(f"the shard of {', '.join(resting)} rests after a fault: the log of `tocsin run` says which")
    return found


def _resting(control: Control, state: LogState, topics: dict[str, TopicState]) -> list[str]:
    """Agencies whose submissions wait, and whose shard let go of its name, while a bus runs and holds the others'."""
    owners = {owner.name: owner for owner in state.owners}
    authority = owners.get(f"ingest-{AUTHORITY}")
    if (
        authority is None
        or authority.holder is None
        or not any(owner.holder == authority.holder for name, owner in owners.items() if name.startswith("correlate-"))
    ):
        return []
    waiting = [one.name for one in _agencies(control, topics, owners) if one.waiting]
    return [name for name in waiting if (one := owners.get(f"ingest-{name}")) is not None and one.holder is None]


def _yet_to_read(topic: TopicState | None, cursor: int) -> int:
    return 0 if topic is None else topic.end - max(cursor, topic.start)


def _kept(topic: TopicState | None) -> int:
    return 0 if topic is None else topic.end - topic.start
