"""Figures in an alert, and the severity that they make."""

from typing import Any

import pytest

from bus.fusion.counts import Figure, combine
from bus.fusion.severity import Gravity, gravity
from tests.node_sample import MONDAY, PARAMETERS, report

Range = tuple[int | None, int | None, int | None]


def count(figures: Range, what: str = "KILLED", of: str | None = None, basis: str = "NEW") -> dict[str, Any]:
    return {"what": what, "of": of, "unit": "PERSON", "basis": basis} | dict(
        zip(("low", "best", "high"), figures, strict=True)
    )


def over_origins(*ranges: Range) -> Range:
    """The range over reports that are origins of their own, the most trusted first."""
    (figure,) = combine([[report(counts=[count(each)])] for each in ranges])
    return figure[4:]


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([(None, 5, None)], (None, 5, None)),
        ([(None, 5, None), (None, 5, None)], (None, 5, None)),
        ([(None, 5, None), (None, 7, None)], (5, 5, 7)),
        ([(None, 7, None), (2, 3, 4)], (2, 7, 7)),
        ([(14, None, None), (None, 5, None)], (5, 5, 14)),
        ([(14, None, None), (10, None, None)], (10, None, None)),
        ([(None, None, 10), (20, None, None)], (10, None, 20)),
        ([(None, None, None), (1, 2, 3)], (1, 2, 3)),
    ],
)
def test_over_origins_the_widest_range(ranges: list[Range], expected: Range) -> None:
    assert over_origins(*ranges) == expected


def test_of_one_origin_the_latest_figure() -> None:
    first = report(number=1, at=MONDAY, counts=[count((None, 9, None))])
    later = report(number=2, at=MONDAY + 1, counts=[count((None, 4, None))])
    for group in ([first, later], [later, first]):
        assert [figure.best for figure in combine([group])] == [4]


def test_what_became_known_later_is_later_whenever_it_was_sent() -> None:
    early = report(number=1, at=MONDAY + 9, reported_at=MONDAY, counts=[count((None, 9, None))])
    late = report(number=2, at=MONDAY + 1, reported_at=MONDAY + 1, counts=[count((None, 4, None))])
    assert [figure.best for figure in combine([[early, late]])] == [4]


def test_other_groups_units_and_bases_stay_apart_and_nothing_is_added() -> None:
    counts = [count((None, 9, None)), count((None, 4, None), of="CHILD"), count((None, 30, None), basis="CUMULATIVE")]
    assert sorted(f.best for f in combine([[report(counts=counts)]]) if f.best is not None) == [4, 9, 30]


def grave(*figures: Figure, codes: tuple[str, ...] = ("violence.attack",)) -> Gravity:
    return gravity(codes, figures, PARAMETERS.severity)


def killed(best: int, of: str | None = None, basis: str = "NEW") -> Figure:
    return Figure("KILLED", of, "PERSON", basis, None, best, None)


@pytest.mark.parametrize(("best", "level"), [(0, 1), (1, 2), (4, 2), (5, 3), (24, 3), (25, 4), (9000, 4)])
def test_scale_by_the_number_killed(best: int, level: int) -> None:
    assert grave(killed(best)).level == level


def test_scale_takes_the_least_where_there_is_no_best_and_no_stock() -> None:
    assert grave(Figure("KILLED", None, "PERSON", "NEW", 5, None, 40)).scale == 3
    assert grave(killed(40, basis="STOCK")).scale == 0


def test_households_are_no_persons() -> None:
    assert grave(Figure("DISPLACED", None, "HOUSEHOLD", "NEW", None, 5000, None)).scale == 0
    assert grave(Figure("DISPLACED", None, "PERSON", "NEW", None, 5000, None)).scale == 3


@pytest.mark.parametrize(
    ("code", "harm"),
    [
        ("violence.killing", 2),
        ("violence.attack.air", 1),
        ("sensor.thermal_anomaly", 0),
        ("incitement.call_to_violence", 2),
    ],
)
def test_harm_is_that_of_the_longest_branch(code: str, harm: int) -> None:
    assert grave(codes=(code,)).harm == harm


def test_the_vulnerable_raise_the_level_only_when_hit_and_never_above_the_most() -> None:
    assert grave(killed(1, of="CHILD")).level == 3
    assert grave(killed(0, of="CHILD")).level == 1
    assert grave(killed(30, of="CHILD")).level == 4
    assert grave(killed(1, of="CIVILIAN")).level == 2
    assert grave(killed(1, of="CHILD", basis="STOCK"), codes=("protest",)).level == 0
