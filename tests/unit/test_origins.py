"""Who really said it."""

from typing import Any

import pytest

from bus.fusion.origins import origin_groups
from tests.node_sample import report

HASH = "ab" * 32
OTHER = "cd" * 32


def sizes(*changes: dict[str, Any]) -> list[int]:
    """Members per origin, of reports of agencies of their own."""
    nodes = [report(f"agency-{i}", i, **change) for i, change in enumerate(changes)]
    return sorted(len(group) for group in origin_groups(nodes))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"derived_from": ["x:1", "y:2"]}, {"derived_from": ["z:3", "y:2"]}),
        ({"origin": "public:radio"}, {"origin": "public:radio"}),
        (
            {"media": [{"sha256": HASH, "media_type": "image/png"}]},
            {"media": [{"sha256": OTHER, "media_type": "a/b"}, {"sha256": HASH, "media_type": "a/b"}]},
        ),
        (
            {"texts": [{"language": "en", "headline": "Two shot"}]},
            {"texts": [{"language": "en", "headline": "Two shot"}]},
        ),
    ],
)
def test_what_two_reports_share_makes_them_one_origin(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert sizes(a, b) == [2]
    assert sizes(a, {}) == [1, 1]


def test_reports_that_share_nothing_are_independent() -> None:
    assert sizes({}, {}, {"origin": "public:radio"}) == [1, 1, 1]


def test_origins_are_joined_over_several_steps() -> None:
    assert sizes(
        {"derived_from": ["a:1"]}, {"origin": "public:x"}, {"derived_from": ["a:1"], "origin": "public:x"}
    ) == [3]


def test_a_public_id_is_not_mistaken_for_a_declared_origin() -> None:
    assert sizes({"origin": "public:x"}, {"derived_from": ["public:x"]}) == [1, 1]


@pytest.mark.parametrize("reference", ["bus/alerts/" + HASH, "tocsin-alert:" + HASH])
def test_an_alert_of_the_bus_that_comes_back_adds_nothing_and_ties_nothing(reference: str) -> None:
    echo = {"derived_from": [reference, "a:1", "b:2"]}
    assert sizes({"derived_from": ["a:1"]}, {"derived_from": ["b:2"]}, echo) == [1, 1]
    assert sizes(echo) == []
