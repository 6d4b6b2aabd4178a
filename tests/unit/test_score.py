"""How alike two events are."""

from typing import Any

import pytest

from bus.fusion.score import Matcher, counts_overlap, time_cost, type_cost
from tests.node_sample import DAY_MS, MONDAY, PARAMETERS, report

MATCHER = Matcher(PARAMETERS)
TEXT = "shots were fired at the well near the old mosque on the road to the north"
LACKING = 0.2 * 0.5 + 0.1 * 0.5 + 0.05 * 0.5 + 0.05 * 0.5
"""Text, sectors, actors and counts that either side lacks."""


def score(ours: dict[str, Any], theirs: dict[str, Any]) -> float | None:
    a, b = report(number=1, **ours), report("ngo-b", number=2, **theirs)
    assert MATCHER.score(a, b) == MATCHER.score(b, a)
    return MATCHER.score(a, b)


def test_what_is_lacking_costs_half() -> None:
    assert score({}, {}) == pytest.approx(LACKING)


def test_each_feature_has_its_weight() -> None:
    assert score({}, {"lat": 13.63}) == pytest.approx(LACKING + 0.25 * 3.336 / 13.336, abs=1e-3)
    assert score({}, {"type": "violence.attack"}) == pytest.approx(LACKING + 0.2 * 0.3)
    said = {"texts": [{"language": "en", "description": TEXT}]}
    assert score(said, said) == pytest.approx(LACKING - 0.1)
    health, school = {"sectors": ["HEALTH"]}, {"sectors": ["EDUCATION"]}
    assert score(health, {"sectors": ["HEALTH", "AID"]}) == pytest.approx(LACKING - 0.05)
    assert score(health, school) == pytest.approx(LACKING + 0.05)


def test_texts_in_different_languages_can_not_be_compared() -> None:
    english, ukrainian = ({"texts": [{"language": language, "headline": TEXT}]} for language in ("en", "uk"))
    other = {"texts": [{"language": "en", "headline": "nothing of the kind was seen by anybody"}]}
    assert score(english, ukrainian) == pytest.approx(LACKING)
    assert score({**english, "sectors": ["HEALTH"]}, {**other, "sectors": ["HEALTH"]}) == pytest.approx(LACKING + 0.05)


def test_beyond_the_threshold_is_no_edge() -> None:
    assert score({}, {"type": "violence.killing"}) is None
    assert score({}, {"lat": 13.65, "type": "clash.armed"}) is None


def test_a_shared_public_record_is_an_edge_whatever_else_is_said_but_for_its_nature() -> None:
    record = {"derived_from": ["acled:1", "x:2"]}
    far = {"lat": -40.0, "type": "looting", "derived_from": ["acled:1"]}
    assert score(record, far) == 0.0
    assert score(record, {**far, "nature": "SPAN"}) is None
    assert score(record, {**far, "type": "other"}) is None
    assert score(record, {"lat": -40.0, "derived_from": ["x:2"]}) is None


@pytest.mark.parametrize(
    ("a", "b", "cost"),
    [
        (["violence.killing"], ["violence.killing"], 0.0),
        (["looting"], ["looting"], 0.0),
        (["violence.attack.air"], ["violence.attack"], 0.3),
        (["violence.attack.air"], ["violence.attack.shelling"], 0.6),
        (["violence.attack.air"], ["destruction.housing"], 0.75),
        (["violence.killing"], ["violence.torture"], None),
        (["violence"], ["violence.torture"], None),
        (["violence.killing", "looting"], ["violence.killing"], 1 / 3),
    ],
)
def test_types_over_all_codes_of_both_sides(a: list[str], b: list[str], cost: float | None) -> None:
    for one, two in ((a, b), (b, a)):
        found = type_cost(tuple(one), tuple(two), PARAMETERS.score.type_costs)
        assert found == (None if cost is None else pytest.approx(cost))


@pytest.mark.parametrize(
    ("a", "b", "shift_days"),
    [((0, 1), (0, 1), 0), ((0, 1), (1, 2), 1), ((0, 5), (1, 2), 0), ((0, 5), (4, 6), 1), ((0, None), (3, 4), 0)],
)
def test_time_is_the_shift_that_brings_the_shorter_inside(a: Any, b: Any, shift_days: int) -> None:
    first, second = (
        report(when={"start": MONDAY + s * DAY_MS, "end": None if e is None else MONDAY + e * DAY_MS})
        for s, e in (a, b)
    )
    assert time_cost(first, second, 1.0) == time_cost(second, first, 1.0) == shift_days / 2


def test_counts_compare_what_is_of_one_kind() -> None:
    def figure(best: int | None, low: int | None = None, of: str | None = None) -> Any:
        return (("KILLED", of, "PERSON", "NEW", low, best, None),)

    assert counts_overlap(figure(3), figure(3)) is True
    assert counts_overlap(figure(3), figure(4)) is False
    assert counts_overlap(figure(3), figure(None, low=2)) is True
    assert counts_overlap(figure(3), figure(3, of="CHILD")) is None
    assert counts_overlap(figure(3), figure(None)) is None


def test_of_several_figures_of_one_kind_the_range_of_all_counts_in_both_directions() -> None:
    one = report(number=1, counts=[{"what": "KILLED", "unit": "PERSON", "basis": "NEW", "best": 1}])
    for bests in ((5, 1), (1, 5), (0, 2)):
        several = report(
            number=2, counts=[{"what": "KILLED", "unit": "PERSON", "basis": "NEW", "best": n} for n in bests]
        )
        assert counts_overlap(one.counts, several.counts) is counts_overlap(several.counts, one.counts) is True


def test_strong_is_near_equal_text_a_record_a_picture_or_a_named_actor() -> None:
    plain = report(number=1)
    named = [{"role": "PERPETRATOR", "name": "Red Band"}]
    picture = [{"sha256": "ab" * 32, "media_type": "image/png"}]
    for shared in (
        {"texts": [{"language": "en", "headline": TEXT}]},
        {"derived_from": ["acled:1"]},
        {"actors": named},
        {"media": picture},
    ):
        one = report(number=2, **shared)
        assert MATCHER.is_strong(one, report(number=3, **shared))
        assert not MATCHER.is_strong(one, plain)
    origin: dict[str, Any] = {"origin": "public:radio"}
    assert not MATCHER.is_strong(report(number=4, **origin), report(number=5, **origin))
