"""Agencies in memory: keys, rosters, policies, ticks, and signed records as ingest would accept them, all from a seed.

What comes out are the values of `events` in their order, byte for byte as the bus writes them; nothing of it needs a
log, a clock, or chance from outside.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.codec import encode, payload_type, to_wire
from schemas.models import MESSAGE_OF_KIND, Parameters, Value
from schemas.registry import newest

DAY_MS: Final = 86_400_000
START: Final = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
PUBLIC: Final = "COALITION UNCLASSIFIED//PUBLIC"
COALITION: Final = files("schemas").joinpath("policies", "coalition.toml").read_text("utf-8")


@dataclass
class Key:
    """A signing key of an agency, with what the roster says of it."""

    signing: SigningKey
    valid_from: int
    valid_until: int | None = None
    revoked_at: int | None = None
    compromised_since: int | None = None
    feeds: tuple[str, ...] = ("*",)

    def is_tainted(self, at: int) -> bool:
        return self.compromised_since is not None and at >= self.compromised_since


@dataclass
class Feed:
    """A feed's rules."""

    floor: str = PUBLIC
    protected_floor: str | None = None
    curated: bool = False
    analyst: bool = False
    quota_records_per_day: int | None = None


@dataclass
class Agency:
    """An agency as the next roster will have it."""

    name: str
    clearance: dict[str, Any]
    feeds: dict[str, Feed]
    keys: list[Key] = field(default_factory=list)
    suspended: bool = False


@dataclass
class Past:
    """One accepted revision, as ingest remembers it."""

    revision: int
    accepted_at: int
    key: Key
    label: str


Ref = tuple[str, str, str]
Identity = tuple[str, Ref]


