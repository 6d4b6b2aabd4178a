"""Time per event and memory per open event of fusion's matching.

Part of `make bench`. Every figure stands beside its target; a miss is printed, and is no failure of the program.

Made events: wars of 2,000 open events each, in 600 towns on a million square kilometres over fourteen days, big towns
more often. Each incident is told by one to four of a dozen feeds, most with a text of some forty words; a third of the
places are not exact. More open events are more wars.
"""

import argparse
import random
import sys
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from statistics import mean, quantiles
from time import process_time
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bus.fusion.graph import Graph
from bus.fusion.node import Node
from bus.stages.interpreter import tuned_interpreter
from bus.units import DAY_MS
from tests.node_sample import LOW, MONDAY, PARAMETERS, join_labels, label

EVENTS_PER_WAR: Final = 2000
TOWNS: Final = 600
FEEDS: Final = 12
TYPES: Final = (
    "violence.attack.armed",
    "violence.attack.air",
    "violence.killing",
    "destruction.housing",
    "clash.armed",
)
WORDS: Final = tuple(f"word{number}" for number in range(3000))
TARGET_US: Final = 150.0
"""Per event, at 10,000 open events."""
TARGET_GROWTH: Final = 1.3
"""At 100,000 open events against 10,000."""
TARGET_HOT_US: Final = 1000.0
"""Per event, 100 events in one place-day."""
TARGET_COPY_US: Final = 3000.0
"""For the thousandth copy of a text: all members are looked at, as for the alert that names them."""
TARGET_BYTES: Final = 1150.0
"""Per open event, with its node: fusion's share of the 2,000 of correlate's whole state."""
PROBES: Final = 2000
"""Events that are timed, after those that fill the graph."""
VERIFICATIONS: Final = 2000

Decoded = tuple[dict[str, Any], dict[str, Any], bool]


def event(number: int, feed: int, incident: dict[str, Any], chance: random.Random) -> Decoded:
    """One feed's report of an incident, decoded, and whether the feed is curated."""
    header = {"agency": f"agency-{feed}", "feed": "reports", "id": f"made:{number:08d}", "revision": 1}
    text = incident["text"].split()
    if chance.random() < 0.5:
        text[chance.randrange(len(text))] = chance.choice(WORDS)
    body = {
        "nature": "INCIDENT",
        "type": incident["type"],
        "also": [],
        "when": {"start": incident["start"], "end": incident["start"] + DAY_MS},
        "where": {
            "lat": incident["lat"],
            "lon": incident["lon"],
            "uncertainty_km": chance.choice([1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 25.0, 25.0, 50.0]),
            "countries": ["SDN"],
            "admin": [],
            "name": incident["name"],
        },
        "actors": [],
        "counts": [],
        "sectors": incident["sectors"],
        "source": {
            "derived_from": [f"made-{feed}:{number:08d}"],
            "origin": None,
            "attribution": None,
            "claims": "SUPPORTS",
            "discipline": "OSINT",
            "reliability": "B",
            "credibility": 2,
            "reported_at": None,
        },
        "part_of": [],
        "texts": [{"language": "en", "headline": None, "description": " ".join(text)}] if feed % 4 else [],
        "media": [],
    }
    return header, body, feed % 2 == 0


