"""The graph is a function of the set of events, their readers and the links, and for each reader of what it sees alone.

The naive side clusters everything a reader sees, all pairs, from nothing; the graph must say the same after any
history.
"""

import random
from collections import Counter
from itertools import combinations
from typing import Any, NamedTuple

import h3.api.basic_int as h3
import pytest

from bus.fusion import region
from bus.fusion.clusters import SAME_SCORE, Edge, Rules, cluster
from bus.fusion.graph import Graph
from bus.fusion.joins import join_all
from bus.fusion.node import Key, Node
from bus.fusion.score import Matcher
from bus.labels import Label
from bus.units import DAY_MS
from schemas.models import Parameters
from tests.bench import insecurity
from tests.node_sample import HIGH, LOW, MONDAY, PARAMETERS, join_labels, report

READERS = 4
LIMIT = 4
DENSE = PARAMETERS.cluster.dense.model_copy(update={"limit": LIMIT})
PARAMETERS_DENSE = PARAMETERS.model_copy(update={"cluster": PARAMETERS.cluster.model_copy(update={"dense": DENSE})})
TEST_REALM = f"{LOW}//TEST"
REALMS: list[dict[str, Any]] = [
    {"label": LOW},
    {"label": LOW},
    {"label": HIGH},
    {"label": TEST_REALM, "status": "TEST"},
]
TEXTS = [
    "shots were fired at the well near the old mosque on the road to the north and two men were hit",
    "shots were fired at the well near the old mosque on the road to the north and three men were hit",
    "a school burned down in the night after soldiers came through the village",
    "a statement",
]


class World(NamedTuple):
    """What has been said so far: the only thing that the graph may depend on."""

    nodes: dict[Key, tuple[Node, int]]
    links: dict[Key, tuple[str, tuple[Key, ...], int]]


def draw(chance: random.Random, number: int) -> Node:
    """An event in one of a few towns on one of a few days, of one of a few agencies; more alike than life."""
    town = chance.choice([(13.6, 25.3), (13.6, 25.3), (13.63, 25.33), (13.9, 25.3), (-17.0, 179.99), (-17.0, -179.99)])
    start = MONDAY + chance.choice([0, 0, 0, 1, 3]) * DAY_MS
    text = chance.choice([None, None, *TEXTS])
    return report(
        chance.choice(["ngo-a", "ngo-b", "un-c", "un-d"]),
        number,
        curated=chance.random() < 0.5,
        nature=chance.choice(["INCIDENT"] * 5 + ["SPAN"]),
        type=chance.choice(
            ["violence.attack.armed", "violence.attack.air", "violence.killing", "clash.armed", "other"]
        ),
        when=chance.choice([{"start": start, "end": start + chance.choice([1, 1, 1, 20]) * DAY_MS}] * 9 + [None]),
        lat=town[0] + chance.choice([0.0, 0.0, 0.01]),
        lon=town[1],
        uncertainty_km=chance.choice([1.0, 2.0, 10.0, 60.0, 300.0, None]),
        texts=[{"language": "en", "description": text}] if text else [],
        actors=chance.choice([[], [], [{"role": "PERPETRATOR", "name": chance.choice(["Red Band", "Blue Band"])}]]),
        sectors=chance.choice([[], ["HEALTH"], ["HEALTH", "EDUCATION"]]),
        derived_from=chance.choice([[], [], [], ["acled:1"], ["acled:2"]]),
        **chance.choice(REALMS),
    )


def copy(chance: random.Random, node: Node, number: int) -> Node:
    """The same once more, of somebody else; mostly a twin."""
    key = (chance.choice(["ngo-a", "ngo-b", "un-c"]), "reports", f"copy:{number}")
    record = chance.choice([(), (), (f"own:{number}",), ("acled:1",)])
    return node._replace(key=key, curated=False, derived_from=record, first_at=node.first_at + number, where_name=None)


def what(node: Node) -> Node:
    """An event without who sent it, when, as which record, and how sure they are."""
    plain: dict[str, Any] = {
        "digest": b"",
        "revision": 0,
        "accepted_at": 0,
        "first_at": 0,
        "uncertainty_km": None,
        "where_name": None,
    }
    source = node.source._replace(attribution=None, reliability=None, credibility=None, part_of=())
    return node._replace(key=("", "", ""), derived_from=(), origin=None, reported_at=None, source=source, **plain)


