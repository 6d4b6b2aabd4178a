"""Where to look for events that can be one story: H3 cells by how precisely a place is known, and bins of time.

An event is entered at its own level and all coarser ones, so that coarse-then-precise and precise-then-coarse find
each other alike. Nothing here decides an edge: it only must not miss one (tests/unit/test_index.py compares with all
pairs).
"""

from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import ceil
from typing import Final, NamedTuple

import h3.api.basic_int as h3

from bus.fusion.entry import Bucket, Crowd, Entry
from bus.fusion.gate import Gate
from bus.fusion.node import DAY_MS, Node
from schemas.models import Parameters

SMALLEST_EDGE: Final = 0.7
"""Least edge of an H3 cell against the mean of its resolution."""
SPANS_DAYS: Final = (1, 16, 256)
"""Intervals up to these lengths are binned by their start in bins of half the length (at least a day); longer ones,
and what goes on, lie in one bin."""
OPEN: Final = len(SPANS_DAYS)
LAST_DAY: Final = 1 << 32
"""After every day."""
MOST_BINS: Final = 256
"""More bins than this are not looked up one by one."""

Spot = tuple[int, int | str, int]
"""A table, a cell (or country) in it, and a bin of time."""
Item = Entry | Bucket
Bins = dict[int, list[Item]]


class Times(NamedTuple):
    """Bins to look in: by span, and where they are few, as keys."""

    ranges: list[range]
    keys: list[int] | None

    def within(self, bins: Bins) -> Iterator[Item]:
        """What lies in these bins of a cell."""
        if self.keys is not None and len(self.keys) <= len(bins):
            for key in self.keys:
                yield from bins.get(key, ())
        else:
            for key, items in bins.items():
                number, span = divmod(key, OPEN + 1)
                if number in self.ranges[span]:
                    yield from items


@lru_cache(maxsize=1024)
def _disk(cell: int, rings: int) -> "array[int]":
    """The cells around one, itself included; eight bytes each, since many are kept."""
    return array("Q", h3.grid_disk(cell, rings))


