"""What each agency has of a story: its outbox, read as any reader does, in the words of the story."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bus.client import Received, Subscriber
from bus.client.opened import Opened
from bus.client.picture import Held
from bus.exercise.records import Named
from bus.exercise.score import SeenAlert, View
from bus.log.protocol import Log, Record
from bus.log.topics import topic
from schemas.models import AlertMessage, DeliveredKind, Value


class Signatures(NamedTuple):
    """How many were checked, and how many did not hold."""

    checked: int
    failed: int

    def with_more(self, received: Received) -> "Signatures":
        """And those of one more delivery."""
        failed = sum(finding.refusal is not None for finding in received.findings)
        return Signatures(self.checked + len(received.findings), self.failed + failed)


class Onlooker:
    """Reads along with one agency; each delivery is verified to its author's bytes."""

    def __init__(self, log: Log, agency: str, pin: bytes, named: Mapping[str, Named]) -> None:
        """`named`: what the story calls by which id. What was delivered before is read, and not looked at."""
        self._log = log
        self._outbox = topic("outbox", agency)
        self._subscriber = Subscriber(log, agency, pin)
        self._subscriber.catch_up()
        self._named = named
        self._by_text = {text: key for key, one in named.items() for text in (one.id, one.ref)}
        self._heard: set[str] = set()
        self.signatures = Signatures(0, 0)

    def look(self, latest: Mapping[str, str]) -> View:
        """What the agency has now; `latest`: the digest of each report's latest accepted wording, by its id."""
        for received in self._subscriber.poll():
            delivery = received.delivery
            self._heard.update(self._stories((delivery.ref, delivery.replaces, delivery.superseded_by)))
            opened = received.open()
            if isinstance(opened, Value):
                self._heard.update(self._stories(_texts(opened.model_dump())))
            self.signatures = self.signatures.with_more(received)
        picture = self._subscriber.picture
        held, gone = {}, {}
        for key, named in self._named.items():
            place = (DeliveredKind(named.kind), named.ref)
            if (there := picture.held.get(place)) is not None:
                held[key] = _digest(there) == latest.get(key)
            if (lost := picture.gone.get(place)) is not None:
                gone[key] = str(lost.reason)
        return View(held, gone, frozenset(self._heard), tuple(self._alerts()))

    def outbox(self) -> list[Record]:
        """Everything that was delivered to it, byte for byte."""
        return list(self._log.read(self._outbox))

    def close(self) -> None:
        """Let go of what was read."""
        self._subscriber.close()

    def _alerts(self) -> Iterator[SeenAlert]:
        """The alerts that rest on anything of the story."""
        ids = [one.id.encode() for one in self._named.values()]
        for held in self._subscriber.picture.alerts().values():
            opened = held.open() if any(one in held.body for one in ids) else None
            if isinstance(opened, Opened) and isinstance(opened.message, AlertMessage):
                alert = opened.message.body
                refs = [f"{member.agency}/{member.feed}/{member.id}" for member in alert.members]
                of = frozenset(self._by_text.get(ref, ref) for ref in refs)
                yield SeenAlert(of, alert.origins, alert.confidence.words, alert.severity.level, held.closed)

    def _stories(self, texts: Iterable[str | None]) -> Iterator[str]:
        """What of the story these texts name, by its id or by its reference."""
        return (self._by_text[text] for text in texts if text is not None and text in self._by_text)


def _digest(held: Held) -> str | None:
    opened = held.open()
    return opened.envelope.digest.hex() if isinstance(opened, Opened) else None


def _texts(value: object) -> Iterator[str]:
    """Every text in a record."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
