"""One bus on a temporary log, with the authority's word, two agencies, and what correlate would deliver to them."""

from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

from bus.client import Authority, Publisher
from bus.client.opened import Opened, open_signed
from bus.client.publication import Act as Draft
from bus.errors import Reason
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics, topic
from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.codec import encode, parse_payload_type, payload_type, to_wire
from schemas.delivery import encode_delivery, encode_middle, first_chain, next_chain, without_chain
from schemas.models import (
    AcceptedEvent,
    AlertMessage,
    PolicyMessage,
    Receipt,
    RosterMessage,
    Status,
    Verdict,
)
from schemas.registry import newest

NOW: Final = 1_790_000_000_000
LABEL: Final = "COALITION RESTRICTED//REL TO DEU, FRA"


def draft(name: str, headline: str = "", modified_at: int | None = None, status: Status = Status.ACTUAL) -> Draft:
    body = {
        "nature": "INCIDENT",
        "type": "violence.killing",
        "source": {"discipline": "OSINT"},
        "texts": [{"language": "en", "headline": headline or name}],
    }
    return Draft("event", f"test:{name}", status, body, modified_at)


@dataclass
class World:
    """One bus on a temporary log, with two agencies, the bus and the authority."""

    path: Path
    log: Any
    now: int = NOW
    keys: dict[str, SigningKey] = field(default_factory=dict)
    pin: bytes = b""
    control: int = 0

    def clock(self) -> int:
        self.now += 1
        return self.now

    def found(self) -> None:
        self.keys = {name: SigningKey.generate() for name in ("authority", "bus", "fra", "deu")}
        self.roster(1)
        text = (resources.files("schemas") / "policies" / "coalition.toml").read_text(encoding="utf-8")
        body = {"policy": "COALITION", "version": 1, "toml": text}
        message = PolicyMessage.model_validate({"header": self.header("policy", 1), "body": body})
        self.accept(frame.sign(payload_type("policy", "control"), to_wire(message), self.keys["authority"]))

    def header(self, record_id: str, revision: int) -> dict[str, Any]:
        return {
            "agency": "authority",
            "feed": "control",
            "id": record_id,
            "revision": revision,
            "sequence": revision,
            "created_at": self.now,
            "status": "ACTUAL",
            "label": "COALITION UNCLASSIFIED//PUBLIC",
        }

    def roster(self, version: int, compromised: dict[str, int] | None = None, revoked: tuple[str, ...] = ()) -> None:
        root = self.keys["authority"].public
        agencies = [
            {
                "name": name,
                "clearance": {"subject": name},
                "keys": [
                    {
                        "key_id": key.public.key_id,
                        "public": key.public.raw,
                        "feeds": ["*"],
                        "valid_from": NOW - 1000,
                        "revoked_at": self.now if name in (*(compromised or {}), *revoked) else None,
                        "compromised_since": (compromised or {}).get(name),
                    }
                ],
                "feeds": []
                if name in ("bus", "authority")
                else [{"name": "main", "floor": "COALITION UNCLASSIFIED//PUBLIC", "default_label": LABEL}],
            }
            for name, key in self.keys.items()
        ]
        body = {
            "version": version,
            "expires_at": NOW + 10**10,
            "roots": {"keys": [{"key_id": root.key_id, "public": root.raw}], "threshold": 1},
            "agencies": agencies,
        }
        message = RosterMessage.model_validate({"header": self.header("roster", version), "body": body})
        envelope = frame.sign(payload_type("roster", "control"), to_wire(message), self.keys["authority"])
        self.pin = self.pin or envelope.digest
        self.accept(envelope)

    def accept(self, envelope: frame.Envelope) -> None:
        self.control += 1
        at = self.clock()
        accepted = AcceptedEvent(accepted_at=at, first_at=at, control_version=self.control, envelope=envelope.encode())
        self.log.append("control", [NewRecord("control", b"c", encode(newest("accepted"), accepted.model_dump()))])

    def publisher(self, agency: str = "fra", **options: Any) -> Publisher:
        policies = Authority(self.log, self.pin).policies
        path = self.path / f"{agency}.db"
        return Publisher(
            self.log, agency, self.keys[agency], path, policies, pin=self.pin, clock_ms=self.clock, **options
        )

    def submitted(self, agency: str = "fra") -> list[Opened]:
        opened = [open_signed(record.value) for record in self.log.read(topic("submissions", agency))]
        assert all(isinstance(one, Opened) for one in opened)
        return [one for one in opened if isinstance(one, Opened)]

    def receipt(self, opened: Opened, verdict: Verdict, reason: Reason | None = None) -> None:
        header = opened.message.header
        receipt = Receipt(
            kind=parse_payload_type(opened.envelope.payload_type).kind,  # type: ignore[union-attr]
            feed=header.feed,
            id=header.id,
            digest=opened.envelope.digest.hex(),
            revision=header.revision,
            label=header.label,
            verdict=verdict,
            reason=reason,
            accepted_at=self.now,
            first_at=self.now,
            sequence=header.sequence,
            key_id=opened.envelope.signatures[0].key_id,
        )
        name = topic("receipts", header.agency)
        self.log.append(name, [NewRecord(name, b"k", encode(newest("receipt"), receipt.model_dump()))])


