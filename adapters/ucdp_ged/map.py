"""One row of GED to one draft.

UCDP's conventions: side A of state-based violence is the government, which makes it a party and no attacker; the
columns of deaths need not sum up to `best`; a `best` of zero is a figure; -1 sources are an unknown number.
"""

from collections import Counter
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from adapters import days
from adapters.cells import Cell, degrees, figure
from adapters.figures import Figures, count
from adapters.ids import Recorder, draft_id, original, public_id
from adapters.refusals import Code, RowError
from adapters.translation import Body, Draft
from adapters.ucdp_ged.read import Columns, table
from bus.errors import Refusal
from schemas.models import Event, validate

FORMAT: Final = "ucdp-ged"
LICENCE: Final = "CC-BY-4.0"
ATTRIBUTION: Final = (
    "Uppsala Conflict Data Program, UCDP Georeferenced Event Dataset; Sundberg and Melander (2013), "
    "Journal of Peace Research 50(4)"
)
ONE_SIDED: Final = "3"
NON_STATE: Final = "2"
TYPE_OF: Final = MappingProxyType({"1": "clash.armed", NON_STATE: "clash.armed", ONE_SIDED: "violence.killing"})

RADIUS_KM: Final = MappingProxyType({"1": 2.0, "2": 25.0, "3": 50.0, "4": 150.0, "5": 100.0})
"""where_prec: 1 exact, 2 within 25 km, 3 district, 4 province, 5 a line or area."""
CENTROIDS: Final = frozenset({"6", "7"})
"""where_prec: 6 country, 7 international waters or air space."""
SUMMARY: Final = "5"
"""date_prec 5: an event known only within more than a month, in fact a summary of several."""
SUMMARY_DAYS: Final = 32
UNKNOWN_SOURCES: Final = "-1"
CLEAR: Final = "clear"

CENTROID_NOTE: Final = "a country's centroid, or one of waters or air space, is left out"
NO_COUNTRY: Final = "a number of a country that the table lacks: unknown"
NO_SOURCE_DATE: Final = "a date of a source that can't be read is left out"
NO_PRECISION: Final = "a code of precision that the codebook lacks: the radius is unknown"


@cache
def countries() -> MappingProxyType[str, str]:
    """Alpha-3 code of each state number."""
    lines = files("adapters.ucdp_ged").joinpath("tables", "countries.txt").read_text("utf-8").splitlines()
    return MappingProxyType(dict(line.split() for line in lines if not line.startswith("#")))


