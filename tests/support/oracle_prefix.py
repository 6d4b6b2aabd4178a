"""What a prefix of `events` says, before anybody's picture of it: control records, the last tick, what is live.

Part of the naive oracle: written from pictures.md alone, slow, remembering nothing that could be recomputed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, Protocol, TypeVar

from bus.errors import Refusal
from bus.labels import Clearance, Label, Permit, Policy, below_floor, join, parse_label, permits
from bus.trust import frame
from bus.trust.roster import Trust
from schemas.codec import decode, decode_trusted, parse_payload_type, resolve
from schemas.models import (
    MESSAGE_OF_KIND,
    DeliveryReason,
    FeedEntry,
    Parameters,
    ParametersMessage,
    PolicyMessage,
    RosterMessage,
)
from schemas.parameters import starting_values
from schemas.registry import Schema, of_bytes

Ref = tuple[str, str, str]
Key = tuple[str, Ref]
"""A record's identity: kind and (agency, feed, id)."""

DELIVERED: Final = ("event", "retraction", "link")
"""Section 3: heartbeats end in receipts, control records stand in `control`."""
DAY_MS: Final = 86_400_000
ADMISSION_MS: Final = 14 * DAY_MS
"""Section 2: admission brings the records accepted within 14 days of the last tick."""


class Said(NamedTuple):
    """One accepted revision of an author's record, with what the roster said of it at its position (section 2)."""

    position: int
    accepted_at: int
    first_at: int
    envelope: bytes
    digest: bytes
    key_id: str
    kind: str
    ref: Ref
    revision: int
    label: str
    header: dict[str, Any]
    body: dict[str, Any]
    is_valid: bool
    is_curated: bool
    is_analyst: bool

    @property
    def key(self) -> Key:
        return self.kind, self.ref


class Reader(Protocol):
    """Whose picture it is: what a reader has not been given, and can't be any more, does not act for it (section 2)."""

    def position_of(self, key: Key) -> int | None:
        """The position of the revision that the reader has."""


class Opened(NamedTuple):
    """An accepted record, decoded."""

    accepted_at: int
    first_at: int
    envelope: frame.Envelope
    encoded: bytes
    kind: str
    message: dict[str, Any]


P = ParamSpec("P")
T = TypeVar("T")