def events(total: int, seed: int = 1) -> Iterator[Decoded]:
    """So many reports, in a mixed order."""
    chance = random.Random(seed)
    wars = [
        [(south + chance.uniform(0.0, 9.0), west + chance.uniform(0.0, 10.0)) for _ in range(TOWNS)]
        for south, west in [
            (chance.uniform(-40.0, 50.0), chance.uniform(-170.0, 160.0)) for _ in range(max(1, total // EVENTS_PER_WAR))
        ]
    ]
    reports: list[tuple[int, dict[str, Any]]] = []
    while len(reports) < total:
        # The square of an even draw: the first towns come more often.
        war, town = chance.choice(wars), int(TOWNS * chance.random() ** 2)
        incident = {
            "lat": war[town][0],
            "lon": war[town][1],
            "name": f"town {town}",
            "type": chance.choice(TYPES),
            "start": MONDAY + chance.randrange(14) * DAY_MS,
            "sectors": chance.choice([[], ["HEALTH"], ["EDUCATION"]]),
            "text": " ".join(chance.choices(WORDS, k=40)),
        }
        reports += [(feed, incident) for feed in chance.sample(range(FEEDS), chance.choice([1, 1, 2, 3, 4]))]
    chance.shuffle(reports)
    for number, (feed, incident) in enumerate(reports[:total]):
        yield event(number, feed, incident, chance)


def hot(total: int, seed: int = 2) -> Iterator[Decoded]:
    """So many reports of one town on one day, of some thirty incidents."""
    chance = random.Random(seed)
    for number in range(total):
        incident = {
            "lat": 15.6,
            "lon": 32.5,
            "name": "the town",
            "type": chance.choice(TYPES),
            "start": MONDAY,
            "sectors": ["HEALTH"],
            "text": " ".join(random.Random(number // 4).choices(WORDS, k=40)),
        }
        yield event(number, number % FEEDS, incident, chance)


def copies(total: int) -> Iterator[Decoded]:
    """One text, sent so many times by a feed that is not curated, each as a record of its own."""
    incident = next(hot(1))[1]
    for number in range(total):
        header = {"agency": "agency-1", "feed": "reports", "id": f"copy:{number:08d}", "revision": 1}
        source = {**incident["source"], "derived_from": [f"copy:{number:08d}"]}
        texts = [{"language": "en", "headline": None, "description": " ".join(WORDS[:40])}]
        yield header, {**incident, "source": source, "texts": texts}, False


def node(decoded: Decoded) -> Node:
    """As correlate makes it."""
    header, body, curated = decoded
    return Node.from_event(
        header,
        body,
        digest=sha256(header["id"].encode()).digest(),
        accepted_at=MONDAY + 15 * DAY_MS,
        first_at=MONDAY + 15 * DAY_MS,
        label=LABEL,
        curated=curated,
        parameters=PARAMETERS,
    )


LABEL: Final = label(LOW)


def timed(graph: Graph, decoded: list[Decoded], masks: list[int]) -> list[float]:
    """Microseconds of each event on the processor, from decoded to settled: whoever else runs here does not count."""
    times = []
    for number, each in enumerate(decoded):
        began = process_time()
        graph.put(node(each), masks[number % len(masks)])
        graph.settle()
        times.append((process_time() - began) * 1e6)
    return times


def filled(total: int, probes: int, masks: list[int]) -> list[float]:
    """The times of the last events of so many open ones."""
    graph = Graph(PARAMETERS, join_labels)
    decoded = list(events(total))
    for number, each in enumerate(decoded[:-probes]):
        graph.put(node(each), masks[number % len(masks)])
        if number % 64 == 0:
            graph.settle()
    graph.settle()
    return timed(graph, decoded[-probes:], masks)


def bytes_per_event(total: int) -> float:
    """What an event beyond the first half holds on to: node, entry, edges, index, clusters (caches are full)."""
    decoded = list(events(total))
    tracemalloc.start()
    graph = Graph(PARAMETERS, join_labels)
    held = [0]
    for half in (decoded[: total // 2], decoded[total // 2 :]):
        for header, body, curated in half:
            # An id is decoded anew from each record, so it belongs to the event that keeps it.
            graph.put(node(({**header, "id": f"{header['id']} "[:-1]}, body, curated)), 1)
            graph.settle()
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return (held[2] - held[1]) / (total // 2)


def verify_us() -> float:
    """The yardstick: processor time of one Ed25519 verification on this machine, now."""
    key, message = Ed25519PrivateKey.generate(), bytes(1000)
    public, signature = key.public_key(), key.sign(message)
    began = process_time()
    for _ in range(VERIFICATIONS):
        public.verify(signature, message)
    return (process_time() - began) / VERIFICATIONS * 1e6


def told(name: str, value: float, unit: str, target: float | None = None) -> None:
    """Print one figure, and whether it meets its target."""
    judged = "" if target is None else f"   target <= {target:<8,.0f}{'pass' if value <= target else 'MISS'}"
    print(f"{name:<54}{value:>8,.0f} {unit:<6}{judged}".rstrip())


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="10,000 open events only")
    small = parser.parse_args().small
    print("fusion, from a decoded event to settled clusters: processor time per event")
    told("for comparison: one Ed25519 verification", verify_us(), "us")
    told("memory per open event, 20,000 open", bytes_per_event(20_000), "bytes", TARGET_BYTES)
    with tuned_interpreter():
        ten = filled(10_000, PROBES, [1])
        told("10,000 open events, one reader", mean(ten), "us", TARGET_US)
        told("  of which the slowest percent take at least", quantiles(ten, n=100)[98], "us")
        told("  with eight readers who see differently", mean(filled(10_000, PROBES, list(range(1, 256, 7)))), "us")
        spot = timed(Graph(PARAMETERS, join_labels), list(hot(100)), [1])
        told("100 events in one place-day", mean(spot), "us", TARGET_HOT_US)
        few, many = (timed(Graph(PARAMETERS, join_labels), list(copies(number)), [1]) for number in (100, 1_000))
        told("one text sent 100 times", mean(few), "us", TARGET_HOT_US)
        told("one text sent 1,000 times, the last", many[-1], "us", TARGET_COPY_US)
        if not small:
            hundred = filled(100_000, PROBES, [1])
            told("100,000 open events, one reader", mean(hundred), "us", TARGET_GROWTH * mean(ten))
    return 0


if __name__ == "__main__":
    sys.exit(main())
