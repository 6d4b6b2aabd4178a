"""The index misses no pair that the gate lets through, anywhere on earth, however precisely a place is known."""

import random

import pytest

from bus.fusion.areas import Box, cell_of, disk, rings_within
from bus.fusion.entry import Entry
from bus.fusion.gate import Gate, distance_km
from bus.fusion.index import Index
from bus.fusion.node import Node
from bus.units import DAY_MS
from tests.node_sample import MONDAY, PARAMETERS, report

PENTAGON = (64.7, 10.536)
"""One of the twelve pentagons of H3, where cells are smallest."""
CENTRES = [(0.0, 0.0), (48.0, 37.0), (-17.0, 179.99), (84.0, 20.0), (-89.9, 0.0), PENTAGON, (13.6, 25.3)]


def scattered(chance: random.Random, total: int) -> list[Node]:
    nodes = []
    for number in range(total):
        lat, lon = chance.choice(CENTRES)
        spread = chance.choice([0.02, 0.2, 2.0])
        start = MONDAY + int(chance.uniform(-5, 5) * DAY_MS)
        length = chance.choice([0.2, 1.0, 1.0, 3.0, 20.0, 300.0, None])
        nodes.append(
            report(
                "ngo-a",
                number,
                lat=max(-90.0, min(90.0, lat + chance.gauss(0, spread))),
                lon=(lon + chance.gauss(0, spread) + 180.0) % 360.0 - 180.0,
                uncertainty_km=chance.choice([0.5, 2.0, 14.0, 25.0, 90.0, 400.0, None]),
                type=chance.choice(["violence.killing", "displacement.forced"]),
                when={"start": start, "end": None if length is None else start + int(length * DAY_MS)},
            )
        )
    return nodes


@pytest.mark.parametrize("seed", range(6))
def test_near_holds_every_pair_of_the_gate_from_both_sides(seed: int) -> None:
    nodes = scattered(random.Random(seed), 150)
    index, gate = Index(PARAMETERS), Gate(PARAMETERS)
    entries = [Entry(node, 1) for node in nodes]
    for entry in entries:
        index.add(entry)
    near = {entry: set(index.near(entry, 1)) for entry in entries}
    met = 0
    for one in entries:
        for two in entries:
            if one is not two and gate.distance_km(one.node, two.node) is not None:
                assert two in near[one]
                met += 1
    assert met > 100


@pytest.mark.parametrize("resolution", [3, 5])
def test_rings_hold_all_within_reach(resolution: int) -> None:
    chance = random.Random(resolution)
    for _ in range(400):
        lat, lon = chance.choice(CENTRES)
        lat = max(-89.0, min(89.0, lat + chance.uniform(-1, 1)))
        lon = (lon + chance.uniform(-1, 1) + 180.0) % 360.0 - 180.0
        reach = chance.uniform(1.0, 150.0 if resolution == 3 else 30.0)
        cells = set(disk(cell_of(lat, lon, resolution), rings_within(resolution, reach)))
        box = Box.around(lat, lon, reach)
        for _ in range(20):
            far_lat = max(-90.0, min(90.0, lat + chance.uniform(-1, 1) * reach / 111.0))
            far_lon = (lon + chance.uniform(-1, 1) * 3.0 + 180.0) % 360.0 - 180.0
            if distance_km(lat, lon, far_lat, far_lon) <= reach:
                assert cell_of(far_lat, far_lon, resolution) in cells
                assert box.south < far_lat < box.north
                assert box.west < far_lon < box.east


def test_what_is_taken_out_leaves_nothing_behind() -> None:
    nodes = [*scattered(random.Random(9), 40), *(report(number=n) for n in range(100, 200))]
    index = Index(PARAMETERS)
    entries = [Entry(node, 1) for node in nodes]
    for entry in entries:
        index.add(entry)
    random.Random(1).shuffle(entries)
    for entry in entries:
        index.remove(entry)
    assert not any(index._tables)
    assert not index._buckets
    assert not any(index._crowds)
    assert not index._records
    assert not any(index._deviations)
    assert not any(index._widest)


def test_a_crowded_place_day_is_met_by_feature_once_it_is_dense() -> None:
    index = Index(PARAMETERS)
    limit = PARAMETERS.cluster.dense.limit
    named = [{"role": "PERPETRATOR", "name": "Red Band"}]
    entries = [Entry(report(number=n, actors=named if n < 2 else []), 1) for n in range(limit + 2)]
    for entry in entries:
        index.add(entry)
    bucket = entries[0].bucket
    assert bucket is not None
    assert len(index.near(entries[0], 1)) >= limit
    bucket.dense = index.recount(bucket)
    assert bucket.dense == 1
    assert {near.key for near in index.near(entries[0], 1)} == {entries[0].key, entries[1].key}
