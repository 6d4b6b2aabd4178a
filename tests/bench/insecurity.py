"""Real incidents that several feeds tell: Insecurity Insight's seven feeds, with the truth hidden from the matcher."""

import csv
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from adapters import load
from bus.fusion.node import Key, Node
from bus.units import DAY_MS
from schemas.models import EventMessage
from tests.bench.pairs import Pair, pair
from tests.node_sample import LOW, MONDAY, PARAMETERS, label

DATA: Final = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "insecurity_insight"
FILES: Final = {
    "aid": ("aidWorkerKIKA_*", "ii_aid_workers"),
    "education": ("education_*", "ii_education"),
    "explosive": ("explosiveWeapons_*", "ii_explosive_weapons"),
    "food": ("foodSecurity_*", "ii_food_security"),
    "health": ("healthcare_*", "ii_health_care"),
    "protection": ("protection_*", "ii_protection"),
}
"""Per feed the files, each a snapshot of a date, and the mapping."""
FEEDS_OF_TRUTH: Final = {
    "aidWorkerKIKA": "aid",
    "education": "education",
    "explosiveWeapons": "explosive",
    "foodSecurity": "food",
    "healthcare": "health",
    "protection": "protection",
}


class Incidents(NamedTuple):
    """Rows as events of curated feeds, each of an agency of its own, and which of them tell of one incident."""

    nodes: list[Node]
    true: set[Pair]


def read() -> Incidents:
    """All rows, and the pairs of the truth."""
    keys: dict[tuple[str, str], Key] = {}
    nodes = []
    for feed, (pattern, mapping) in FILES.items():
        for source_id, body in _newest(pattern, mapping).items():
            node = hidden(feed, source_id, body)
            keys[feed, source_id] = node.key
            nodes.append(node)
    true = set()
    with (DATA / "links_truth.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            ends = [keys.get((FEEDS_OF_TRUTH[row[feed]], row["sind_id"])) for feed in ("feed_a", "feed_b")]
            if ends[0] is not None and ends[1] is not None:
                true.add(pair(ends[0], ends[1]))
    return Incidents(nodes, true)


def hidden(feed: str, source_id: str, body: Mapping[str, Any]) -> Node:
    """A row as an event that does not say which incident it is: neither by its id, nor by what it rests on."""
    name = sha256(f"{feed}/{source_id}".encode()).hexdigest()
    header = {
        "agency": f"agency-{feed}",
        "feed": "incidents",
        "id": f"x:{name[:16]}",
        "revision": 1,
        "sequence": 1,
        "created_at": MONDAY,
        "status": "ACTUAL",
        "label": LOW,
    }
    source = {**body["source"], "derived_from": []}
    message = EventMessage.model_validate({"header": header, "body": {**body, "source": source}})
    decoded = message.model_dump(mode="json", by_alias=True)
    return Node.from_event(
        decoded["header"],
        decoded["body"],
        digest=bytes.fromhex(name),
        accepted_at=MONDAY + DAY_MS,
        first_at=MONDAY + DAY_MS,
        label=label(LOW),
        curated=True,
        parameters=PARAMETERS,
    )


def _newest(pattern: str, mapping: str) -> dict[str, Mapping[str, Any]]:
    """Bodies by the source's id, from the newest snapshot, of which the truth was made; file names end with dates."""
    newest = max(DATA.glob(pattern))
    translation = load("table").translate(newest.read_bytes(), {"mapping": mapping})
    return {draft.id.rpartition(":")[2]: draft.body for draft in translation.drafts}


def countries(nodes: Iterable[Node]) -> dict[str, list[Node]]:
    """The events of each country."""
    found: dict[str, list[Node]] = {}
    for node in nodes:
        for country in node.countries or ("none",):
            found.setdefault(country, []).append(node)
    return dict(sorted(found.items()))
