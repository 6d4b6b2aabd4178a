"""Places of which the agencies have the most different pictures."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import h3

from bus.demo.reading import Reading
from schemas.models import Alert

RESOLUTION: Final = 5
"""H3 cells of about 250 km²: a town and what lies around it."""
MOST: Final = 3


class Place(NamedTuple):
    """A town or so, with the ids of the alerts that each agency has of it."""

    place: str
    lat: float
    lon: float
    agencies: dict[str, list[str]]

    @property
    def pictures(self) -> int:
        """How many different pictures the agencies have of it."""
        return len({tuple(ids) for ids in self.agencies.values()})


def places(readings: Sequence[Reading]) -> tuple[Place, ...]:
    """The places with the most different pictures, the most alerts first among equals."""
    seen: dict[str, dict[str, list[str]]] = defaultdict(lambda: {one.agency: [] for one in readings})
    names: dict[str, Counter[str]] = defaultdict(Counter)
    for reading in readings:
        for alert_id, alert in sorted(reading.alerts.items()):
            if alert.where.lat is None or alert.where.lon is None:
                continue
            cell = h3.latlng_to_cell(alert.where.lat, alert.where.lon, RESOLUTION)
            seen[cell][reading.agency].append(alert_id)
            names[cell].update(_names(reading, alert))
    found = [_place(cell, agencies, names[cell]) for cell, agencies in seen.items()]
    return tuple(sorted(found, key=_rank)[:MOST])


def _place(cell: str, agencies: dict[str, list[str]], names: Counter[str]) -> Place:
    lat, lon = h3.cell_to_latlng(cell)
    name = min(names, key=lambda one: (-names[one], one), default=f"{lat:.1f}, {lon:.1f}")
    return Place(name, round(lat, 3), round(lon, 3), agencies)


def _rank(place: Place) -> tuple[int, int, str]:
    alerts = {alert_id for ids in place.agencies.values() for alert_id in ids}
    return (-place.pictures, -len(alerts), place.place)


def _names(reading: Reading, alert: Alert) -> Iterator[str]:
    """What the reports call the place: its name, else the province, with the country."""
    for member in alert.members:
        event = reading.picture.event(f"{member.agency}/{member.feed}/{member.id}")
        if event is not None:
            where = event.body.where
            named = where.name or next((admin.name for admin in where.admin if admin.name), None)
            yield ", ".join(filter(None, (named, *where.countries)))


def by_picture(place: Place) -> list[tuple[tuple[str, ...], list[str]]]:
    """The agencies grouped by what they have, most alerts first."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for agency, ids in place.agencies.items():
        groups[tuple(ids)].append(agency)
    return sorted(groups.items(), key=lambda pair: (-len(pair[0]), pair[1]))
