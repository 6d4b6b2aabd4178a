"""The open events by place and time: H3 cells by how precisely a place is known, in each, bins of time.

An event is entered at its own level and all coarser ones, so that coarse-then-precise and precise-then-coarse find
each other alike. Nothing here decides an edge: it only must not miss one (tests/laws/test_graph.py compares with all
pairs).
"""

from collections.abc import Iterable, Iterator

from bus.fusion.areas import Area, Box, Spot, cell_of, disk, rings_within
from bus.fusion.dense import Bucket, Crowd
from bus.fusion.entry import Entry
from bus.fusion.gate import Gate
from bus.fusion.node import DAY_MS, Node
from bus.fusion.times import SPANS, Times, bin_of, span_of
from schemas.models import Parameters

Bins = dict[int, Entry | list[Entry]]
"""Most bins hold one event."""
PlaceDay = tuple[int, int]
"""A cell, and a day since 1970 in UTC."""


class Index:
    """Tables 0 to n hold each level's own events, n + 1 to 2n + 1 those that are known more precisely.

    Level n, beyond the last of the parameters, is by country. The events of a crowded place-day are not in the tables:
    `_crowds` names their bucket in the same spots, so that who sees them densely need not meet them one by one.
    """

    __slots__ = (
        "_buckets", "_by_country", "_crowds", "_dense", "_deviations", "_gate", "_held", "_records", "_resolutions",
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
        self._tables: list[dict[Area, Bins]] = [{} for _ in range(2 * (self._by_country + 1))]
        self._crowds: dict[tuple[int, Area], dict[int, list[Bucket]]] = {}
        self._held = [0] * SPANS
        self._deviations: list[dict[float, int]] = [{} for _ in self._tables]
        self._widest = [0.0 for _ in self._tables]
        self._records: dict[str, Entry | dict[Entry, None]] = {}
        self._buckets: dict[PlaceDay, Bucket] = {}

    def add(self, entry: Entry) -> None:
        """Enter an event that has a place and a time."""
        bucket = self._buckets.get(key := self._place_day(entry))
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
            self._crowd_out(bucket, bucket.crowd, entry)
        bucket.entries.remove(entry)
        self._tally(entry.node, -1)
        if entry.node.derived_from:
            self._forget(entry.node.derived_from[0], entry)
        if not bucket.entries:
            del self._buckets[self._place_day(entry)]
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
        times = Times.around(node, self._held)
        found: list[Entry] = []
        crowds: dict[int, Bucket] = {}
        for table, level in self._tables_for(self._level(node)):
            if not self._deviations[table]:
                continue
            reach_km = self._gate.reach_km(node.sigma_km, self._widest[table])
            areas = self._areas(node, level, reach_km)
            if self._tables[table]:
                self._search(table, areas, times, Box.around(entry.lat, entry.lon, reach_km), found)
            if self._crowds:
                self._search_crowds(table, areas, times, crowds)
        for bucket in crowds.values():
            if bucket.crowd is not None:
                found += bucket.crowd.find(node, readers, entry.dense | bucket.dense)
        if node.derived_from:
            told = self._records[node.derived_from[0]]
            found += (told,) if isinstance(told, Entry) else told
        return found

    def _tables_for(self, own: int) -> Iterator[tuple[int, int]]:
        """Tables to look in from a level, each with its level.

        Of its own level an event meets equals and all that is known more precisely; of coarser ones only equals.
        """
        if own > 0:
            yield own + self._by_country + 1, own
        for level in range(own, self._by_country + 1):
            yield level, level

    def _tally(self, node: Node, change: int) -> None:
        """Count an event in or out, so that a search knows how long and how vague the events in a table are at most."""
        self._held[span_of(node)] += change
        own = self._level(node)
        for level in range(own, self._by_country + 1):
            table = level if level == own else level + self._by_country + 1
            held = self._deviations[table]
            held[node.sigma_km] = held.get(node.sigma_km, 0) + change
            if not held[node.sigma_km]:
                del held[node.sigma_km]
                if node.sigma_km == self._widest[table]:
                    self._widest[table] = max(held, default=0.0)
            elif node.sigma_km > self._widest[table]:
                self._widest[table] = node.sigma_km

    def _search(self, table: int, areas: Iterable[Area], times: Times, box: Box, found: list[Entry]) -> None:
        south, north, west, east = box
        keys, first, last = times.keys, times.first, times.last
        met: list[Entry] = []
        for bins in filter(None, map(self._tables[table].get, areas)):
            for key in times.among(bins) if keys is None else keys:
                held = bins.get(key)
                if held is not None:
                    if isinstance(held, list):
                        met += held
                    else:
                        met.append(held)
        found += [e for e in met if south < e.lat < north and west < e.lon < east and first <= e.start < last]

    def _search_crowds(self, table: int, areas: Iterable[Area], times: Times, found: dict[int, Bucket]) -> None:
        for area in areas:
            spots = self._crowds.get((table, area))
            if spots is not None:
                for key in times.among(spots):
                    found.update((id(bucket), bucket) for bucket in spots[key])

    def _areas(self, node: Node, level: int, reach_km: float) -> Iterable[Area]:
        if level == self._by_country or node.lat is None or node.lon is None:
            return node.countries
        resolution = self._resolutions[level]
        return disk(cell_of(node.lat, node.lon, resolution), rings_within(resolution, reach_km))

    def _level(self, node: Node) -> int:
        return next((level for level, sigma in enumerate(self._sigmas) if node.sigma_km <= sigma), self._by_country)

    def _place_day(self, entry: Entry) -> PlaceDay:
        return cell_of(entry.lat, entry.lon, self._dense.resolution), entry.start // DAY_MS

    def _spots(self, node: Node) -> Iterator[Spot]:
        """Where an event is entered."""
        own, time = self._level(node), bin_of(node)
        if node.lat is None or node.lon is None:
            return
        for level in range(own, self._by_country + 1):
            table = level if level == own else level + self._by_country + 1
            if level == self._by_country:
                for country in node.countries:
                    yield table, country, time
            else:
                yield table, cell_of(node.lat, node.lon, self._resolutions[level]), time

    def _put(self, spot: Spot, entry: Entry) -> None:
        table, area, time = spot
        bins = self._tables[table].get(area)
        if bins is None:
            self._tables[table][area] = {time: entry}
            return
        held = bins.setdefault(time, entry)
        if isinstance(held, list):
            held.append(entry)
        elif held is not entry:
            bins[time] = [held, entry]

    def _drop(self, spot: Spot, entry: Entry) -> None:
        table, area, time = spot
        bins = self._tables[table][area]
        held = bins[time]
        if isinstance(held, list):
            held.remove(entry)
        if not isinstance(held, list) or not held:
            del bins[time]
            if not bins:
                del self._tables[table][area]

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
        crowd = bucket.crowd = Crowd()
        for entry in bucket.entries:
            if entry is not newest:
                for spot in self._spots(entry.node):
                    self._drop(spot, entry)
            self._crowd_in(bucket, crowd, entry)

    def _disperse(self, bucket: Bucket, crowd: Crowd) -> None:
        for entry in bucket.entries:
            self._crowd_out(bucket, crowd, entry)
            for spot in self._spots(entry.node):
                self._put(spot, entry)
        bucket.crowd = None

    def _crowd_in(self, bucket: Bucket, crowd: Crowd, entry: Entry) -> None:
        crowd.add(entry, entry.mask)
        for spot in self._spots(entry.node):
            crowd.spots[spot] = crowd.spots.get(spot, 0) + 1
            if crowd.spots[spot] == 1:
                self._crowds.setdefault(spot[:2], {}).setdefault(spot[2], []).append(bucket)

    def _crowd_out(self, bucket: Bucket, crowd: Crowd, entry: Entry) -> None:
        crowd.discard(entry, entry.mask)
        for spot in self._spots(entry.node):
            crowd.spots[spot] -= 1
            if not crowd.spots[spot]:
                del crowd.spots[spot]
                self._crowds[spot[:2]][spot[2]].remove(bucket)
                if not self._crowds[spot[:2]][spot[2]]:
                    del self._crowds[spot[:2]][spot[2]]
                if not self._crowds[spot[:2]]:
                    del self._crowds[spot[:2]]
