"""What one agency has: its outbox read, every alert verified down to the authors' signatures."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from bus.client import Authority, Picture, Subscriber
from bus.client.verify import Finding, verify_held
from bus.demo.cast import CastError
from bus.log.protocol import Log
from schemas.models import Alert, AlertMessage, Change


class Reading(NamedTuple):
    """One agency's picture. `events`: references `agency/feed/id`, as are those that it was told of a change of."""

    agency: str
    alerts: Mapping[str, Alert]
    labels: Mapping[str, str]
    events: frozenset[str]
    amended: frozenset[str]
    retracted: frozenset[str]
    deliveries: Mapping[str, int]
    signatures: int
    failed: int
    picture: Picture

    @property
    def fused(self) -> int:
        """How many of its alerts rest on more than one report."""
        return sum(len(alert.members) > 1 for alert in self.alerts.values())


def read(log: Log, pin: bytes, authority: Authority, agency: str) -> Reading:
    """Read an agency's outbox to its end, and verify what it holds."""
    subscriber = Subscriber(log, agency, pin, verify=False)  # each alert is verified below, once
    deliveries: Counter[str] = Counter()
    told: dict[str, set[str]] = {change: set() for change in Change}
    for received in subscriber.poll():
        deliveries[received.delivery.change] += 1
        told[received.delivery.change].add(received.delivery.ref)
    picture = subscriber.picture
    findings: list[Finding] = []
    alerts: dict[str, Alert] = {}
    labels: dict[str, str] = {}
    for alert_id, held in picture.alerts().items():
        found, verified = verify_held(picture, authority, held)
        findings += found.findings
        message = verified or picture.alert(alert_id)
        if not isinstance(message, AlertMessage):
            raise CastError(f"an alert of {agency} can't be read", "This is a fault of the bus: please report it.")
        alerts[alert_id], labels[alert_id] = message.body, message.header.label
    return Reading(
        agency,
        alerts,
        labels,
        frozenset(picture.events()),
        frozenset(told[Change.UPDATE]),
        frozenset(told[Change.RETRACTED]),
        deliveries,
        len(findings),
        sum(finding.refusal is not None for finding in findings),
        picture,
    )