class Mapper:
    """Turns rows into drafts."""

    def __init__(self, names: tuple[str, ...], columns: Columns, status: str, notes: Counter[str]) -> None:
        """Keep what is the same for each row."""
        self._record = Recorder(names)
        self._columns = columns
        self._status = status
        self._notes = notes
        self._attributes = tuple(
            (f"{FORMAT}.{name}", columns.at[name]) for name in table().attributes if name in columns.at
        )

    def draft(self, cells: list[Cell]) -> Draft:
        """Return the draft.

        Raises:
            RowError: the row can't be one.
        """
        source_id = self._needed(cells, "id")
        kind = self._needed(cells, "type_of_violence")
        if kind not in TYPE_OF:
            raise RowError(Code.BAD_VALUE, "type_of_violence", "1 state-based, 2 non-state or 3 one-sided")
        country = self._country(cells)
        when, nature = self._when(cells, days.zones_of((country,) if country else ()))
        body: Body = {
            "nature": nature,
            "type": TYPE_OF[kind],
            "when": when,
            "where": self._where(cells, country),
            "actors": self._actors(cells, kind),
            "counts": self._counts(cells),
            "source": self._source(cells, source_id),
            "original": original(FORMAT, self._record(cells)),
            "attributes": {
                key: cell for key, at in self._attributes if (cell := cells[at]) and cell != UNKNOWN_SOURCES
            },
        }
        checked = validate(Event, body)
        if isinstance(checked, Refusal):
            raise RowError(Code.BAD_VALUE, checked.place, checked.expected)
        return Draft("event", draft_id(FORMAT, source_id), self._status, None, body)

    def silent(self, cells: list[Cell]) -> list[int]:
        """Which of the columns that are read say nothing in this row."""
        sources = self._columns.at.get("number_of_sources")
        return [
            at for at in self._columns.read if not (cell := cells[at]) or (at == sources and cell == UNKNOWN_SOURCES)
        ]

    def _said(self, cells: list[Cell], name: str) -> str:
        at = self._columns.at.get(name)
        return "" if at is None else (cells[at] or "").strip()

    def _needed(self, cells: list[Cell], name: str) -> str:
        if not (cell := self._said(cells, name)):
            raise RowError(Code.MISSING_VALUE, name, "a value")
        return cell

    def _country(self, cells: list[Cell]) -> str | None:
        number = self._said(cells, "country_id")
        found = countries().get(number)
        if found is None:
            self._notes[NO_COUNTRY] += 1
        return found

    def _when(self, cells: list[Cell], zones: tuple[str, ...]) -> tuple[dict[str, int], str]:
        first, last = (
            days.iso_span(self._needed(cells, name), zones, clock=False) for name in ("date_start", "date_end")
        )
        if first is None or last is None:
            raise RowError(Code.BAD_VALUE, "date_end" if first else "date_start", "a day of ISO 8601")
        span = days.Interval(first.start, last.end)
        if span.end <= span.start:
            raise RowError(Code.BAD_VALUE, "date_end", "a day that is not before date_start")
        is_summary = self._said(cells, "date_prec") == SUMMARY or span.days > SUMMARY_DAYS
        return {"start": span.start, "end": span.end}, "SPAN" if is_summary else "INCIDENT"

    def _where(self, cells: list[Cell], country: str | None) -> dict[str, Any]:
        where: dict[str, Any] = {"countries": [country]} if country else {}
        where.update(self._point(cells))
        admin = [
            {"level": level, "name": name}
            for level, column in ((1, "adm_1"), (2, "adm_2"))
            if (name := self._said(cells, column))
        ]
        if admin:
            where["admin"] = admin
        if name := self._said(cells, "where_coordinates"):
            where["name"] = name
        return where

    def _point(self, cells: list[Cell]) -> dict[str, float]:
        lat = degrees(self._said(cells, "latitude"), "latitude", 90)
        lon = degrees(self._said(cells, "longitude"), "longitude", 180)
        precision = self._said(cells, "where_prec")
        if precision in CENTROIDS:
            self._notes[CENTROID_NOTE] += 1
            return {}
        if lat is None or lon is None:
            return {}
        km = RADIUS_KM.get(precision)
        if km is None:
            self._notes[NO_PRECISION] += 1
            return {"lat": lat, "lon": lon}
        return {"lat": lat, "lon": lon, "uncertainty_km": km}

    def _actors(self, cells: list[Cell], kind: str) -> list[dict[str, Any]]:
        if kind == ONE_SIDED:
            return [*self._side(cells, "a", "PERPETRATOR"), {"role": "AFFECTED", "class": "CIVILIAN"}]
        return [*self._side(cells, "a", "PARTY"), *self._side(cells, "b", "PARTY")]

    def _side(self, cells: list[Cell], side: str, role: str) -> list[dict[str, Any]]:
        name = self._said(cells, f"side_{side}")
        if not name:
            return []
        actor = {"role": role, "class": self._class(cells, side), "name": name}
        if code := self._said(cells, f"side_{side}_new_id"):
            actor.update(scheme="ucdp-actor", code=code)
        return [actor]

    def _class(self, cells: list[Cell], side: str) -> str:
        """A side with a state's number is a state's; it is foreign where the event is in another country."""
        states = self._said(cells, f"gwno{side}").replace(";", ",").split(",")
        if not states[0]:
            return "ARMED_GROUP"
        at_home = self._said(cells, "country_id") in {state.strip() for state in states}
        return "STATE_MILITARY" if at_home else "FOREIGN_FORCES"

    def _counts(self, cells: list[Cell]) -> list[dict[str, Any]]:
        killed = {"what": "KILLED", "unit": "PERSON", "basis": "NEW"}
        low, best, high, civilians, side_a, side_b = (
            figure(self._said(cells, name), name)
            for name in ("low", "best", "high", "deaths_civilians", "deaths_a", "deaths_b")
        )
        fighters = None if side_a is None and side_b is None else (side_a or 0) + (side_b or 0)
        found = (
            count(killed, Figures(low, best, high), self._notes),
            count({**killed, "of": "CIVILIAN"}, Figures(best=civilians), self._notes),
            count({**killed, "of": "COMBATANT"}, Figures(best=fighters), self._notes),
        )
        return [each for each in found if each is not None]

    def _source(self, cells: list[Cell], source_id: str) -> dict[str, Any]:
        source: dict[str, Any] = {
            "discipline": "OSINT",
            "origin": "public:ucdp",
            "derived_from": [public_id(FORMAT, source_id)],
            "licence": LICENCE,
            "attribution": ATTRIBUTION,
            "onward": "ATTRIBUTE",
            "consent": "NOT_NEEDED",
        }
        if self._said(cells, "code_status").casefold() == CLEAR:
            source["review"] = "REVIEWED"
        if (reported := self._reported(self._said(cells, "source_date"))) is not None:
            # A paper's zone is unknown: the first moment that the day can have had.
            source["reported_at"] = days.day_span(reported, reported, ()).start
        return source

    def _reported(self, dates: str) -> date | None:
        """The earliest day on which a source reported."""
        found = []
        for text in dates.split(";"):
            try:
                day = date.fromisoformat(text.strip()[:10]) if text.strip() else None
            except ValueError:
                day = None
                self._notes[NO_SOURCE_DATE] += 1
            if day is not None and days.FIRST_YEAR <= day.year <= days.LAST_YEAR:
                found.append(day)
        return min(found, default=None)
