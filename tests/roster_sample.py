"""Rosters for tests: keys that are the same in every run, a valid roster to spoil, and its signed envelope."""

import hashlib
from typing import Any

from bus.trust import frame
from bus.trust.keys import SigningKey
from bus.trust.roster import Trust
from schemas.codec import payload_type, to_wire
from schemas.models import Roster, RosterMessage

NOW = 1_790_000_000_000
DAY = 86_400_000


def key_of(name: str) -> SigningKey:
    """The private key of this name."""
    return SigningKey.from_bytes(hashlib.sha256(name.encode()).digest())


def root_of(name: str) -> dict[str, Any]:
    """A root key's entry."""
    public = key_of(name).public
    return {"key_id": public.key_id, "public": public.raw}


def entry_of(name: str, **changed: Any) -> dict[str, Any]:
    """An agency key's entry: all feeds, valid from a day before `NOW` on."""
    return {**root_of(name), "feeds": ["*"], "valid_from": NOW - DAY, **changed}


def agency_of(name: str, *keys: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """An agency's entry, with the feed `main` and one key of its name where none is given."""
    feed = {"name": "main", "floor": "TLP GREEN", "default_label": "TLP AMBER"}
    entry = {"name": name, "clearance": {"subject": name}, "keys": list(keys) or [entry_of(name)], "feeds": [feed]}
    return {**entry, **changed}


def roster_of(version: int = 1, *agencies: dict[str, Any], roots: str = "r", threshold: int = 1) -> dict[str, Any]:
    """A roster's fields: one root for each letter of `roots`, and the agencies, `fra` and `deu` where none is given."""
    return {
        "version": version,
        "expires_at": NOW + 365 * DAY,
        "roots": {"keys": [root_of(letter) for letter in roots], "threshold": threshold},
        "agencies": list(agencies) or [agency_of("fra"), agency_of("deu")],
    }


def signed(roster: Roster, *signers: str) -> frame.Envelope:
    """The roster's envelope, signed by these roots."""
    header = {
        "agency": "authority",
        "feed": "control",
        "id": "roster",
        "revision": roster.version,
        "sequence": roster.version,
        "created_at": NOW,
        "status": "ACTUAL",
        "label": "TLP CLEAR",
    }
    message = RosterMessage.model_validate({"header": header, "body": roster.model_dump()})
    return frame.sign(payload_type("roster", "control"), to_wire(message), *[key_of(name) for name in signers])


def trusting(fields: dict[str, Any] | None = None, signers: str = "r", at: int = NOW) -> Trust:
    """What holds after this first roster."""
    roster = Roster.model_validate(roster_of() if fields is None else fields)
    envelope = signed(roster, *signers)
    trust = Trust.pinned(envelope.digest).accept(envelope, roster, at)
    assert isinstance(trust, Trust), trust
    return trust