def _once(method: Callable[Concatenate["Prefix", P], T]) -> Callable[Concatenate["Prefix", P], T]:
    """Compute once per position: the answer is the same for every reader."""

    def asked(self: "Prefix", /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (method.__name__, args)
        if key not in self.found:
            self.found[key] = method(self, *args, **kwargs)
        answer: T = self.found[key]
        return answer

    return asked


@dataclass
class Prefix:
    """The records of `events` up to a position."""

    trust: Trust
    policies: dict[str, Policy] = field(default_factory=dict)
    parameters: Parameters = field(default_factory=starting_values)
    tick: int | None = None
    control_version: int = 0
    position: int = -1
    said: dict[Key, list[Said]] = field(default_factory=dict)
    found: dict[object, Any] = field(default_factory=dict)
    """What was computed at this position already, for another reader; forgotten with the next record."""

    # ---- reading ----

    def read(self, position: int, value: bytes) -> bool:
        """Take in one record; True for a tick."""
        self.found = {}
        self.position = position
        if _schema(value).kind == "tick":
            self.tick = decode_trusted(_schema(value), value)["minute"]
            return True
        opened = open_accepted(value)
        if opened.kind in ("roster", "policy", "parameters"):
            self._obey(opened)
        elif opened.kind in DELIVERED:
            one = self._judge(position, opened)
            self.said.setdefault(one.key, []).append(one)
        return False

    def _obey(self, opened: Opened) -> None:
        """The authority's record holds from here on."""
        self.control_version += 1
        message = MESSAGE_OF_KIND[opened.kind].model_validate(opened.message)
        match message:
            case RosterMessage():
                trust = self.trust.accept(opened.envelope, message.body, opened.accepted_at)
                assert isinstance(trust, Trust), trust
                self.trust = trust
            case PolicyMessage():
                policy = Policy.from_toml(message.body.toml)
                assert isinstance(policy, Policy), policy
                self.policies[policy.id] = policy
            case ParametersMessage():
                self.parameters = message.body

    def _judge(self, position: int, opened: Opened) -> Said:
        """Section 2: what depends on the roster is repeated under the version at the record's position."""
        header = opened.message["header"]
        agency, feed_name = header["agency"], header["feed"]
        key_id = opened.envelope.signatures[0].key_id
        key = self.trust.judge_key(key_id, feed_name, opened.accepted_at)
        feed = self.trust.feed(agency, feed_name)
        is_valid = feed is not None and not isinstance(key, Refusal) and key.agency == agency
        for floor in _floors(feed, opened):
            is_valid = is_valid and self._reaches(header["label"], floor)
        return Said(
            position,
            opened.accepted_at,
            opened.first_at,
            opened.encoded,
            opened.envelope.digest,
            key_id,
            opened.kind,
            (agency, feed_name, header["id"]),
            header["revision"],
            header["label"],
            header,
            opened.message["body"],
            is_valid,
            feed is not None and feed.curated,
            feed is not None and feed.analyst,
        )

    def _reaches(self, text: str, floor_text: str) -> bool:
        label, floor = self.label(text), self.label(floor_text)
        if label is None or floor is None or label.policy != floor.policy:
            return False
        return not below_floor(self.policies[label.policy], floor, label)

    # ---- labels and rights, under the versions in force here ----

    @_once
    def label(self, text: str) -> Label | None:
        """The label of this text, or None where it is not valid under the policies in force."""
        label = parse_label(text, self.policies)
        return label if isinstance(label, Label) else None

    def join(self, a: Label, b: Label) -> Label | None:
        """Section 3: labels of one policy and realm only."""
        return join(self.policies[a.policy], a, b) if a.policy in self.policies else None

    @_once
    def clearances(self) -> Mapping[str, Clearance]:
        """Every reader's clearance: agencies of the roster that are not suspended, without the bus itself."""
        found = {}
        for agency in self.trust.agencies:
            if agency.name != "bus" and not agency.suspended:
                clearance = Clearance.compile(agency.clearance, self.policies)
                assert isinstance(clearance, Clearance), clearance
                found[agency.name] = clearance
        return found

    @_once
    def may_read(self, reader: str, text: str) -> bool:
        """Section 2: `permits(clearance, label, at the last tick)`."""
        label, clearance = self.label(text), self.clearances().get(reader)
        if clearance is None or label is None or self.tick is None:
            return False
        policy = self.policies[label.policy]
        return isinstance(permits(policy, clearance, label, self.tick, roster_version=0, policy_version=0), Permit)

    # ---- what is live ----

    @property
    def is_paused(self) -> bool:
        """Section 3: an expired roster pauses deliveries; before the first tick nobody may read anything."""
        return self.tick is None or self.trust.expired(self.tick)

    @property
    def window_ms(self) -> float:
        return self.parameters.cluster.closing_days * DAY_MS

    def thefts(self) -> object:
        """What is known of stolen keys of the bus: what they signed is signed anew."""
        bus = self.trust.agency("bus")
        keys = () if bus is None else bus.keys
        return {key.key_id: key.compromised_since for key in keys if key.compromised_since is not None}

    def is_tainted(self, one: Said) -> bool:
        """Section 3: a revocation with `compromised_since` takes what was accepted since out of all pictures."""
        return self.trust.is_tainted(one.key_id, one.accepted_at)

    def may_enter(self, one: Said) -> bool:
        """Section 2, admission: it arrives now, or was accepted within 14 days of the last tick."""
        return one.position == self.position or (self.tick is not None and one.accepted_at >= self.tick - ADMISSION_MS)

    @_once
    def top(self, reader: "Reader", key: Key) -> Said | None:
        """Section 3: the highest untainted revision counts; of those that the reader has or may be given."""
        had = reader.position_of(key)
        revisions = [
            one
            for one in self.said.get(key, ())
            if one.is_valid and not self.is_tainted(one) and (one.position == had or self.may_enter(one))
        ]
        return max(revisions, key=lambda one: (one.revision, one.position), default=None)

    @_once
    def taking(self, reader: "Reader", kind: str, act: str) -> list[tuple[Said, dict[str, Any]]]:
        """What acts on other records: the records of a kind that count, each with one that it names."""
        tops = [top for key in self.said if key[0] == kind and (top := self.top(reader, key)) is not None]
        return [(top, named) for top in tops for named in top.body[act]]

    def is_retracted(self, reader: "Reader", top: Said) -> bool:
        """Section 3: own records, up to a revision, with their label, before or after they arrive."""
        return any(
            (named["kind"], retraction.ref[0], named["feed"], named["id"]) == (top.kind, *top.ref)
            and named["up_to_revision"] >= top.revision
            and retraction.label == top.label
            for retraction, named in self.taking(reader, "retraction", "retracts")
        )

    def is_replaced(self, reader: "Reader", top: Said) -> bool:
        """Section 3: like a retraction, under the same label; an expired replacement does not bring it back."""
        return any(
            ("event", other.ref[0], named["feed"], named["id"]) == (top.kind, *top.ref)
            and other.label == top.label
            and other.key != top.key
            and not self.is_retracted(reader, other)
            for other, named in self.taking(reader, "event", "replaces")
        )

    def is_expired(self, top: Said) -> bool:
        """Section 3: after `expires_at`, and for EXPECTED after `when.end`, an event leaves."""
        if top.kind != "event" or self.tick is None:
            return False
        when = top.body["when"] if top.body["nature"] == "EXPECTED" else None
        ends = [top.header["expires_at"], when and when["end"]]
        return any(end is not None and end <= self.tick for end in ends)

    @_once
    def live(self, reader: "Reader", key: Key) -> Said | DeliveryReason:
        """The revision that counts, or why there is none."""
        top = self.top(reader, key)
        if top is None:
            return DeliveryReason.TAINTED
        if self.is_retracted(reader, top):
            return DeliveryReason.AUTHOR_RETRACTED
        if self.is_replaced(reader, top):
            return DeliveryReason.REPLACED
        return DeliveryReason.EXPIRED if self.is_expired(top) else top


def _floors(feed: FeedEntry | None, opened: Opened) -> list[str]:
    """The floors that hold for a record: security.md, roster; events.md, rules beyond the schema."""
    if feed is None:
        return []
    source = opened.message["body"]["source"] if opened.kind == "event" else None
    needs_protection = source is not None and (source["at_risk"] or source["consent"] == "LIMITED")
    return [feed.floor, *([feed.protected_floor] if feed.protected_floor and needs_protection else [])]


@lru_cache(maxsize=4096)
def open_accepted(value: bytes) -> Opened:
    """Decode an accepted record down to the author's content."""
    accepted = decode_trusted(_schema(value), value)
    envelope = frame.parse(accepted["envelope"])
    assert isinstance(envelope, frame.Envelope), envelope
    payload = parse_payload_type(envelope.payload_type)
    assert not isinstance(payload, Refusal), payload
    schema = resolve(payload)
    assert isinstance(schema, Schema), schema
    message = decode(schema, envelope.payload)
    assert isinstance(message, dict), message
    encoded = accepted["envelope"]
    return Opened(accepted["accepted_at"], accepted["first_at"], envelope, encoded, payload.kind, message)


def _schema(value: bytes) -> Schema:
    schema = of_bytes(value)
    assert isinstance(schema, Schema), schema
    return schema