def twins(world: World, bit: int, nodes: list[Node], parameters: Parameters) -> dict[Key, list[Key]]:
    """Who stands for whom, for one reader: of those who say the same, the first by key."""
    named = {ref for _, refs, mask in world.links.values() if mask >> bit & 1 and len(set(refs)) > 1 for ref in refs}
    first: dict[Node, Key] = {}
    found: dict[Key, list[Key]] = {}
    for node in nodes:
        is_apart = node.key in named or any(
            other.record == node.record and other.nature == node.nature and what(other) != what(node)
            for other in nodes
            if node.record is not None and bucket(other, parameters) is not None
        )
        can = (node.grams or node.actors) and not node.curated and bucket(node, parameters) is not None
        stands = first.setdefault(what(node), node.key) if can and not is_apart else node.key
        found.setdefault(stands, []).append(node.key)
    return found


def reference(world: World, bit: int, parameters: Parameters) -> dict[Key, tuple[Key, ...]]:
    """Each event's cluster for one reader, from nothing but what this reader sees."""
    seen = sorted((node for node, mask in world.nodes.values() if mask >> bit & 1), key=lambda node: node.key)
    stands_for = twins(world, bit, seen, parameters)
    nodes = [node for node in seen if node.key in stands_for]
    buckets = Counter(place for node in nodes if (place := bucket(node, parameters)) is not None)
    dense = {place for place, count in buckets.items() if count > parameters.cluster.dense.limit}
    matcher = Matcher(parameters)
    edges: list[Edge] = []
    different: dict[int, int] = {}
    for (one, a), (two, b) in combinations(enumerate(nodes), 2):
        said = relations(world, a, b, bit)
        if "DIFFERENT" in said:
            different[one] = different.get(one, 0) | 1 << two
            different[two] = different.get(two, 0) | 1 << one
        elif "SAME" in said:
            edges.append((SAME_SCORE, one, two))
        elif (score := matcher.score(a, b)) is not None and have_join(frozenset((a.label, b.label))):
            is_dense = {bucket(a, parameters), bucket(b, parameters)} & dense
            if not is_dense or matcher.is_strong(a, b):
                edges.append((score, one, two))
    found = {}
    for group in cluster(nodes, edges, different, Rules(parameters.cluster.edge_share, have_join)):
        members = tuple(sorted(key for number in group for key in stands_for[nodes[number].key]))
        found.update(dict.fromkeys(members, members))
    return found


def relations(world: World, a: Node, b: Node, bit: int) -> set[str]:
    """What links say of two events that can be matched, to one reader."""
    if a.window_ms is None or b.window_ms is None:
        return set()
    return {
        relation for relation, refs, mask in world.links.values() if mask >> bit & 1 and {a.key, b.key} <= set(refs)
    }


def have_join(labels: frozenset[Label]) -> bool:
    return join_all(labels, join_labels) is not None


def bucket(node: Node, parameters: Parameters) -> tuple[int, int] | None:
    if node.window_ms is None or node.lat is None or node.start is None:
        return None
    return h3.latlng_to_cell(node.lat, node.lon, parameters.cluster.dense.resolution), node.start // DAY_MS


def actual(graph: Graph, world: World, bit: int) -> dict[Key, tuple[Key, ...]]:
    found = {}
    for key, (_, mask) in world.nodes.items():
        mine = graph.cluster_of(key, bit)
        if mask >> bit & 1:
            assert mine is not None
            found[key] = tuple(node.key for node in mine.members)
        else:
            assert mine is None
    return found


def step(graph: Graph, world: World, chance: random.Random) -> None:
    """One thing happens, at random."""
    number = chance.randrange(24)
    deed = chance.random()
    known = sorted(world.nodes)
    if deed < 0.55 or not known:
        node, mask = draw(chance, number), chance.randrange(1, 1 << READERS)
        if known and chance.random() < 0.4:
            node = copy(chance, world.nodes[chance.choice(known)][0], number)
        world.nodes[node.key] = (node, mask)
        graph.put(node, mask)
    elif deed < 0.8:
        key, mask = chance.choice(known), chance.randrange(1 << READERS)
        graph.set_mask(key, mask)
        world.nodes[key] = (world.nodes[key][0], mask)
        if not mask:
            del world.nodes[key]
    else:
        link = ("ngo-a", "links", f"x:{chance.randrange(3)}")
        refs = [*chance.sample(known, min(len(known), chance.choice([2, 2, 3]))), ("nobody", "knows", "x:1")]
        mask = chance.choice([0, chance.randrange(1 << READERS)])
        relation = chance.choice(["SAME", "DIFFERENT"])
        graph.link(link, relation, refs, mask)
        world.links[link] = (relation, tuple(refs), mask)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("parameters", [PARAMETERS_DENSE, PARAMETERS], ids=["dense", "plain"])
