"""Reports as fusion sees them, for tests: one with everything plain, of which each test changes what it is about."""

from hashlib import sha256
from importlib.resources import files
from typing import Any

from bus.fusion.node import Node
from bus.labels import Label, Policy, join, parse_label
from schemas.models import Event, EventMessage, Header, Source, Value, Where
from schemas.parameters import starting_values

DAY_MS = 86_400_000
MONDAY = 1_700_438_400_000
LOW = "COALITION UNCLASSIFIED//REL TO GEN, NYC"
HIGH = "COALITION SECRET//REL TO NYC"
PARAMETERS = starting_values()

_POLICY = Policy.from_toml(files("schemas").joinpath("policies", "coalition.toml").read_text("utf-8"))
assert isinstance(_POLICY, Policy)
POLICY = _POLICY
PARTS: dict[str, type[Value]] = {"body": Event, "where": Where, "source": Source, "header": Header}


def label(text: str = LOW) -> Label:
    """A label of the coalition's policy."""
    found = parse_label(text, {POLICY.id: POLICY})
    assert isinstance(found, Label), found
    return found


def join_labels(a: Label, b: Label) -> Label | None:
    """The join under the coalition's policy."""
    return join(POLICY, a, b)


def event(agency: str = "ngo-a", number: int = 1, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and body as the codec decodes them; a change names a field of body, where, source or header."""
    parts: dict[str, dict[str, Any]] = {
        "header": {
            "agency": agency,
            "feed": "reports",
            "id": f"table:{number}",
            "revision": 1,
            "sequence": 1,
            "created_at": MONDAY,
            "status": "ACTUAL",
            "label": LOW,
        },
        "body": {
            "nature": "INCIDENT",
            "type": "violence.attack.armed",
            "when": {"start": MONDAY, "end": MONDAY + DAY_MS},
        },
        "where": {"lat": 13.6, "lon": 25.3, "uncertainty_km": 2.0, "countries": ["SDN"]},
        "source": {"discipline": "OSINT", "reliability": "B", "credibility": 2},
    }
    for name, value in changes.items():
        part = next(part for part, model in PARTS.items() if name in model.model_fields)
        parts[part][name] = value
    body = {**parts["body"], "where": parts["where"], "source": parts["source"]}
    message = EventMessage.model_validate({"header": parts["header"], "body": body})
    decoded = message.model_dump(mode="json")
    return decoded["header"], decoded["body"]


def report(
    agency: str = "ngo-a", number: int = 1, at: int = MONDAY + DAY_MS, *, curated: bool = False, **changes: Any
) -> Node:
    """A report that was accepted at `at`."""
    header, body = event(agency, number, **changes)
    return Node.from_event(
        header,
        body,
        digest=sha256(repr((header, body)).encode()).digest(),
        accepted_at=at,
        first_at=at,
        label=label(header["label"]),
        curated=curated,
        parameters=PARAMETERS,
    )