class Outbox:
    """What correlate writes, for one reader."""

    def __init__(self, world: World, reader: str) -> None:
        """Begin the reader's chain."""
        self.world, self.name = world, topic("outbox", reader)
        self.sequence, self.chain = 0, first_chain(reader, world.pin)

    def deliver(
        self, kind: str, ref: str, body: bytes | None = None, change: str = "NEW", reason: str | None = None
    ) -> bytes:
        middle = encode_middle(change=change, reason=reason, kind=kind, ref=ref, body=body)
        self.sequence += 1
        self.chain = next_chain(self.chain, without_chain(self.sequence, 1, middle))
        data = encode_delivery(self.sequence, 1, middle, self.chain)
        self.append(data)
        return data

    def append(self, data: bytes) -> None:
        self.world.log.append(self.name, [NewRecord(self.name, b"k", data)])


def alert_of(world: World, members: list[Opened], accepted_at: int, signer: str = "bus", **changed: Any) -> bytes:
    body = {
        "alert_id": "ab" * 32,
        "parameters_version": 1,
        "members": [
            {
                "digest": m.envelope.digest.hex(),
                "agency": m.message.header.agency,
                "feed": m.message.header.feed,
                "id": m.message.header.id,
                "revision": m.message.header.revision,
                "accepted_at": accepted_at,
                "first_at": accepted_at,
                "claims": "SUPPORTS",
                "origin_group": 0,
                **changed,
            }
            for m in members
        ],
        "type": "violence.killing",
        "nature": "INCIDENT",
        "severity": {"level": 3, "harm": 3, "scale": 1, "vulnerable": False},
        "confidence": {"log_odds": 0.0, "probability": 0.5, "words": "roughly even chance", "cap": 0.9},
        "origins": len(members),
    }
    header = world.header("variant", 1) | {"agency": "bus", "feed": "alerts", "label": LABEL}
    message = AlertMessage.model_validate({"header": header, "body": body})
    return frame.sign(payload_type("alert", "alerts"), to_wire(message), world.keys[signer]).encode()


def delivered_world(world: World) -> tuple[Outbox, list[Opened]]:
    """Two agencies' events and an alert of both, delivered to deu."""
    world.publisher("fra").publish([draft("a")], "main", LABEL)
    world.publisher("deu").publish([draft("b")], "main", LABEL)
    members = world.submitted("fra") + world.submitted("deu")
    outbox = Outbox(world, "deu")
    for member in members:
        h = member.message.header
        outbox.deliver("event", f"{h.agency}/{h.feed}/{h.id}", member.envelope.encode())
    return outbox, members


def make_world(path: Path) -> World:
    """A founded bus in this folder; its log is the caller's to close."""
    made = World(path, None)
    made.log = SqliteLog(path / "bus.db", made.clock)
    made.log.create([*bus_topics(), *(spec for name in ("fra", "deu") for spec in agency_topics(name))])
    made.found()
    return made