@pytest.mark.parametrize("small", [0, region.SMALL], ids=["ring", "whole"])
def test_after_any_history_each_reader_has_what_clustering_from_nothing_gives(
    seed: int, parameters: Parameters, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region, "SMALL", small)
    chance = random.Random(seed)
    graph, world = Graph(parameters, join_labels), World({}, {})
    before: list[dict[Key, tuple[Node, ...]]] = [{} for _ in range(READERS)]
    for _ in range(40):
        for _ in range(chance.choice([1, 1, 1, 4])):
            step(graph, world, chance)
        changed = graph.settle()
        for bit in range(READERS):
            assert actual(graph, world, bit) == reference(world, bit, parameters)
            now = contents(graph, world, bit)
            told = {key for key, mask in changed.items() if mask >> bit & 1}
            assert {key for key in {*now, *before[bit]} if now.get(key) != before[bit].get(key)} <= told
            before[bit] = now


def contents(graph: Graph, world: World, bit: int) -> dict[Key, tuple[Node, ...]]:
    return {key: mine.members for key in world.nodes if (mine := graph.cluster_of(key, bit)) is not None}


@pytest.mark.parametrize("seed", range(6))
def test_order_and_batches_make_no_difference(seed: int) -> None:
    chance = random.Random(seed)
    nodes = [(draw(chance, number), chance.randrange(1, 1 << READERS)) for number in range(30)]
    said = ("SAME", (nodes[0][0].key, nodes[7][0].key), 0b0110)
    results = []
    for _ in range(4):
        graph = Graph(PARAMETERS_DENSE, join_labels)
        chance.shuffle(nodes)
        when = chance.randrange(len(nodes))
        for number, (node, mask) in enumerate(nodes):
            graph.put(node, mask)
            if number == when:
                graph.link(("ngo-a", "links", "x:1"), *said)
            if chance.random() < 0.3:
                graph.settle()
        graph.settle()
        results.append({(node.key, bit): members(graph, node.key, bit) for node, _ in nodes for bit in range(READERS)})
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("seed", range(6))
def test_what_came_and_went_and_what_a_reader_does_not_see_leave_no_trace(seed: int) -> None:
    chance = random.Random(seed)
    seen = [draw(chance, number) for number in range(16)]
    passing, hidden = [draw(chance, number) for number in range(100, 116)], [draw(chance, n) for n in range(200, 216)]
    plain, busy = Graph(PARAMETERS_DENSE, join_labels), Graph(PARAMETERS_DENSE, join_labels)
    for node in seen:
        plain.put(node, 1)
    plain.settle()
    puts = [*((node, 1) for node in seen), *((node, 3) for node in passing), *((node, 2) for node in hidden)]
    chance.shuffle(puts)
    for node, mask in puts:
        busy.put(node, mask)
        busy.settle()
    for node in passing:
        busy.set_mask(node.key, 2)
    busy.settle()
    for node in seen:
        assert members(busy, node.key, 0) == members(plain, node.key, 0)


def members(graph: Graph, key: Key, bit: int) -> tuple[Node, ...] | None:
    mine = graph.cluster_of(key, bit)
    return None if mine is None else mine.members


@pytest.mark.slow
@pytest.mark.skipif(not insecurity.DATA.is_dir(), reason="the data beside the project is absent")
def test_twenty_shuffles_of_real_incidents_give_identical_stories() -> None:
    nodes = [node for node in insecurity.read().nodes if node.countries == ("PSE",)][:500]
    chance = random.Random(1)
    results = set()
    for _ in range(20):
        chance.shuffle(nodes)
        graph = Graph(PARAMETERS_DENSE, join_labels)
        for node in nodes:
            graph.put(node, 1)
        graph.settle()
        results.add(frozenset(tuple(n.key for n in members(graph, node.key, 0) or ()) for node in nodes))
    assert len(results) == 1
