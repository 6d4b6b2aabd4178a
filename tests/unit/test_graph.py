"""Which reports become one story, for whom."""

from typing import Any

import pytest

from bus.fusion.graph import Graph
from bus.fusion.joins import MOST_CHARS, Joins
from bus.fusion.links import DIFFERENT, SAME, Links, Said
from bus.fusion.node import Key, Node
from bus.fusion.score import Matcher
from bus.fusion.twins import has_twins
from bus.labels import Label
from bus.units import DAY_MS
from tests.node_sample import HIGH, LOW, MONDAY, PARAMETERS, join_labels, label, report

LINK = ("ngo-a", "links", "x:1")


def graph(*nodes: Node, mask: int = 1) -> Graph:
    found = Graph(PARAMETERS, join_labels)
    for node in nodes:
        found.put(node, mask)
    found.settle()
    return found


def stories(of: Graph, *nodes: Node, bit: int = 0) -> set[frozenset[Key]]:
    found = (of.cluster_of(node.key, bit) for node in nodes)
    return {frozenset(node.key for node in mine.members) for mine in found if mine is not None}


def together(of: Graph, a: Node, b: Node, bit: int = 0) -> bool:
    return of.cluster_of(a.key, bit) is of.cluster_of(b.key, bit) is not None


def test_two_reports_of_one_incident_are_one_story_and_others_are_not() -> None:
    a, b, far = report("ngo-a", 1), report("ngo-b", 2), report("un-c", 3, lat=40.0)
    assert stories(graph(a, b, far), a, b, far) == {frozenset({a.key, b.key}), frozenset({far.key})}


def test_a_curated_feed_tells_of_an_incident_once() -> None:
    one, two = report("ngo-a", 1, curated=True), report("ngo-a", 2, curated=True)
    assert not together(graph(one, two), one, two)
    record: dict[str, Any] = {"derived_from": ["acled:1"]}
    one, two = report("ngo-a", 1, curated=True, **record), report("ngo-a", 2, curated=True, **record)
    assert together(graph(one, two), one, two)
    one, two = report("ngo-a", 1), report("ngo-a", 2)
    assert together(graph(one, two), one, two)


def test_a_declared_origin_of_all_records_does_not_undo_the_curated_rule() -> None:
    said: dict[str, Any] = {"curated": True, "origin": "public:feed", "texts": [{"language": "en", "headline": "Shot"}]}
    one, two = report("ngo-a", 1, **said), report("ngo-a", 2, **said)
    assert not together(graph(one, two), one, two)


def test_labels_without_a_join_never_meet() -> None:
    real, test = report("ngo-a", 1), report("ngo-b", 2, status="TEST", label=f"{LOW}//TEST")
    assert not together(graph(real, test), real, test)
    high = report("un-c", 3, label=HIGH)
    assert together(graph(real, high), real, high)


@pytest.mark.parametrize("changes", [{"type": "other"}, {"when": None}])
def test_what_has_no_window_or_time_is_alone_even_by_link(changes: dict[str, Any]) -> None:
    a, b = report("ngo-a", 1, **changes), report("ngo-b", 2, **changes)
    found = graph(a, b)
    found.link(LINK, "SAME", (a.key, b.key), 1)
    found.settle()
    assert stories(found, a, b) == {frozenset({a.key}), frozenset({b.key})}


def test_same_skips_score_and_curated_rule_and_different_beats_it() -> None:
    a, far = report("ngo-a", 1, curated=True), report("ngo-a", 2, curated=True, lat=None, lon=None)
    found = graph(a, far)
    found.link(LINK, "SAME", (a.key, far.key), 1)
    assert found.settle() == {a.key: 1, far.key: 1}
    assert together(found, a, far)
    found.link(("ngo-b", "links", "x:2"), "DIFFERENT", (far.key, a.key), 1)
    found.settle()
    assert not together(found, a, far)
    found.link(("ngo-b", "links", "x:2"), "DIFFERENT", (far.key, a.key), 0)
    found.settle()
    assert together(found, a, far)