@dataclass
class World:
    """One bus before anything reads it: `values` are the records of `events`."""

    seed: str
    now: int = START
    late_ms: int = 0
    """How long ago the next record was accepted: ingest may have been slow."""
    values: list[bytes] = field(default_factory=list)
    agencies: dict[str, Agency] = field(default_factory=dict)
    past: dict[Identity, list[Past]] = field(default_factory=dict)
    covered: dict[Identity, list[tuple[int, Key]]] = field(default_factory=dict)
    replaced: dict[Ref, list[Ref]] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    """When each agency's last record was accepted: append times never go back."""
    expires_at: int = START + 400 * DAY_MS
    versions: dict[str, int] = field(default_factory=dict)
    control_version: int = 0
    sequence: int = 0
    minted: int = 0
    pin: bytes = b""
    stolen_from_bus: list[Key] = field(default_factory=list)
    """Keys that the bus had before and were stolen; it signs with another."""

    def __post_init__(self) -> None:
        """Mint the root's and the bus's key."""
        self.root = self.mint()
        self.bus = self.mint()

    def mint(self) -> SigningKey:
        """The next key of this world."""
        self.minted += 1
        return SigningKey.from_bytes(hashlib.sha256(f"{self.seed}/{self.minted}".encode()).digest())

    def steal_from_bus(self, since: int) -> None:
        """The next roster says that a key of the bus was stolen then, or then already."""
        if not self.stolen_from_bus:
            former = SigningKey.from_bytes(hashlib.sha256(f"{self.seed}/former".encode()).digest())
            self.stolen_from_bus.append(Key(former, START - DAY_MS, revoked_at=self.now, compromised_since=since))
        [key] = self.stolen_from_bus
        key.compromised_since = min(since, key.compromised_since or since)

    def admit(self, name: str, clearance: Mapping[str, Any], feeds: Mapping[str, Feed]) -> Agency:
        """Enter an agency into the next roster."""
        agency = Agency(name, dict(clearance), dict(feeds), [Key(self.mint(), self.now - DAY_MS)])
        self.agencies[name] = agency
        return agency

    # ---- the authority ----

    def roster(self) -> None:
        """Publish the agencies as they stand."""
        version = self.next_version("roster")
        root = self.root.public
        authority = Agency("authority", {}, {"control": Feed()}, [Key(self.root, START - DAY_MS)])
        bus = Agency("bus", {}, {}, [*self.stolen_from_bus, Key(self.bus, START - DAY_MS)])
        body = {
            "version": version,
            "expires_at": self.expires_at,
            "roots": {"keys": [{"key_id": root.key_id, "public": root.raw}], "threshold": 1},
            "agencies": [_entry(agency) for agency in (authority, bus, *self.agencies.values())],
        }
        self.control("roster", version, body)

    def policy(self, text: str = COALITION) -> None:
        """Publish the coalition's policy with this text."""
        version = self.next_version("policy")
        text = text.replace("\nversion = 1\n", f"\nversion = {version}\n")
        self.control("policy", version, {"policy": "COALITION", "version": version, "toml": text})

    def parameters(self, values: Parameters) -> None:
        """Publish these numbers under the next version."""
        version = self.next_version("parameters") + 1  # the starting values, which nobody published, are version 1
        self.control("parameters", version, values.model_copy(update={"version": version}).model_dump())

    def next_version(self, kind: str) -> int:
        """Count a control record of this kind; versions are dense."""
        self.versions[kind] = self.versions.get(kind, 0) + 1
        return self.versions[kind]

    def control(self, kind: str, version: int, body: Mapping[str, Any]) -> None:
        """Sign and accept one record of the authority."""
        envelope = self.sign(Key(self.root, START), ("authority", "control", kind), kind, version, PUBLIC, body)
        self.pin = self.pin or envelope.digest
        self.control_version += 1
        self.append(envelope, self.now, self.now)

    def tick(self) -> None:
        """One tick at the present time."""
        self.values.append(encode(newest("tick"), {"minute": self.now}))

    # ---- authors ----

    def accept(
        self, kind: str, ref: Ref, label: str, body: Mapping[str, Any], *, key: Key | None = None, **header: Any
    ) -> bool:
        """Sign the next revision and accept it; False where ingest would refuse it as stale or relabelled."""
        key = key or self.agencies[ref[0]].keys[-1]
        identity = (kind, ref)
        at = max(self.now - self.late_ms, self.last.get(ref[0], 0))
        sound = [past for past in self.past.get(identity, ()) if not past.key.is_tainted(past.accepted_at)]
        if any(past.label != label for past in sound) or self._is_replaced(identity):
            return False
        cover = self._cover(identity)
        revision = max([0, cover, *(past.revision for past in sound)]) + header.pop("skip", 0) + 1
        first_at = min([at, *(past.accepted_at for past in sound if past.revision > cover)])
        self.append(self.sign(key, ref, kind, revision, label, body, **header), at, first_at)
        self.past.setdefault(identity, []).append(Past(revision, at, key, label))
        self.last[ref[0]] = at
        self._remember(kind, ref, body, key)
        return True

    def latest(self, kind: str, ref: Ref) -> int:
        """The highest revision that was ever accepted."""
        return max((past.revision for past in self.past.get((kind, ref), ())), default=0)

    def sign(  # noqa: PLR0913 - what a header is made of
        self, key: Key, ref: Ref, kind: str, revision: int, label: str, body: Any, **header: Any
    ) -> frame.Envelope:
        """The envelope of one record."""
        self.sequence += 1
        realm = label.partition("//EXERCISE ")[2]
        message: Value = MESSAGE_OF_KIND[kind].model_validate(
            {
                "header": {
                    "agency": ref[0],
                    "feed": ref[1],
                    "id": ref[2],
                    "revision": revision,
                    "sequence": self.sequence,
                    "created_at": self.now,
                    "status": "EXERCISE" if realm else "ACTUAL",
                    "exercise": realm or None,
                    "label": label,
                    **header,
                },
                "body": body,
            }
        )
        return frame.sign(payload_type(kind, ref[1]), to_wire(message), key.signing)

    def append(self, envelope: frame.Envelope, accepted_at: int, first_at: int) -> None:
        """Put an accepted record into `events`."""
        value = {
            "accepted_at": accepted_at,
            "first_at": first_at,
            "control_version": self.control_version,
            "envelope": envelope.encode(),
        }
        self.values.append(encode(newest("accepted"), value))

    def _remember(self, kind: str, ref: Ref, body: Mapping[str, Any], key: Key) -> None:
        """Remember what the record covers, so that nothing covered is accepted later."""
        for target in body.get("retracts", ()) if kind == "retraction" else ():
            named = (target["kind"], (ref[0], target["feed"], target["id"]))
            self.covered.setdefault(named, []).append((target["up_to_revision"], key))
        for other in body.get("replaces", ()) if kind == "event" else ():
            self.replaced.setdefault((ref[0], other["feed"], other["id"]), []).append(ref)

    def _cover(self, identity: Identity) -> int:
        """Up to which revision the record is retracted by what stands."""
        return max((upto for upto, key in self.covered.get(identity, ()) if key.compromised_since is None), default=0)

    def _is_replaced(self, identity: Identity) -> bool:
        return identity[0] == "event" and identity[1] in self.replaced


def _entry(agency: Agency) -> dict[str, Any]:
    """An agency as the roster has it."""
    return {
        "name": agency.name,
        "suspended": agency.suspended,
        "keys": [
            {
                "key_id": key.signing.public.key_id,
                "public": key.signing.public.raw,
                "feeds": key.feeds,
                "valid_from": key.valid_from,
                "valid_until": key.valid_until,
                "revoked_at": key.revoked_at,
                "compromised_since": key.compromised_since,
            }
            for key in agency.keys
        ],
        "clearance": {"subject": agency.name, **agency.clearance},
        "feeds": [
            {
                "name": name,
                "floor": feed.floor,
                "protected_floor": feed.protected_floor,
                "default_label": feed.floor,
                "curated": feed.curated,
                "analyst": feed.analyst,
                "quota_records_per_day": feed.quota_records_per_day,
            }
            for name, feed in agency.feeds.items()
        ],
    }
