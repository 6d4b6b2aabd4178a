"""What happened, counted from what the bus wrote: submissions, receipts, outboxes. Nothing is assumed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bus.client import read_receipts
from bus.demo.attacks import Attack
from bus.demo.cast import Cast, Sheet
from bus.demo.places import Place
from bus.demo.reading import Reading
from bus.exercise import Result
from bus.exercise.screen import figures as score
from bus.log.protocol import Log
from bus.log.topics import topic
from schemas.models import Alert, Receipt, Verdict


class Sent(NamedTuple):
    """One sheet, published: how many rows became records, how many rows the adapter refused."""

    agency: str
    sheet: Sheet
    records: int
    refused: int


class Corrected(NamedTuple):
    """A report that its author changed, or took back; who had it and was told."""

    ref: str
    told: tuple[str, ...]


class Tried(NamedTuple):
    """An attack and what ingest said of it; `reason` None: it was let in."""

    attack: Attack
    reason: str | None
    place: str | None


class Ledger(NamedTuple):
    """What ingest said of everything that was submitted. `live`: references of events that were not taken back."""

    submitted: int
    accepted: int
    rejected: int
    by_reason: Mapping[str, int]
    live: frozenset[str]
    tried: tuple[Tried, ...]


class Tally(NamedTuple):
    """The whole demo, in figures."""

    engine: str
    cast: Cast
    sent: tuple[Sent, ...]
    ledger: Ledger
    readings: tuple[Reading, ...]
    places: tuple[Place, ...]
    amended: Corrected
    withdrawn: Corrected
    exercise: Result | None = None
    seconds: float = 0.0

    @property
    def alerts(self) -> dict[str, Alert]:
        """Every alert that anyone has, by id, as the one sees it who sees the most of it."""
        found: dict[str, Alert] = {}
        for reading in self.readings:
            for alert_id, alert in reading.alerts.items():
                if alert_id not in found or len(alert.members) > len(found[alert_id].members):
                    found[alert_id] = alert
        return found

    @property
    def signatures(self) -> int:
        """Signatures that were checked, by all readers."""
        return sum(reading.signatures for reading in self.readings)

    @property
    def failed(self) -> int:
        """Signatures that did not hold."""
        return sum(reading.failed for reading in self.readings)

    def withheld(self, reading: Reading) -> int:
        """How many live events this agency does not have. The demo's own overview: no agency learns it."""
        return len(self.ledger.live - reading.events)

    @property
    def is_good(self) -> bool:
        """Whether every attack was refused, every signature holds, something was fused, and the exercise is passed."""
        fused = any(len(alert.members) > 1 for alert in self.alerts.values())
        passed = self.exercise is not None and self.exercise.is_good
        return passed and fused and not self.failed and all(one.reason is not None for one in self.ledger.tried)


def ledger(log: Log, agencies: Sequence[str], attempts: Sequence[Attack]) -> Ledger:
    """Read all submissions and receipts."""
    receipts = {agency: [receipt for _, receipt in read_receipts(log, agency)] for agency in agencies}
    everything = [receipt for found in receipts.values() for receipt in found]
    reasons = Counter(str(receipt.reason) for receipt in everything if receipt.verdict is Verdict.REJECTED)
    return Ledger(
        sum(1 for agency in agencies for _ in log.read(topic("submissions", agency))),
        sum(receipt.verdict is Verdict.ACCEPTED for receipt in everything),
        sum(reasons.values()),
        dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        frozenset(ref for agency, found in receipts.items() for ref in _live(agency, found)),
        tuple(_judged(log, attempts)),
    )


def figures(tally: Tally) -> dict[str, Any]:
    """The figures under their stable names (interfaces.md)."""
    told = tally.ledger
    alerts = tally.alerts
    return {
        "engine": tally.engine,
        "events": {"submitted": told.submitted, "accepted": told.accepted, "rejected": told.rejected},
        "rejected_by_reason": dict(told.by_reason),
        "alerts": {"total": len(alerts), "fused": sum(len(alert.members) > 1 for alert in alerts.values())},
        "agencies": {
            one.agency: {"alerts": len(one.alerts), "events": len(one.events), "withheld": tally.withheld(one)}
            for one in tally.readings
        },
        "places": [place._asdict() for place in tally.places],
        "verified": {
            "alerts": sum(len(one.alerts) for one in tally.readings),
            "signatures": tally.signatures,
            "failed": tally.failed,
        },
        "exercise": None if tally.exercise is None else score(tally.exercise),
        "seconds": round(tally.seconds, 2),
    }


def _live(agency: str, receipts: Iterable[Receipt]) -> set[str]:
    """References of the agency's accepted events, less what it took back."""
    found: set[str] = set()
    gone: set[str] = set()
    for receipt in receipts:
        if receipt.verdict is Verdict.ACCEPTED and receipt.kind == "event":
            found.add(f"{agency}/{receipt.feed}/{receipt.id}")
        gone.update(f"{agency}/{one.feed}/{one.id}" for one in receipt.covers)
    return found - gone


def _judged(log: Log, attempts: Sequence[Attack]) -> Iterable[Tried]:
    """Each attack's own refusal, found by its very bytes among what was set aside."""
    refused = {
        (agency, record.value): {name: value.decode() for name, value in record.headers}
        for agency in {attack.agency for attack in attempts}
        for record in log.read(topic("rejected", agency))
    }
    for attack in attempts:
        headers = refused.get((attack.agency, attack.data), {})
        yield Tried(attack, headers.get("reason"), headers.get("place"))
