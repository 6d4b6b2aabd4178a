"""Submissions signed as agencies would: what the checks and ingest are tested with."""

from copy import copy, deepcopy
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from bus.errors import Refusal
from bus.stages.checks import Accepted, Memory, Verdict, check
from bus.stages.control import Control
from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.codec import encode, payload_type
from schemas.models import MESSAGE_OF_KIND, validate
from schemas.registry import newest

NOW: Final = 1_790_000_000_000
DAY_MS: Final = 86_400_000
PUBLIC: Final = "COALITION UNCLASSIFIED//PUBLIC"
RESTRICTED: Final = "COALITION RESTRICTED//REL TO DEU, FRA"
PROTECTED: Final = "COALITION CONFIDENTIAL//NEED PROTECTION//REL TO DEU, FRA"
POLICY: Final = files("schemas").joinpath("policies", "coalition.toml").read_text("utf-8")


def header(agency: str, feed: str, record_id: str, **changed: Any) -> dict[str, Any]:
    """A header that every check passes."""
    return {
        "agency": agency,
        "feed": feed,
        "id": record_id,
        "revision": 1,
        "sequence": 1,
        "created_at": NOW,
        "expires_at": None,
        "status": "ACTUAL",
        "exercise": None,
        "label": RESTRICTED,
        **changed,
    }


def event_body(**changed: Any) -> dict[str, Any]:
    """An event's content that every check passes; keys of `source` are changed as `source=dict(…)`."""
    source = {"discipline": "OSINT", **changed.pop("source", {})}
    body = {"nature": "INCIDENT", "type": "violence.killing", "source": source, **changed}
    message = validate(MESSAGE_OF_KIND["event"], {"header": header("fra", "main", "x"), "body": body})
    assert not isinstance(message, Refusal), message
    dumped: dict[str, Any] = message.body.model_dump()
    return dumped


def sign(kind: str, head: dict[str, Any], body: dict[str, Any], *keys: SigningKey, feed: str | None = None) -> bytes:
    """The bytes of a signed record; `feed` is what the payload type says, by default the header's."""
    payload = encode(newest(kind), {"header": head, "body": body})
    return frame.sign(payload_type(kind, feed or head["feed"]), payload, *keys).encode()


@dataclass
class Office:
    """The authority and its agencies: fra (feeds main and analysis), deu (feed main), with a key each."""

    keys: dict[str, SigningKey] = field(default_factory=dict)
    pin: bytes = b""
    version: int = 0
    sequence: int = 0
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    expires_at: int = NOW + 100 * DAY_MS
    root: SigningKey = field(default_factory=SigningKey.generate)
    now: int = NOW

    def __post_init__(self) -> None:
        """Give each agency its key and its entry."""
        feeds = {"fra": [feed("main"), feed("analysis", analyst=True)], "deu": [feed("main")]}
        for name in ("authority", "bus", "fra", "deu"):
            self.keys[name] = SigningKey.generate()
            self.entries[name] = entry(name, [key_entry(self.keys[name])], feeds.get(name, []))

    def admit(self, name: str) -> None:
        """Enter one more agency into the next roster."""
        self.keys[name] = SigningKey.generate()
        self.entries[name] = entry(name, [key_entry(self.keys[name])], [feed("main")])

    def roster(self, *signers: SigningKey, **changed: Any) -> bytes:
        """The next roster, as submitted."""
        self.version += 1
        root = self.root.public
        body = {
            "version": self.version,
            "expires_at": self.expires_at,
            "roots": {"keys": [{"key_id": root.key_id, "public": root.raw}], "threshold": 1},
            "agencies": deepcopy(list(self.entries.values())),
            **changed,
        }
        data = sign("roster", self.header("roster", revision=self.version), body, *(signers or (self.root,)))
        if not self.pin:
            parsed = frame.parse(data)
            assert isinstance(parsed, frame.Envelope)
            self.pin = parsed.digest
        return data

    def policy(self, version: int = 1, toml: str = POLICY, policy: str = "COALITION") -> bytes:
        """The coalition's label policy, as submitted."""
        body = {"policy": policy, "version": version, "toml": toml}
        return sign("policy", self.header(f"policy-{policy}", revision=version), body, self.keys["authority"])

    def header(self, record_id: str, **changed: Any) -> dict[str, Any]:
        """A header of the authority's."""
        self.sequence += 1
        fixed = {"label": PUBLIC, "sequence": self.sequence, "created_at": self.now}
        return header("authority", "control", record_id, **fixed, **changed)

    def varied(self, name: str = "", **changed: Any) -> "Office":
        """The same office, with other fields in one agency's entry; this one stays as it is."""
        office = copy(self)
        office.entries = {**self.entries}
        if name:
            office.entries[name] = {**self.entries[name], **changed}
        return office

    def control(self) -> Control:
        """What holds after a roster and the policy."""
        first = self.roster()
        control = Control.start(self.pin)
        for data in (first, self.policy()):
            control = after(control, data)
        return control

    def event(
        self, record_id: str = "test:a", agency: str = "fra", body: dict[str, Any] | None = None, **head: Any
    ) -> bytes:
        """An event of an agency's feed `main`, signed with its key."""
        named = header(agency, head.pop("feed", "main"), record_id, **head)
        return sign("event", named, event_body() if body is None else body, self.keys[agency])


def feed(name: str, **changed: Any) -> dict[str, Any]:
    """A feed's entry in a roster."""
    default = {"floor": PUBLIC, "protected_floor": PROTECTED, "default_label": RESTRICTED, "curated": False}
    return {"name": name, **default, "analyst": False, "quota_records_per_day": None, **changed}


def key_entry(key: SigningKey, **changed: Any) -> dict[str, Any]:
    """A key's entry in a roster: valid for all feeds, from a day ago on."""
    dates = {"valid_from": NOW - DAY_MS, "valid_until": None, "revoked_at": None, "compromised_since": None}
    return {"key_id": key.public.key_id, "public": key.public.raw, "feeds": ["*"], **dates, **changed}


def entry(name: str, keys: list[dict[str, Any]], feeds: list[dict[str, Any]]) -> dict[str, Any]:
    """An agency's entry in a roster: cleared for nothing in particular."""
    clearance = {"subject": name, "policies": [], "audiences": [], "realms": ["REAL"], "not_after": None}
    return {"name": name, "suspended": False, "keys": keys, "clearance": clearance, "feeds": feeds}


def after(control: Control, data: bytes, at: int = NOW) -> Control:
    """What holds after the authority's record, judged as ingest does."""
    verdict = check(data, agency="authority", at=at, control=control, memory=Memory())
    return control_of(verdict)


def control_of(verdict: Verdict) -> Control:
    """What holds after an accepted record."""
    assert isinstance(verdict, Accepted), verdict
    return verdict.control
