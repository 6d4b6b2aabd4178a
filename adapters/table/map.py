"""One row of a sheet, as its mapping says, to one draft."""

from collections import Counter
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from adapters import days
from adapters.cells import Cell, degrees, figure
from adapters.figures import Figures, count
from adapters.ids import Recorder, draft_id, original, public_id
from adapters.refusals import Code, RowError
from adapters.table.plan import UNKNOWN_CLASS, BoundActor, BoundCount, Plan
from adapters.translation import Body, Draft
from bus.errors import Refusal
from schemas.countries import is_country
from schemas.models import Event, validate
from schemas.taxonomy import gravest, lineage

NO_PRECISION: Final = "a code of precision is not in the mapping: the radius is unknown"
NO_CLASS: Final = "a word for a kind of actor is not in the mapping: the class is unknown"
NO_COUNTRY: Final = "a country is not in the mapping: unknown"
CENTROID: Final = "coordinates of a country's or hidden place are left out"
HALF_POINT: Final = "a latitude without longitude, or the reverse, is left out"
WIDENED: Final = "a day was widened to the month that the text says"
NO_TYPE: Final = "no rule says what it was: the mapping's default type"

Cells = list[Cell]


class Mapper:
    """Turns the rows of one sheet into drafts."""

    def __init__(self, plan: Plan, status: str, notes: Counter[str]) -> None:
        """Keep what is the same for each row."""
        self._plan = plan
        self._status = status
        self._notes = notes
        self._record = Recorder(plan.columns, plan.personal)
        source = plan.mapping.source
        fields = source.model_dump(mode="json", exclude={"reported"}, exclude_defaults=True)
        self._source: dict[str, Any] = {"discipline": str(source.discipline), **fields}
        self._actors: dict[tuple[int, Cell, Cell], tuple[dict[str, Any], ...]] = {}

    def draft(self, cells: Cells) -> Draft:
        """Return the draft.

        Raises:
            RowError: the row can't be one.
        """
        plan, mapping = self._plan, self._plan.mapping
        source_id = self._said(cells, plan.id)
        if source_id is None:
            raise RowError(Code.MISSING_VALUE, mapping.id.column[0], "an id")
        source_id = source_id.strip()
        where = self._where(cells)
        zones = (mapping.when.zone,) if mapping.when.zone else days.zones_of(tuple(where.get("countries", ())))
        counts = [found for bound in plan.counts if (found := self._count(bound, cells))]
        codes, sectors = self._codes(cells, counts)
        body: Body = {
            "nature": str(mapping.nature),
            "type": codes[0],
            "source": self._sourced(cells, public_id(mapping.id.public, source_id), zones),
            "original": self._original(cells),
        }
        for name, value in (
            ("also", codes[1:]),
            ("when", self._when(cells, zones)),
            ("where", where),
            ("actors", [actor for bound in enumerate(plan.actors) for actor in self._who(*bound, cells)]),
            ("counts", [fields for fields, _ in counts]),
            ("sectors", sectors),
            ("texts", self._texts(cells)),
            ("attributes", self._attributes(cells)),
        ):
            if value:
                body[name] = value
        checked = validate(Event, body)
        if isinstance(checked, Refusal):
            raise RowError(Code.BAD_VALUE, checked.place, checked.expected)
        return Draft("event", draft_id(mapping.format, source_id), self._status, self._modified(cells, zones), body)

    def silent(self, cells: Cells) -> list[int]:
        """Which of the columns that are read say nothing in this row."""
        silent = self._plan.silent
        # A long text is never one of the words for "unknown", and must not be remembered.
        return [at for at in self._plan.read if (cell := cells[at]) is None or (len(cell) < 64 and silent[cell])]  # noqa: PLR2004

    def _said(self, cells: Cells, at: int | None) -> Cell:
        """A cell's text, or None where it says nothing."""
        if at is None or (cell := cells[at]) is None:
            return None
        return None if len(cell) < 64 and self._plan.silent[cell] else cell  # noqa: PLR2004

    def _original(self, cells: Cells) -> dict[str, object]:
        mapping = self._plan.mapping
        return original(mapping.format, self._record(cells), keep=mapping.original == "bytes")

    def _sourced(self, cells: Cells, public: str, zones: tuple[str, ...]) -> dict[str, Any]:
        source = {**self._source, "derived_from": [public]}
        if (cell := self._said(cells, self._plan.reported)) is not None:
            source["reported_at"] = self._span(cell, zones, self._plan.mapping.source.reported).start
        return source

    def _modified(self, cells: Cells, zones: tuple[str, ...]) -> int | None:
        cell = self._said(cells, self._plan.modified)
        if cell is None:
            return None
        found = days.iso_span(cell, zones, clock=True)
        if found is None:
            raise RowError(Code.BAD_VALUE, (self._plan.mapping.modified or ("",))[0], "a time of ISO 8601")
        return found.start

    def _when(self, cells: Cells, zones: tuple[str, ...]) -> dict[str, int] | None:
        plan, when = self._plan, self._plan.mapping.when
        cell = self._said(cells, plan.when)
        if cell is None:
            return None
        start, end = self._span(cell, zones, when.column)
        if (last := self._said(cells, plan.to)) is not None:
            end = self._span(last, zones, when.to).end
            if end <= start:
                raise RowError(Code.BAD_VALUE, (when.to or ("",))[0], "an end that is not before the beginning")
        elif when.month_text == "widen" and end - start <= timedelta(days=2) // timedelta(milliseconds=1):
            start, end = self._widened(cells, zones, days.Interval(start, end))
        return {"start": start, "end": end}

    def _widened(self, cells: Cells, zones: tuple[str, ...], day: days.Interval) -> days.Interval:
        named = days.month_named((self._said(cells, self._plan.description) or "")[:64])
        month = days.month_span(*named, zones) if named else None
        if month is None:
            return day
        self._notes[WIDENED] += 1
        return month

    def _span(self, cell: str, zones: tuple[str, ...], names: tuple[str, ...] | None) -> days.Interval:
        when = self._plan.mapping.when
        if when.format == "iso":
            found, expected = days.iso_span(cell, zones, clock=when.clock), "a date of ISO 8601"
        else:
            found, expected = days.written_span(cell, when.format, zones), f"a date as {when.format}"
        if found is None:
            raise RowError(Code.BAD_VALUE, (names or ("",))[0], expected)
        return found

    def _where(self, cells: Cells) -> dict[str, Any]:
        plan = self._plan
        where: dict[str, Any] = {}
        country = self._country(self._said(cells, plan.country))
        if country is not None:
            where["countries"] = [country]
        where.update(self._point(cells))
        admin = [
            {"level": level, "name": cell.strip()}
            for level, at in plan.admin
            if (cell := self._said(cells, at)) is not None
        ]
        if admin:
            where["admin"] = admin
        if (name := self._said(cells, plan.place)) is not None:
            where["name"] = name.strip()
        return where

    def _country(self, cell: Cell) -> str | None:
        if cell is None:
            return None
        code = cell.strip().upper()
        found = code if is_country(code) else self._plan.spelled.get(cell.strip().casefold())
        if found is None or not is_country(found):
            self._notes[NO_COUNTRY] += 1
            return None
        return found

    def _point(self, cells: Cells) -> dict[str, float]:
        plan = self._plan
        names = plan.mapping.where
        lat = degrees(self._said(cells, plan.lat), (names.lat or ("",))[0], 90, comma=plan.comma)
        lon = degrees(self._said(cells, plan.lon), (names.lon or ("",))[0], 180, comma=plan.comma)
        if lat is None or lon is None:
            if (lat is None) is not (lon is None):
                self._notes[HALF_POINT] += 1
            return {}
        precision = self._said(cells, plan.precision)
        km, is_point, known = (names.km, True, True) if precision is None else plan.radius[precision]
        if not is_point:
            self._notes[CENTROID] += 1
            return {}
        if not known:
            self._notes[NO_PRECISION] += 1
        return {"lat": lat, "lon": lon} if km is None else {"lat": lat, "lon": lon, "uncertainty_km": km}

    def _who(self, number: int, bound: BoundActor, cells: Cells) -> tuple[dict[str, Any], ...]:
        kind, names = self._said(cells, bound.class_at), self._said(cells, bound.name_at)
        key = (number, kind, names)
        if key not in self._actors:
            self._actors[key] = self._actor(bound, kind, names)
        if kind is not None and self._plan.actor_class[kind] is None:
            self._notes[NO_CLASS] += 1
        return self._actors[key]

    def _actor(self, bound: BoundActor, kind: Cell, names: Cell) -> tuple[dict[str, Any], ...]:
        class_ = (self._plan.actor_class[kind] if kind is not None else None) or UNKNOWN_CLASS
        split = bound.actor.split
        parts = [part.strip() for part in (names.split(split) if names and split else [names or ""])]
        known = [part for part in dict.fromkeys(parts) if not self._plan.silent[part]]
        base: dict[str, Any] = {"role": str(bound.actor.role), "class": class_}
        if bound.actor.alleged:
            base["alleged"] = True
        if known:
            return tuple({**base, "name": name} for name in known)
        return () if class_ == UNKNOWN_CLASS else (base,)

    def _count(self, bound: BoundCount, cells: Cells) -> tuple[dict[str, Any], tuple[str, ...]] | None:
        """The figures, and the types that they imply where they are above zero."""
        low, best, high = (self._figure(cells, at) for at in (bound.low, bound.best, bound.high))
        for at in bound.plus:
            if (more := self._figure(cells, at)) is not None:
                best = more + (best or 0)
        found = count(bound.kind, Figures(low, best, high), self._notes)
        if found is None:
            return None
        least = best if best is not None else low
        return found, bound.implied if least else ()

    def _figure(self, cells: Cells, at: int | None) -> int | None:
        plan = self._plan
        return None if at is None else figure(self._said(cells, at), plan.columns[at], comma=plan.comma)

    def _codes(self, cells: Cells, counts: list[tuple[dict[str, Any], tuple[str, ...]]]) -> tuple[list[str], list[str]]:
        """All types of the row, the gravest first, and the sectors affected."""
        mapping = self._plan.mapping
        codes = {code for _, implied in counts for code in implied}
        sectors = set(mapping.sectors)
        for rule, conditions in self._plan.rules:
            if rule.otherwise and codes:
                continue
            if all(any((cell := cells[at]) and holds[cell] for at in ats) for ats, holds in conditions):
                if rule.out_of_scope:
                    raise RowError(Code.OUT_OF_SCOPE, rule.when[0].column[0], "a row that is an event")
                codes.update(rule.type)
                sectors.update(rule.sectors)
        if not codes:
            self._notes[NO_TYPE] += 1
            codes.add(mapping.default_type)
        return _ordered(frozenset(codes)), sorted(str(sector) for sector in sectors)

    def _texts(self, cells: Cells) -> list[dict[str, str]]:
        plan = self._plan
        parts = {"headline": self._said(cells, plan.headline), "description": self._said(cells, plan.description)}
        said = {name: text for name, text in parts.items() if text is not None}
        return [{"language": plan.mapping.texts.language, **said}] if said else []

    def _attributes(self, cells: Cells) -> dict[str, str]:
        said = ((key, self._said(cells, at)) for key, at in self._plan.attributes)
        return {key: cell for key, cell in said if cell is not None}


@lru_cache(maxsize=4096)
def _ordered(codes: frozenset[str]) -> list[str]:
    """The gravest first; a branch is left out where one of its own twigs is there."""
    above = {general for code in codes for general in lineage(code)[1:]}
    rest, found = sorted(codes - above), []
    while rest:
        found.append(gravest(rest))
        rest.remove(found[-1])
    return found