class Index:
    """The open events by place and time. Tables 0 to n - 1 hold each level's own events, n to 2n - 1 the finer."""

    def __init__(self, parameters: Parameters) -> None:
        """Lay out the levels; beyond the last one, events are found by country."""
        gate, cluster = Gate(parameters), parameters.cluster
        levels = sorted(cluster.index, key=lambda level: level.up_to_km)
        self._sigmas = [level.up_to_km * parameters.gate.sigma_per_uncertainty for level in levels]
        self._resolutions = [level.resolution for level in levels]
        self._rings = [
            _rings(level.resolution, gate.reach_km(sigma, sigma))
            for level, sigma in zip(levels, self._sigmas, strict=True)
        ]
        self._countries = len(levels)
        self._tables: list[dict[int | str, Bins]] = [{} for _ in range(2 * (len(levels) + 1))]
        self._spans = [0] * (OPEN + 1)
        self._records: dict[str, dict[Entry, None]] = {}
        self._buckets: dict[tuple[int, int], Bucket] = {}
        self._dense = cluster.dense

    def add(self, entry: Entry) -> None:
        """Enter an event that has a place and a time."""
        bucket_key = self._bucket_key(entry.node)
        bucket = entry.bucket = self._buckets.setdefault(bucket_key, Bucket())
        bucket.entries[entry] = None
        if entry.node.derived_from:
            self._records.setdefault(entry.node.derived_from[0], {})[entry] = None
        self._spans[_span(entry.node)] += 1
        if bucket.crowd is not None:
            bucket.crowd.add(entry, entry.mask)
            self._crowd_in(bucket, bucket.crowd, entry)
        elif len(bucket.entries) > self._dense.limit:
            self._crowd(bucket)
        else:
            for spot in self._spots(entry.node):
                self._put(spot, entry)

    def remove(self, entry: Entry) -> None:
        """Take an event out."""
        bucket = entry.bucket
        if bucket is None:
            return
        if bucket.crowd is None:
            for spot in self._spots(entry.node):
                self._drop(spot, entry)
        else:
            bucket.crowd.discard(entry, entry.mask)
            self._crowd_out(bucket, bucket.crowd, entry)
        del bucket.entries[entry]
        self._spans[_span(entry.node)] -= 1
        if entry.node.derived_from:
            _forget(self._records, entry.node.derived_from[0], entry)
        if not bucket.entries:
            del self._buckets[self._bucket_key(entry.node)]
        elif bucket.crowd is not None and len(bucket.entries) <= self._dense.limit:
            self._disperse(bucket)

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

    def near(self, entry: Entry, readers: int) -> Iterator[Entry]:
        """Every event that these readers may have an edge of this one with, some of them twice, and others."""
        node = entry.node
        met: set[int] = set()
        for item in self._around(node):
            if isinstance(item, Entry):
                if item.mask & readers:
                    yield item
            elif id(item) not in met:
                met.add(id(item))
                if item.crowd is not None:
                    dense = item.dense if entry.bucket is None else item.dense | entry.bucket.dense
                    yield from item.crowd.find(node, readers, dense)
        if node.derived_from:
            yield from self._records[node.derived_from[0]]

    def _around(self, node: Node) -> Iterator[Item]:
        own = self._level(node)
        times = self._times(node)
        for level in range(own, self._countries + 1):
            areas = self._areas(node, level)
            tables = (level, level + self._countries + 1) if level == own else (level,)
            for number in tables:
                table = self._tables[number]
                if table:
                    for area in areas:
                        bins = table.get(area)
                        if bins is not None:
                            yield from times.within(bins)

    def _areas(self, node: Node, level: int) -> Iterable[int | str]:
        if level == self._countries:
            return node.countries
        return _disk(self._cell(node, level), self._rings[level])

    def _cell(self, node: Node, level: int) -> int:
        return int(h3.latlng_to_cell(node.lat, node.lon, self._resolutions[level]))

    def _level(self, node: Node) -> int:
        for level, sigma in enumerate(self._sigmas):
            if node.sigma_km <= sigma:
                return level
        return self._countries

    def _bucket_key(self, node: Node) -> tuple[int, int]:
        return int(h3.latlng_to_cell(node.lat, node.lon, self._dense.resolution)), (node.start or 0) // DAY_MS

    def _times(self, node: Node) -> "Times":
        """The bins that can hold an interval within the event's window; its own window is the largest that counts."""
        window = (node.window_ms or 0) // DAY_MS + 1
        first = (node.start or 0) // DAY_MS - window
        last = LAST_DAY if node.end is None else node.end // DAY_MS + window
        ranges = [
            range((first - days) // _width(days), last // _width(days) + 1) if self._spans[span] else range(0)
            for span, days in enumerate(SPANS_DAYS)
        ]
        ranges.append(range(1))
        if sum(map(len, ranges)) > MOST_BINS:
            return Times(ranges, None)
        return Times(ranges, [number * (OPEN + 1) + span for span, each in enumerate(ranges) for number in each])

    def _spots(self, node: Node) -> Iterator[Spot]:
        """Where an event is entered."""
        own, time = self._level(node), _bin(node)
        for level in range(own, self._countries + 1):
            table = level if level == own else level + self._countries + 1
            if level == self._countries:
                for country in node.countries:
                    yield table, country, time
            else:
                yield table, self._cell(node, level), time

    def _put(self, spot: Spot, item: Item) -> None:
        table, area, time = spot
        self._tables[table].setdefault(area, {}).setdefault(time, []).append(item)

    def _drop(self, spot: Spot, item: Item) -> None:
        table, area, time = spot
        bins = self._tables[table][area]
        bins[time].remove(item)
        if not bins[time]:
            del bins[time]
            if not bins:
                del self._tables[table][area]

    def _crowd(self, bucket: Bucket) -> None:
        """Name the bucket in the place of its events, so that nobody who sees them densely meets them one by one."""
        crowd = bucket.crowd = Crowd()
        *others, newest = bucket.entries
        for entry in others:
            for spot in self._spots(entry.node):
                self._drop(spot, entry)
        for entry in (*others, newest):
            crowd.add(entry, entry.mask)
            self._crowd_in(bucket, crowd, entry)

    def _disperse(self, bucket: Bucket) -> None:
        crowd, bucket.crowd = bucket.crowd, None
        for spot in () if crowd is None else crowd.spots:
            self._drop(spot, bucket)
        for entry in bucket.entries:
            for spot in self._spots(entry.node):
                self._put(spot, entry)

    def _crowd_in(self, bucket: Bucket, crowd: Crowd, entry: Entry) -> None:
        for spot in self._spots(entry.node):
            if spot not in crowd.spots:
                self._put(spot, bucket)
            crowd.spots[spot] = crowd.spots.get(spot, 0) + 1

    def _crowd_out(self, bucket: Bucket, crowd: Crowd, entry: Entry) -> None:
        for spot in self._spots(entry.node):
            crowd.spots[spot] -= 1
            if not crowd.spots[spot]:
                del crowd.spots[spot]
                self._drop(spot, bucket)


def _rings(resolution: int, reach_km: float) -> int:
    """Rings of cells that hold every point within reach of any point of the middle one.

    In a grid of hexagons k rings hold what is within (1.5 k - 0.5) edges.
    """
    edge_km: float = h3.average_hexagon_edge_length(resolution, unit="km") * SMALLEST_EDGE
    return ceil((reach_km / edge_km + 0.5) / 1.5)


def _span(node: Node) -> int:
    if node.end is not None and node.start is not None:
        for span, days in enumerate(SPANS_DAYS):
            if node.end - node.start <= days * DAY_MS:
                return span
    return OPEN


def _bin(node: Node) -> int:
    span = _span(node)
    if span == OPEN:
        return OPEN
    return ((node.start or 0) // DAY_MS // _width(SPANS_DAYS[span])) * (OPEN + 1) + span


def _width(days: int) -> int:
    return max(1, days // 2)


def _forget(table: dict[str, dict[Entry, None]], name: str, entry: Entry) -> None:
    del table[name][entry]
    if not table[name]:
        del table[name]
