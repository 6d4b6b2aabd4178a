"""How sure: the worked figures of the design, and what may not raise belief."""

from typing import Any

import pytest

from bus.fusion.confidence import Belief, in_words, weigh
from bus.fusion.origins import origin_groups
from tests.node_sample import PARAMETERS, report

TABLE = PARAMETERS.confidence


def belief(*reports: dict[str, Any]) -> Belief:
    """Weigh reports of agencies of their own."""
    nodes = [report(f"agency-{i}", i, **changes) for i, changes in enumerate(reports, 1)]
    return weigh(origin_groups(nodes), TABLE)


B2: dict[str, Any] = {"reliability": "B", "credibility": 2}
SENSOR: dict[str, Any] = {**B2, "discipline": "SENSOR"}
B2_DENIED: dict[str, Any] = {**B2, "claims": "DENIES"}


def test_the_worked_figures_of_the_design() -> None:
    assert belief(B2).probability == pytest.approx(0.71, abs=0.005)
    assert belief(B2, B2).probability == pytest.approx(0.86, abs=0.005)
    assert belief(B2, SENSOR).probability == pytest.approx(0.895, abs=0.0005)


def test_no_report_leaves_the_prior() -> None:
    assert belief().probability == pytest.approx(TABLE.prior)
    assert belief({"reliability": "F", "credibility": 1}).probability == pytest.approx(TABLE.prior)
    assert belief({"reliability": "A", "credibility": 6}).probability == pytest.approx(TABLE.prior)


def test_an_incoming_confirmation_counts_as_probably_true() -> None:
    table = TABLE.model_copy(update={"credibility_log_odds": {**TABLE.credibility_log_odds, "1": 9.0}})
    confirmed = [report(credibility=1)], [report(credibility=2)]
    assert len({weigh(origin_groups(nodes), table).probability for nodes in confirmed}) == 1


def test_ungraded_is_c3() -> None:
    assert (
        belief({"reliability": None, "credibility": None}).log_odds
        == belief({"reliability": "C", "credibility": 3}).log_odds
    )


def test_one_origin_speaks_once_by_its_strongest_report() -> None:
    shared: dict[str, Any] = {"origin": "public:radio"}
    both = belief({"reliability": "E", "credibility": 3, **shared}, {**B2, **shared})
    assert both.log_odds == belief(B2).log_odds
    assert len(both.supports) == 1


def test_the_third_origin_counts_a_quarter() -> None:
    assert [voice.multiplier for voice in belief(B2, B2, B2).supports] == [1.0, 0.5, 0.25]


def test_a_new_discipline_counts_more_whatever_its_rank() -> None:
    weak_sensor: dict[str, Any] = {**SENSOR, "credibility": 3}
    assert [voice.multiplier for voice in belief(B2, B2, weak_sensor).supports] == [1.0, 0.5, 0.7]


def test_caps_by_origins_and_disciplines() -> None:
    strong: dict[str, Any] = {"reliability": "A", "credibility": 2}
    many = TABLE.model_copy(update={"prior": 0.9})

    def capped(*reports: dict[str, Any]) -> float:
        nodes = [report(f"agency-{i}", i, **changes) for i, changes in enumerate(reports)]
        return weigh(origin_groups(nodes), many).probability

    assert capped(strong) == 0.8
    assert capped(strong, strong) == 0.95
    assert capped(strong, {**strong, "discipline": "SENSOR"}) == 0.99
    assert capped(strong, {"reliability": "F", "credibility": 6, "discipline": "SENSOR"}) == 0.8
    assert capped(strong, strong, {**strong, "claims": "DENIES", "discipline": "SENSOR"}) == 0.95


def test_denials_subtract_are_damped_apart_and_shown_apart() -> None:
    found = belief(B2, B2_DENIED, B2_DENIED)
    assert [voice.multiplier for voice in found.supports] == [1.0]
    assert [voice.multiplier for voice in found.denials] == [1.0, 0.5]
    assert sum(voice.value for voice in found.denials) == pytest.approx(-2.64)
    assert found.probability < belief(B2, B2_DENIED).probability < belief(B2).probability


def test_nothing_falls_below_the_floor() -> None:
    assert belief(*[{**B2_DENIED, "reliability": "A"}] * 30).probability == TABLE.floor


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (0.0499, "almost no chance"),
        (0.05, "very unlikely"),
        (0.2, "unlikely"),
        (0.45, "roughly even chance"),
        (0.55, "likely"),
        (0.8, "very likely"),
        (0.95, "almost certain"),
    ],
)
def test_words_change_at_their_lower_bound(probability: float, expected: str) -> None:
    assert in_words(probability, TABLE.words) == expected