def test_same_never_joins_what_has_no_common_label() -> None:
    real, test = report("ngo-a", 1), report("ngo-b", 2, status="TEST", label=f"{LOW}//TEST")
    found = graph(real, test)
    found.link(LINK, "SAME", (real.key, test.key), 1)
    found.settle()
    assert not together(found, real, test)


def test_different_keeps_two_apart_in_a_larger_group() -> None:
    a, b, c = (report(agency, number) for number, agency in enumerate(["ngo-a", "ngo-b", "un-c"]))
    found = graph(a, b, c)
    found.link(LINK, "DIFFERENT", (a.key, c.key), 1)
    found.settle()
    assert not together(found, a, c)


def test_half_of_the_cross_pairs_must_be_edges() -> None:
    # A chain: each is near to the next, the ends are not near to each other.
    chain = [report(f"ngo-{n}", n, lat=13.6 + 0.05 * n, sectors=["HEALTH"]) for n in range(6)]
    assert max(len(members) for members in stories(graph(*chain), *chain)) < len(chain)


def test_readers_who_see_the_same_share_one_story_and_others_do_not_see_it() -> None:
    a, b = report("ngo-a", 1), report("ngo-b", 2)
    found = Graph(PARAMETERS, join_labels)
    found.put(a, 0b111)
    found.put(b, 0b011)
    found.settle()
    assert found.cluster_of(a.key, 0) is found.cluster_of(a.key, 1) is found.cluster_of(b.key, 1)
    assert stories(found, a, bit=2) == {frozenset({a.key})}
    assert found.cluster_of(b.key, 2) is None
    assert {mask for mask, _ in found.clusters_of(a.key)} == {0b011, 0b100}


def test_settle_tells_of_new_content_and_of_who_left() -> None:
    a, b = report("ngo-a", 1), report("ngo-b", 2)
    found = graph(a, b, mask=0b11)
    assert found.settle() == {}
    found.put(b._replace(revision=2), 0b11)
    assert found.settle() == {a.key: 0b11, b.key: 0b11}
    found.set_mask(b.key, 0b10)
    assert found.settle() == {a.key: 0b01, b.key: 0b01}
    found.set_mask(b.key, 0)
    assert found.settle() == {a.key: 0b10, b.key: 0b10}
    assert len(found) == 1


def test_in_a_dense_place_day_an_edge_must_be_strong_and_hidden_events_count_for_nobody() -> None:
    limit = PARAMETERS.cluster.dense.limit
    weak = [report(f"ngo-{n}", n) for n in range(limit)]
    hidden = report("un-x", 999)
    found = graph(*weak, mask=0b11)
    assert len(stories(found, *weak)) == 1
    found.put(hidden, 0b10)
    found.settle()
    assert len(stories(found, *weak, bit=0)) == 1
    assert len(stories(found, *weak, hidden, bit=1)) == limit + 1
    found.set_mask(hidden.key, 0)
    found.settle()
    assert len(stories(found, *weak, bit=1)) == 1


def test_a_crowd_splits_by_text_and_stays_together_where_texts_are_near_equal() -> None:
    def said(number: int) -> dict[str, Any]:
        words = " ".join(f"w{number % 2}{position}" for position in range(20))
        return {"texts": [{"language": "en", "description": f"{words} {number}"}]}

    nodes = [report(f"ngo-{n}", n, **said(n)) for n in range(PARAMETERS.cluster.dense.limit + 6)]
    assert len(stories(graph(*nodes), *nodes)) == 2


def test_days_apart_are_two_stories() -> None:
    later = {"start": MONDAY + 3 * DAY_MS, "end": MONDAY + 4 * DAY_MS}
    a, b = report("ngo-a", 1), report("ngo-b", 2, when=later)
    assert not together(graph(a, b), a, b)


