"""Days, months and years as intervals of UTC milliseconds.

A day without a zone is the country's day. Where a country has several zones it is the union of their days; where no
country is known it runs from the first place that has this date (UTC+14) to the last (UTC-12).
"""

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bus.units import DAY_MS, MINUTE_MS

FIRST_YEAR: Final = 1901
"""One year inside what the schema holds, since a day may begin in the UTC year before."""
LAST_YEAR: Final = 9998
EAST: Final = timedelta(hours=14)
WEST: Final = timedelta(hours=12)

_ISO: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[T ](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_MONTHS: Final = {name.casefold(): number for number, name in enumerate(calendar.month_name) if number}
# The blurred date that opens a text: "March 2023: ...", and not "18 March 2023: ...".
_MONTH_TEXT: Final = re.compile(r"\s*(?P<month>[A-Za-z]+) (?P<year>[0-9]{4})\s*:")


class Interval(NamedTuple):
    """UTC ms, the end exclusive."""

    start: int
    end: int

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end - self.start) / DAY_MS


@cache
def country_zones() -> Mapping[str, tuple[str, ...]]:
    """Names of the time zones of each country, by its alpha-3 code."""
    lines = files("adapters").joinpath("tables", "zones.txt").read_text("utf-8").splitlines()
    rows = (line.split() for line in lines if not line.startswith("#"))
    return MappingProxyType({country: tuple(zones) for country, *zones in rows})


@lru_cache(maxsize=16_384)
def day_span(first: date, last: date, zones: tuple[str, ...]) -> Interval:
    """From the first moment of the first day to the last moment of the last, in whichever zone comes first or last."""
    after = last + timedelta(days=1)
    if not zones:
        return Interval(_utc(first) - _ms(EAST), _utc(after) + _ms(WEST))
    return Interval(min(_midnight(first, zone) for zone in zones), max(_midnight(after, zone) for zone in zones))


def zones_of(countries: tuple[str, ...]) -> tuple[str, ...]:
    """Zones of all these countries; none where any of them has none."""
    found = [country_zones().get(country, ()) for country in countries]
    return tuple(zone for zones in found for zone in zones) if all(found) else ()


@lru_cache(maxsize=16_384)
def iso_span(text: str, zones: tuple[str, ...], *, clock: bool) -> Interval | None:
    """Read a date of ISO 8601: a year, month, day or minute; None where it is none.

    With `clock` false a time of day is no knowledge but a spreadsheet's habit (`...T00:00:00.000Z` is a local day).
    """
    found = _ISO.fullmatch(text.strip())
    if found is None or not FIRST_YEAR <= int(found["year"]) <= LAST_YEAR:
        return None
    try:
        if found["day"] is None:
            return _month_or_year(int(found["year"]), found["month"], zones)
        day = date(int(found["year"]), int(found["month"]), int(found["day"]))
        if not clock or found["clock"] is None:
            return day_span(day, day, zones)
        return _minute(day, time.fromisoformat(found["clock"]), found["zone"], zones)
    except ValueError:
        return None


def is_form(form: str) -> bool:
    """Tell whether a `strptime` format writes a whole day, such that it can be read again."""
    day = date(2023, 11, 25)
    try:
        return datetime.strptime(day.strftime(form), form).date() == day  # noqa: DTZ007
    except (ValueError, re.error):  # the latter where a directive stands twice
        return False


@lru_cache(maxsize=16_384)
def written_span(text: str, form: str, zones: tuple[str, ...]) -> Interval | None:
    """Read a day as a `strptime` format says (`%d/%m/%Y`); None where it does not fit."""
    try:
        # The zone is the country's, not the format's: only the calendar day is taken.
        day = datetime.strptime(text.strip(), form).date()  # noqa: DTZ007
    except ValueError:
        return None
    return day_span(day, day, zones) if FIRST_YEAR <= day.year <= LAST_YEAR else None


@lru_cache(maxsize=4096)
def month_named(text: str) -> tuple[int, int] | None:
    """The year and month of a text that opens with "March 2023:" and tells no day."""
    found = _MONTH_TEXT.match(text)
    if found is None or (month := _MONTHS.get(found["month"].casefold())) is None:
        return None
    return int(found["year"]), month


def month_span(year: int, month: int, zones: tuple[str, ...]) -> Interval | None:
    """A whole month."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    return day_span(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]), zones)


def _month_or_year(year: int, month: str | None, zones: tuple[str, ...]) -> Interval | None:
    if month is None:
        return day_span(date(year, 1, 1), date(year, 12, 31), zones)
    if not 1 <= int(month) <= len(_MONTHS):
        return None
    return month_span(year, int(month), zones)


def _minute(day: date, clock: time, zone: str | None, zones: tuple[str, ...]) -> Interval:
    naive = datetime.combine(day, clock.replace(second=0, microsecond=0))
    if zone is not None:
        starts = [_since_epoch(datetime.fromisoformat(f"{naive.isoformat()}{zone}"))]
    elif zones:
        starts = [_since_epoch(naive.replace(tzinfo=ZoneInfo(name))) for name in zones]
    else:
        whole = _since_epoch(naive.replace(tzinfo=UTC))
        starts = [whole - _ms(EAST), whole + _ms(WEST)]
    return Interval(min(starts), max(starts) + MINUTE_MS)


@lru_cache(maxsize=16_384)
def _midnight(day: date, zone: str) -> int:
    # Where the clock is set forward at midnight the day begins an hour later; `fold` 0 takes the offset before it.
    return _since_epoch(datetime.combine(day, time.min, ZoneInfo(zone)))


def _utc(day: date) -> int:
    return _since_epoch(datetime.combine(day, time.min, UTC))


def _since_epoch(moment: datetime) -> int:
    return _ms(moment - datetime(1970, 1, 1, tzinfo=UTC))


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
