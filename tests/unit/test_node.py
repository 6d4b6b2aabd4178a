"""What fusion keeps of an event."""

from typing import Any

import pytest

from tests.node_sample import DAY_MS, MONDAY, report


@pytest.mark.parametrize(
    ("changes", "days"),
    [
        ({"type": "violence.killing"}, 1.0),
        ({"type": "sensor.damage"}, 0.5),
        ({"type": "displacement.forced"}, 7.0),
        ({"nature": "EXPECTED", "type": "displacement.forced"}, 0.0),
        ({"type": "other"}, None),
        ({"when": None}, None),
    ],
)
def test_the_window_is_that_of_the_type(changes: dict[str, Any], days: float | None) -> None:
    assert report(**changes).window_ms == (None if days is None else days * DAY_MS)


@pytest.mark.parametrize(
    ("uncertainty_km", "levels", "sigma_km"),
    [(4.0, [1], 2.0), (0.0, [], 0.0), (None, [], 25.0), (None, [0, 1], 75.0), (None, [2], 25.0), (None, [1, 5], 12.0)],
)
def test_sigma_is_of_the_uncertainty_else_of_the_finest_area(
    uncertainty_km: float | None, levels: list[int], sigma_km: float
) -> None:
    found = report(uncertainty_km=uncertainty_km, admin=[{"level": level} for level in levels])
    assert found.sigma_km == sigma_km


def test_codes_are_the_type_first_and_each_once() -> None:
    found = report(type="violence.killing", also=["looting", "violence.killing"])
    assert found.codes == ("violence.killing", "looting")


def test_only_the_named_are_actors_without_case_and_with_their_codes() -> None:
    actors = [
        {"role": "PERPETRATOR", "class": "STATE_MILITARY"},
        {"role": "PERPETRATOR", "name": "Red  BAND", "scheme": "acled", "code": "7"},
    ]
    assert report(actors=actors).actors == {"red band", "acled:7"}


def test_the_english_text_is_compared_else_the_first_by_language() -> None:
    fr, en, uk = ({"language": language, "headline": f"in {language}"} for language in ("fr", "en-GB", "uk"))
    assert report(texts=[fr, en, uk]).language == "en"
    assert report(texts=[uk, fr]).language == "fr"
    assert report(texts=[uk, fr]).text_digest == report(texts=[fr]).text_digest != report(texts=[uk]).text_digest
    assert report().text_digest is None
    assert report(texts=[{"language": "en", "headline": "..."}]).text_digest is None


def test_what_many_events_share_is_held_once() -> None:
    a, b = report(sectors=["HEALTH"], number=1), report(sectors=["HEALTH"], number=2)
    assert a.sectors is b.sectors
    assert a.codes is b.codes
    assert a.key[0] is b.key[0]
    assert a.first_at is a.accepted_at


def test_no_place_is_kept_as_none_and_minus_zero_reads_as_zero() -> None:
    assert (report(lat=None, lon=None).lat, report(lat=None, lon=None).lon) == (None, None)
    assert str(report(uncertainty_km=-0.0).uncertainty_km) == "0.0"
    assert report(at=MONDAY).accepted_at == MONDAY
