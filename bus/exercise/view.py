"""What each agency has of a story: its outbox, read as any reader does, in the words of the story."""

from collections.abc import Iterator, Mapping

from bus.client import Subscriber
from bus.client.opened import Opened, open_signed
from bus.exercise.records import Named
from bus.exercise.score import SeenAlert, View
from bus.log.protocol import Log, Record
from bus.log.topics import topic
from schemas.models import AlertMessage


class Onlooker:
    """Reads along with one agency, from its first delivery on."""

    def __init__(self, log: Log, agency: str, pin: bytes, named: Mapping[str, Named]) -> None:
        """`named`: what the story calls by which id."""
        self._log = log
        self._outbox = topic("outbox", agency)
        self._subscriber = Subscriber(log, agency, pin)
        self._by_ref = {one.ref: key for key, one in named.items()}
        self._by_id = {one.id: key for key, one in named.items()}
        self._named: set[str] = set()

    def look(self, latest: Mapping[str, str]) -> View:
        """What the agency has now; `latest`: the digest of each report's latest accepted wording, by its id."""
        for received in self._subscriber.poll():
            delivery = received.delivery
            told = [delivery.ref, delivery.replaces, delivery.superseded_by]
            self._named.update(self._stories(one for one in told if one is not None))
            if delivery.body is not None and any(one.encode() in delivery.body for one in self._by_id):
                opened = open_signed(delivery.body)
                if isinstance(opened, Opened):
                    self._named.update(self._stories(_texts(opened.message.model_dump())))
        picture = self._subscriber.picture
        held = {}
        for (_, ref), one in picture.held.items():
            key = self._by_ref.get(ref)
            if key is not None:
                opened = one.open()
                digest = opened.envelope.digest.hex() if isinstance(opened, Opened) else None
                held[key] = latest.get(key) == digest
        gone = {self._by_ref[ref]: str(one.reason) for (_, ref), one in picture.gone.items() if ref in self._by_ref}
        return View(held, gone, frozenset(self._named), tuple(self._alerts()))

    def outbox(self) -> list[Record]:
        """Everything that was delivered to it, byte for byte."""
        return list(self._log.read(self._outbox))

    def _alerts(self) -> Iterator[SeenAlert]:
        for held in self._subscriber.picture.alerts().values():
            opened = held.open()
            if isinstance(opened, Opened) and isinstance(opened.message, AlertMessage):
                alert = opened.message.body
                refs = [f"{member.agency}/{member.feed}/{member.id}" for member in alert.members]
                if any(ref in self._by_ref for ref in refs):
                    of = frozenset(self._by_ref.get(ref, ref) for ref in refs)
                    words, level = alert.confidence.words, alert.severity.level
                    yield SeenAlert(of, alert.origins, words, level, held.closed)

    def _stories(self, texts: Iterator[str]) -> Iterator[str]:
        """What of the story these texts name, by its id or by its reference."""
        for text in texts:
            key = self._by_id.get(text) or self._by_ref.get(text)
            if key is not None:
                yield key


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