def test_what_is_remembered_of_labels_is_bounded_by_their_length() -> None:
    asked: list[Label] = []

    def counted(a: Label, b: Label) -> Label | None:
        asked.append(max(a, b, key=str))
        return join_labels(a, b)

    names = ", ".join(f"agency-{number:04}" for number in range(250))
    first = label(f"{LOW}//FOR {names}")
    joins = Joins(counted)
    for _ in range(2):
        assert joins.are_valid(frozenset((label(), first)))
    assert asked == [first]
    for number in range(MOST_CHARS // len(first.text)):
        joins.are_valid(frozenset((label(), label(f"{LOW}//FOR {names}, z-{number:04}"))))
    asked.clear()
    joins.are_valid(frozenset((label(), first)))
    assert asked == [first]


def test_a_link_that_says_what_is_said_already_changes_nothing() -> None:
    links = Links()
    refs = [("ngo-a", "reports", "table:1"), ("ngo-b", "reports", "table:2")]
    first, second = ("un-c", "links", "x:1"), ("un-c", "links", "x:2")
    assert links.set(first, SAME, refs, 0b01) == dict.fromkeys(refs, 0b01)
    assert links.set(second, SAME, refs, 0b11) == dict.fromkeys(refs, 0b10)
    assert links.set(second, SAME, refs, 0b01) == dict.fromkeys(refs, 0b10)
    assert links.set(first, SAME, refs, 0) == {}
    assert links.set(second, DIFFERENT, refs, 0b01) == dict.fromkeys(refs, 0b01)
    assert links.of(refs[0]) == {refs[1]: Said(0, 0b01)}
    assert links.set(second, SAME, refs, 0) == dict.fromkeys(refs, 0b01)
    assert not links.name(refs[0])


TEXT: dict[str, Any] = {"texts": [{"language": "en", "description": "two were shot at the well on the road north"}]}


def test_a_text_that_is_sent_many_times_is_compared_once_and_all_who_sent_it_are_members(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared, score = [0], Matcher.score

    def counted(self: Matcher, a: Node, b: Node) -> float | None:
        compared[0] += 1
        return score(self, a, b)

    monkeypatch.setattr(Matcher, "score", counted)
    copies = [report("ngo-a", number, derived_from=[f"ngo-a:{number}"], **TEXT) for number in range(300)]
    other = report("un-c", 1000, **TEXT, sectors=["HEALTH"])
    of = graph(*copies[::-1], other)
    assert stories(of, *copies, other) == {frozenset(node.key for node in (*copies, other))}
    assert compared[0] <= 2 * len(copies)
    for node in copies[:-1]:
        of.set_mask(node.key, 0)
        of.settle()
    assert stories(of, copies[-1], other) == {frozenset({copies[-1].key, other.key})}


def test_copies_of_a_text_neither_crowd_a_place_nor_outvote_anybody() -> None:
    a, b = report("ngo-a", 1), report("ngo-b", 2)
    copies = [report("un-c", number, **TEXT) for number in range(100, 300)]
    assert together(graph(a, b, *copies), a, b)


def test_equal_records_of_a_curated_feed_and_equal_reports_without_a_text_are_no_twins() -> None:
    assert not has_twins(report("ngo-a", 1, curated=True, **TEXT))
    assert not has_twins(report("ngo-a", 1))
    assert has_twins(report("ngo-a", 1, **TEXT))


def test_a_twin_that_a_link_names_stands_for_itself_for_whom_the_link_acts() -> None:
    one, two, three = (report("ngo-a", number, **TEXT) for number in (1, 2, 3))
    of = graph(one, two, three, mask=0b11)
    of.link(LINK, DIFFERENT, (two.key, one.key), 0b01)
    of.settle()
    assert not together(of, one, two)
    assert together(of, one, two, bit=1)
    of.link(LINK, DIFFERENT, (two.key, one.key), 0)
    of.settle()
    assert together(of, one, two)


def test_a_twin_is_also_told_of_by_who_shares_its_record_wherever_that_stands() -> None:
    one, two = report("ngo-a", 1, **TEXT), report("ngo-a", 2, derived_from=["acled:1"], **TEXT)
    other = report("un-c", 3, derived_from=["acled:1"], type="clash.armed", lat=40.0)
    assert together(graph(one, two, other), two, other)
    assert together(graph(other, two, one), two, other)
