"""The open events by place and time: H3 cells by how precisely a place is known, in each, events by their start.

An event is entered at its own level and all coarser ones, so that coarse-then-precise and precise-then-coarse find
each other alike. Nothing here decides an edge: it only must not miss one (tests/laws/test_graph.py compares with all
pairs).
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from bus.fusion.areas import Area, Box, Spot, cell_of, disk, rings_within
from bus.fusion.dense import Bucket, Crowd
from bus.fusion.entry import Entry
from bus.fusion.gate import Gate
from bus.fusion.node import Node
from bus.fusion.times import SPANS, Row, Starts, span_of, starts_around
from bus.units import DAY_MS
from schemas.models import Parameters

Held = Entry | Row
"""Most areas hold one event."""
DAY_BITS: Final = 32
"""In the number of a place-day."""


class Index:
    """For each level, beginning with the most precise, a table for each span, then again for what is known better.

    The level beyond the last of the parameters is by country. The events of a crowded place-day are not in the
    tables: `_crowds` names their bucket in the same spots, so that who sees them densely need not meet them one by
    one.
    """

    __slots__ = (
        "_buckets", "_by_country", "_crowded", "_crowds", "_dense", "_deviations", "_gate", "_records", "_resolutions",
        "_sigmas", "_tables", "_widest",
    )  # fmt: skip

    def __init__(self, parameters: Parameters) -> None:
        """Lay out the levels."""
        cluster = parameters.cluster
        levels = sorted(cluster.index, key=lambda level: level.up_to_km)
        self._sigmas = [level.up_to_km * parameters.gate.sigma_per_uncertainty for level in levels]
        self._resolutions = [level.resolution for level in levels]
        self._by_country = len(levels)
        self._gate = Gate(parameters)
        self._dense = cluster.dense
        self._tables: list[dict[Area, Held]] = [{} for _ in range(2 * SPANS * (self._by_country + 1))]
        self._crowded = 0
        """How many place-days are crowded."""
        self._crowds: list[dict[Area, list[Bucket]]] = [{} for _ in self._tables]
        self._deviations: list[dict[float, int]] = [{} for _ in range(self._by_country + 1)]
        """How many events of each level have which standard deviation."""
        self._widest = [0.0 for _ in self._deviations]
        self._records: dict[str, Entry | dict[Entry, None]] = {}
        self._buckets: dict[int, Bucket] = {}

    def add(self, entry: Entry) -> None:
        """Enter an event that has a place and a time."""
        bucket = self._buckets.get(key := self._place_day(entry.lat, entry.lon, entry.start))
        if bucket is None:
            bucket = self._buckets[key] = Bucket()
        entry.bucket = bucket
        bucket.entries.append(entry)
        self._tally(entry.node, 1)
        if entry.node.derived_from:
            self._record(entry.node.derived_from[0], entry)
        if bucket.crowd is not None:
            self._crowd_in(bucket, bucket.crowd, entry)
        elif len(bucket.entries) > self._dense.limit:
            self._crowd(bucket, entry)
        else:
            for spot in self._spots(entry):
                self._put(spot, entry)

    def remove(self, entry: Entry) -> None:
        """Take an event out."""
        bucket = entry.bucket
        if bucket is None:
            return
        if bucket.crowd is None:
            for spot in self._spots(entry):
                self._drop(spot, entry)
        else:
            self._crowd_out(bucket, bucket.crowd, entry)
        bucket.entries.remove(entry)
        self._tally(entry.node, -1)
        if entry.node.derived_from:
            self._forget(entry.node.derived_from[0], entry)
        if not bucket.entries:
            del self._buckets[self._place_day(entry.lat, entry.lon, entry.start)]
        elif bucket.crowd is not None and len(bucket.entries) <= self._dense.limit:
            self._disperse(bucket, bucket.crowd)

    def change_mask(self, entry: Entry, mask: int) -> None:
        """Give an event to other readers."""
        crowd = None if entry.bucket is None else entry.bucket.crowd
        if crowd is not None:
            crowd.discard(entry, entry.mask)
            crowd.add(entry, mask)
        entry.mask = mask

    def recount(self, bucket: Bucket) -> int:
        """The readers for whom a place-day is dense now."""
        return 0 if bucket.crowd is None else bucket.crowd.readers_above(self._dense.limit)

    def near(self, entry: Entry, readers: int) -> list[Entry]:
        """Every event that these readers may have an edge of this one with, some of them twice, and others."""
        node = entry.node
        starts = starts_around(node)
        found: list[Entry] = []
        crowds: list[Bucket] = []
        for level, better in self._levels_for(node):
            vaguest = max(self._widest[:level]) if better else self._widest[level]
            reach_km = self._gate.reach_km(node.sigma_km, vaguest)
            areas = self._areas(entry, level, reach_km)
            tables = range(table := _table(level, better=better), table + SPANS)
            south, north, west, east = Box.around(entry.lat, entry.lon, reach_km)
            met = self._meet(tables, areas, starts)
            found += [each for each in met if south < each.lat < north and west < each.lon < east]
            if self._crowded:
                crowds += self._meet_crowds(tables, areas, starts)
        for bucket in dict.fromkeys(crowds):
            if bucket.crowd is not None:
                found += bucket.crowd.find(node, readers, entry.dense | bucket.dense)
        if node.derived_from:
            found += self.tell_of(node.derived_from[0])
        return found

    def beside(self, node: Node) -> Sequence[Entry]:
        """The events of the place-day of one that has a place and a time."""
        bucket = self._buckets.get(self._place_day(node.lat or 0.0, node.lon or 0.0, node.start or 0))
        return () if bucket is None else bucket.entries

    def tell_of(self, record: str) -> Iterable[Entry]:
        """The events whose public record this is."""
        told = self._records.get(record, ())
        return (told,) if isinstance(told, Entry) else told

    def _levels_for(self, node: Node) -> Iterator[tuple[int, bool]]:
        """Where to look: of its own level an event meets equals and what is known better, of coarser ones equals."""
        own = self._level(node)
        if any(self._deviations[:own]):
            yield own, True
        for level in range(own, self._by_country + 1):
            if self._deviations[level]:
                yield level, False

    def _meet(self, tables: Iterable[int], areas: Collection[Area], starts: Iterable[Starts]) -> list[Entry]:
        """The events of some areas that begin in time."""
        met: list[Entry] = []
        for table, (first, last) in zip(tables, starts, strict=True):
            if self._tables[table]:
                there: Iterator[Held] = filter(None, map(self._tables[table].get, areas))
                for held in there:
                    if isinstance(held, Row):
                        # As a method of Row it would take a third longer, and this is the most frequent act of fusion.
                        begin = bisect_left(held.starts, first)
                        met += held.entries[begin : bisect_left(held.starts, last, begin)]
                    elif first <= held.start < last:
                        met.append(held)
        return met

    def _meet_crowds(self, tables: Iterable[int], areas: Collection[Area], starts: Iterable[Starts]) -> list[Bucket]:
        """The crowded place-days of some areas that are in time."""
        met: list[Bucket] = []
        for table, (first, last) in zip(tables, starts, strict=True):
            if self._crowds[table]:
                for buckets in filter(None, map(self._crowds[table].get, areas)):
                    met += [bucket for bucket in buckets if bucket.is_between(first, last)]
        return met

    def _areas(self, entry: Entry, level: int, reach_km: float) -> Collection[Area]:
        if level == self._by_country:
            return entry.node.countries
        resolution = self._resolutions[level]
        return disk(cell_of(entry.lat, entry.lon, resolution), rings_within(resolution, reach_km))

    def _tally(self, node: Node, change: int) -> None:
        """Count an event in or out, so that a search knows how vague the events of a level are at most."""
        level = self._level(node)
        held = self._deviations[level]
        held[node.sigma_km] = held.get(node.sigma_km, 0) + change
        if not held[node.sigma_km]:
            del held[node.sigma_km]
            if node.sigma_km == self._widest[level]:
                self._widest[level] = max(held, default=0.0)
        elif node.sigma_km > self._widest[level]:
            self._widest[level] = node.sigma_km

    def _level(self, node: Node) -> int:
        return bisect_left(self._sigmas, node.sigma_km)

    def _place_day(self, lat: float, lon: float, start: int) -> int:
        """The number of a cell and a day since 1970 in UTC."""
        return (cell_of(lat, lon, self._dense.resolution) << DAY_BITS) + start // DAY_MS

    def _spots(self, entry: Entry) -> Iterator[Spot]:
        """Where an event is entered."""
        own, span = self._level(entry.node), span_of(entry.node)
        for level in range(own, self._by_country + 1):
            table = _table(level, better=level > own) + span
            if level == self._by_country:
                for country in entry.node.countries:
                    yield table, country
            else:
                yield table, cell_of(entry.lat, entry.lon, self._resolutions[level])

    def _put(self, spot: Spot, entry: Entry) -> None:
        table, area = self._tables[spot[0]], spot[1]
        held = table.setdefault(area, entry)
        if isinstance(held, Row):
            held.add(entry)
        elif held is not entry:
            table[area] = Row(held, entry)

    def _drop(self, spot: Spot, entry: Entry) -> None:
        table, area = self._tables[spot[0]], spot[1]
        held = table[area]
        if isinstance(held, Row):
            held.remove(entry)
            if len(held.entries) == 1:
                table[area] = held.entries[0]
        else:
            del table[area]

    def _record(self, record: str, entry: Entry) -> None:
        """Remember who tells of a public record: mostly one."""
        told = self._records.setdefault(record, entry)
        if isinstance(told, dict):
            told[entry] = None
        elif told is not entry:
            self._records[record] = {told: None, entry: None}

    def _forget(self, record: str, entry: Entry) -> None:
        told = self._records[record]
        if isinstance(told, dict):
            del told[entry]
        if not isinstance(told, dict) or not told:
            del self._records[record]

    def _crowd(self, bucket: Bucket, newest: Entry) -> None:
        self._crowded += 1
        crowd = bucket.crowd = Crowd()
        for entry in bucket.entries:
            if entry is not newest:
                for spot in self._spots(entry):
                    self._drop(spot, entry)
            self._crowd_in(bucket, crowd, entry)

    def _disperse(self, bucket: Bucket, crowd: Crowd) -> None:
        for entry in bucket.entries:
            self._crowd_out(bucket, crowd, entry)
            for spot in self._spots(entry):
                self._put(spot, entry)
        bucket.crowd = None
        self._crowded -= 1

    def _crowd_in(self, bucket: Bucket, crowd: Crowd, entry: Entry) -> None:
        crowd.add(entry, entry.mask)
        for spot in self._spots(entry):
            crowd.spots[spot] = crowd.spots.get(spot, 0) + 1
            if crowd.spots[spot] == 1:
                self._crowds[spot[0]].setdefault(spot[1], []).append(bucket)

    def _crowd_out(self, bucket: Bucket, crowd: Crowd, entry: Entry) -> None:
        crowd.discard(entry, entry.mask)
        for spot in self._spots(entry):
            crowd.spots[spot] -= 1
            if not crowd.spots[spot]:
                del crowd.spots[spot]
                table, area = spot
                self._crowds[table][area].remove(bucket)
                if not self._crowds[table][area]:
                    del self._crowds[table][area]


def _table(level: int, *, better: bool) -> int:
    """The first of a level's tables for what is known just so well, or better."""
    return (2 * level + better) * SPANS
