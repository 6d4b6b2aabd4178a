"""A valid event, as the codec decodes it, for tests to spoil."""

from copy import deepcopy
from typing import Any


def event() -> dict[str, Any]:
    """Return a valid event as the codec decodes it."""
    return {
        "header": {
            "agency": "ngo-a",
            "feed": "reports",
            "id": "table:1",
            "revision": 1,
            "sequence": 1,
            "created_at": 1_700_000_000_000,
            "expires_at": None,
            "status": "ACTUAL",
            "exercise": None,
            "label": "TLP GREEN",
        },
        "body": {
            "nature": "INCIDENT",
            "type": "violence.attack.armed",
            "also": ["looting"],
            "indicators": ["7.10"],
            "when": {"start": 1_700_000_000_000, "end": 1_700_086_400_000},
            "where": {"lat": 13.6, "lon": 25.3, "uncertainty_km": 2.0, "countries": ["SDN"], "geometry": None},
            "actors": [{"role": "PERPETRATOR", "class": "ARMED_GROUP", "name": "X", "alleged": True}],
            "counts": [
                {"what": "KILLED", "of": None, "unit": "PERSON", "basis": "NEW", "low": 1, "best": 2, "high": 3}
            ],
            "sectors": ["HEALTH"],
            "source": {
                "discipline": "OSINT",
                "reliability": "B",
                "credibility": 2,
                "origin": "public:x",
                "consent": "NOT_NEEDED",
            },
            "part_of": ["glide:FL-2024-000199-ESP"],
            "texts": [{"language": "en", "headline": "h", "description": "d", "instruction": None}],
            "original": {"format": "table", "sha256": "a" * 64, "bytes": None},
            "attributes": {"table.column one": "1"},
        },
    }


def with_value(path: str, value: object) -> dict[str, Any]:
    """Return the valid event with one value changed."""
    changed = deepcopy(event())
    target: Any = changed
    *parents, last = path.split("/")
    for part in parents:
        target = target[int(part)] if part.isdigit() else target[part]
    target[last] = value
    return changed
