"""How well fusion finds which reports are of one incident: real feeds, real pairs (`make bench-fusion`).

The truth flatters somewhat (one editor writes all feeds), so each figure also stands with noise added: a day's shift in
15 % of the rows, and 3 km in 30 %.
"""

import random
from collections.abc import Iterable, Sequence
from itertools import combinations
from time import perf_counter
from typing import Final

from bus.fusion.graph import Graph
from bus.fusion.node import Node
from bus.units import DAY_MS
from tests.bench import insecurity
from tests.bench.pairs import Pair, looks, one_to_one, pair, rule_of_thumb, strict
from tests.node_sample import PARAMETERS, join_labels

KM_PER_DEGREE: Final = 111.2


def without_text(nodes: Iterable[Node]) -> list[Node]:
    """The same events as if nobody had written a word."""
    return [node._replace(language=None, text_digest=None, grams=b"") for node in nodes]


def with_noise(nodes: Iterable[Node]) -> list[Node]:
    """The same events, less exactly told."""
    chance = random.Random(1)
    noisy = []
    for node in nodes:
        if chance.random() < 0.15 and node.start is not None and node.end is not None:
            days = chance.choice([-1, 1]) * DAY_MS
            node = node._replace(start=node.start + days, end=node.end + days)  # noqa: PLW2901
        if chance.random() < 0.30 and node.lat is not None and node.lon is not None:
            north, east = (chance.gauss(0.0, 3.0 / KM_PER_DEGREE) for _ in range(2))
            node = node._replace(lat=node.lat + north, lon=node.lon + east)  # noqa: PLW2901
        noisy.append(node)
    return noisy


def matched(nodes: Sequence[Node]) -> set[Pair]:
    """The pairs that fusion finds."""
    graph = Graph(PARAMETERS, join_labels)
    for node in nodes:
        graph.put(node, 1)
    graph.settle()
    clusters = {cluster.members for node in nodes if (cluster := graph.cluster_of(node.key, 0)) is not None}
    return {pair(a.key, b.key) for members in clusters for a, b in combinations(members, 2)}


def report(title: str, nodes: Sequence[Node], true: set[Pair]) -> None:
    """Print how well it went, with the two rules of thumb beside it.

    What has no place is never matched (fusion.md): those pairs stand apart, in the last figure only.
    """
    placed = {node.key for node in nodes if node.lat is not None and node.start is not None}
    every = {both for both in true if {node.key for node in nodes}.issuperset(both)}
    wanted = {both for both in every if placed.issuperset(both)}
    if not wanted:
        return
    print(f"\n{title}: {len(nodes)} events, {len(wanted)} true pairs with a place, {len(every) - len(wanted)} without")

    def line(name: str, found: set[Pair], *, text: bool) -> None:
        seen = {node.key: looks(node, text=text) for node in nodes}
        best = one_to_one(found, wanted, seen.__getitem__)
        with_placeless = one_to_one(found, every, seen.__getitem__)
        print(
            f"  {name:36} one-to-one {best}   strict F1 {strict(found, wanted).f1:.3f}"
            f"   one-to-one of all pairs F1 {with_placeless.f1:.3f}"
        )

    line("fusion with text", matched(nodes), text=True)
    line("fusion without text", matched(without_text(nodes)), text=False)
    line("fusion with text, noise", matched(with_noise(nodes)), text=True)
    line("fusion without text, noise", matched(without_text(with_noise(nodes))), text=False)
    line("rule: same day, 5 km", rule_of_thumb(nodes, 5.0, same_root=False), text=False)
    line("rule: same day, 25 km, same root", rule_of_thumb(nodes, 25.0, same_root=True), text=False)


def main() -> None:
    """Print the quality, country by country and over all."""
    if not insecurity.DATA.is_dir():
        print("matching: skipped, the data beside the project is absent (../shared/data/insecurity_insight)")
        return
    nodes, true = insecurity.read()
    for country, events in insecurity.countries(nodes).items():
        report(country, events, true)
    report("all", nodes, true)
    began = perf_counter()
    matched(nodes)
    print(f"\n{(perf_counter() - began) / len(nodes) * 1e6:.0f} µs per event, {len(nodes)} events, one reader")


if __name__ == "__main__":
    main()
