"""The one incident that is explained: the alert with the most independent origins, and what each agency has of it."""

from collections.abc import Sequence
from typing import NamedTuple

from bus.demo.reading import Reading
from schemas.models import Alert


class Incident(NamedTuple):
    """An alert as one agency has it, and the others' alerts of the same incident, None where they have none."""

    agency: str
    alert: Alert
    label: str
    others: dict[str, Alert | None]


def incident(readings: Sequence[Reading]) -> Incident | None:
    """The incident that the most origins tell; None where nobody has any alert."""
    everything = [(reading, alert) for reading in readings for alert in reading.alerts.values()]
    if not everything:
        return None
    chosen, alert = max(everything, key=lambda pair: _weight(*pair))
    others = {one.agency: _same(one, alert) for one in readings if one is not chosen}
    return Incident(
        chosen.agency,
        alert,
        chosen.labels[alert.alert_id],
        dict(sorted(others.items(), key=lambda pair: _order(pair[1]))),
    )


def _weight(reading: Reading, alert: Alert) -> tuple[int, int, int, str]:
    return (alert.origins, len(alert.members), len(reading.events), alert.alert_id)


def _same(reading: Reading, alert: Alert) -> Alert | None:
    """The agency's alert that shares the most reports with this one."""
    digests = {member.digest for member in alert.members}
    shared = {
        alert_id: len(digests.intersection(member.digest for member in own.members))
        for alert_id, own in reading.alerts.items()
    }
    best = max(shared, key=lambda alert_id: (shared[alert_id], alert_id), default=None)
    return reading.alerts[best] if best is not None and shared[best] else None


def _order(alert: Alert | None) -> tuple[int, float]:
    return (1, 0.0) if alert is None else (0, -alert.confidence.probability)
