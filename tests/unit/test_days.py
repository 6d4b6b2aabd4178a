"""Days, months and moments as intervals of UTC."""

from datetime import UTC, date, datetime

import pytest

from adapters.days import Interval, country_zones, day_span, iso_span, month_named, written_span, zones_of
from schemas.countries import countries

HOUR_MS = 3_600_000
KYIV = ("Europe/Kyiv",)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_day_is_the_countrys_day() -> None:
    assert iso_span("2023-03-18", KYIV, clock=False) == Interval(at("2023-03-17T22:00"), at("2023-03-18T22:00"))


def test_a_day_on_which_the_clock_is_set_forward_has_23_hours() -> None:
    span = iso_span("2023-03-26", KYIV, clock=False)
    assert span is not None
    assert span.end - span.start == 23 * HOUR_MS


def test_several_zones_are_the_union_of_their_days() -> None:
    span = iso_span("2023-01-18", ("Europe/Kyiv", "Europe/Simferopol"), clock=False)
    assert span == Interval(at("2023-01-17T21:00"), at("2023-01-18T22:00"))


def test_without_a_zone_the_day_runs_from_the_first_place_to_the_last() -> None:
    assert iso_span("2023-01-18", (), clock=False) == Interval(at("2023-01-17T10:00"), at("2023-01-19T12:00"))


@pytest.mark.parametrize(
    "text", ["2023-02-18T00:00:00.000Z", "2023-02-18 00:00:00", " 2023-02-18 ", "2023-02-18T09:30:00+02:00"]
)
def test_where_the_clock_is_no_knowledge_only_the_day_counts(text: str) -> None:
    assert iso_span(text, KYIV, clock=False) == iso_span("2023-02-18", KYIV, clock=False)


@pytest.mark.parametrize(
    ("text", "start"),
    [("2023-02-18T09:30:59+02:00", "07:30"), ("2023-02-18T09:30Z", "09:30"), ("2023-02-18 09:30", "07:30")],
)
def test_a_moment_is_its_minute(text: str, start: str) -> None:
    begins = at(f"2023-02-18T{start}")
    assert iso_span(text, KYIV, clock=True) == Interval(begins, begins + 60_000)


def test_a_month_or_a_year_is_all_of_it() -> None:
    assert iso_span("2024-02", ("UTC",), clock=False) == Interval(at("2024-02-01T00:00"), at("2024-03-01T00:00"))
    assert iso_span("2024", ("UTC",), clock=False) == Interval(at("2024-01-01T00:00"), at("2025-01-01T00:00"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-02-30",
        "2023-13",
        "2023-00",
        "0000-01-01",
        "9999-12-31",
        "18/02/2023",
        "2023-02-18T25:00",
        "٢٠٢٣-٠٢-١٨",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert iso_span(text, KYIV, clock=True) is None


def test_a_written_day_follows_its_format() -> None:
    assert written_span("18/02/2023", "%d/%m/%Y", KYIV) == iso_span("2023-02-18", KYIV, clock=False)
    assert written_span("02/18/2023", "%d/%m/%Y", KYIV) is None


def test_a_text_that_tells_only_the_month_names_it() -> None:
    assert month_named("March 2023: a kindergarten was damaged") == (2023, 3)
    assert month_named("18 March 2023: a kindergarten was damaged") is None
    assert month_named("Smarch 2023: a kindergarten was damaged") is None


def test_every_inhabited_country_has_a_zone_that_this_machine_knows() -> None:
    # Bouvet Island and the Heard Islands have no inhabitants and no zone.
    assert set(country_zones()) == countries() - {"BVT", "HMD"}
    for zones in country_zones().values():
        assert day_span(date(2024, 6, 1), date(2024, 6, 1), zones).days >= 1


def test_a_country_without_zones_makes_the_zones_unknown() -> None:
    assert zones_of(("UKR", "BVT")) == ()
    assert zones_of(()) == ()
    assert zones_of(("PSE",)) == ("Asia/Gaza", "Asia/Hebron")
