"""Which two events can be one story at all."""

from typing import Any

import pytest

from bus.fusion.gate import Gate, distance_km
from tests.node_sample import DAY_MS, MONDAY, PARAMETERS, report

GATE = Gate(PARAMETERS)


def passes(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    a, b = report(number=1, **ours), report(number=2, **theirs)
    there, back = GATE.distance_km(a, b), GATE.distance_km(b, a)
    assert there == back
    return there is not None


def days(start: float, end: float | None) -> dict[str, Any]:
    return {
        "start": MONDAY + int(start * DAY_MS),
        "end": None if end is None else MONDAY + int(end * DAY_MS),
    }


def test_distances_are_those_of_a_sphere() -> None:
    assert distance_km(0.0, 0.0, 0.0, 90.0) == pytest.approx(10007.6, abs=0.1)
    assert distance_km(0.0, 179.9, 0.0, -179.9) == pytest.approx(22.24, abs=0.01)
    assert distance_km(48.1, 37.2, 48.3, 36.9) == distance_km(48.3, 36.9, 48.1, 37.2)


def test_distance_against_both_uncertainties_and_gazetteers() -> None:
    # 3 * sqrt(1 + 1 + 4) = 7.3 km; a degree of latitude is 111.2 km.
    exact: dict[str, Any] = {"lat": 13.0, "uncertainty_km": 2.0}
    assert passes(exact, {"lat": 13.06, "uncertainty_km": 2.0})
    assert not passes(exact, {"lat": 13.07, "uncertainty_km": 2.0})
    assert passes(exact, {"lat": 13.3, "uncertainty_km": 25.0})


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [((0, 1), True), ((1, 2), True), ((1.9, 3), True), ((2, 3), False), ((-1, 0), True), ((-2, -1), False)],
)
def test_the_gap_fits_the_window_of_a_local_day(theirs: tuple[float, float], expected: bool) -> None:
    assert passes({"when": days(0, 1)}, {"when": days(*theirs)}) is expected


def test_what_goes_on_reaches_all_that_follows() -> None:
    assert passes({"when": days(0, None)}, {"when": days(400, 401)})
    assert not passes({"when": days(0, None)}, {"when": days(-9, -8)})


def test_of_two_windows_the_smaller_and_what_is_expected_must_overlap() -> None:
    late = {"type": "displacement.forced", "when": days(5, 6)}
    assert passes({"type": "displacement.flight", "when": days(0, 1)}, late)
    assert not passes({"type": "violence.killing", "when": days(0, 1)}, late)
    expected = {"nature": "EXPECTED"}
    assert passes({**expected, "when": days(0, 1)}, {**expected, "when": days(0.5, 2)})
    assert not passes({**expected, "when": days(0, 1)}, {**expected, "when": days(1, 2)})


def test_natures_are_equal_and_a_place_is_needed() -> None:
    assert not passes({"nature": "INCIDENT"}, {"nature": "SPAN"})
    assert not passes({}, {"lat": None, "lon": None})


def test_a_place_known_no_better_than_its_country_meets_its_own_country_only() -> None:
    vague = {"uncertainty_km": 400.0}
    assert passes(vague, {"countries": ["SDN", "TCD"]})
    assert not passes(vague, {"countries": ["TCD"]})
    assert not passes(vague, {"countries": []})
