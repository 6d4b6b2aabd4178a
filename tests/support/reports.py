"""What agencies report: few incidents in few places, each told by several feeds with small differences: it clusters."""

import random
from dataclasses import dataclass, field
from typing import Any, Final

from bus.client.publication import Act
from bus.clock import now_ms
from schemas.models import Status
from tests.support.simulator import DAY_MS

HOUR_MS: Final = 3_600_000
PLACES: Final = ((13.63, 25.35), (13.63, 25.41), (12.05, 24.88))
TYPES: Final = ("violence.killing", "violence.attack.armed", "clash.armed", "displacement.forced", "protest", "other")


@dataclass
class Incident:
    """Something that happened, of which several feeds will tell."""

    number: int
    types: tuple[str, ...]
    lat: float
    lon: float
    start: int
    nature: str
    headline: str


@dataclass
class Reporter:
    """Makes the bodies of events by chance."""

    chance: random.Random
    incidents: list[Incident] = field(default_factory=list)

    def report(self, now: int) -> dict[str, Any]:
        """The body of a report."""
        chance = self.chance
        told = self.incident(now)
        shift = chance.choice((0, 0, 0, 6, 30)) * HOUR_MS
        body: dict[str, Any] = {
            "nature": told.nature,
            "type": chance.choice(told.types),
            "also": chance.sample(("looting", "violence.sexual"), chance.choice((0, 0, 0, 1))),
            "when": {"start": told.start + shift, "end": told.start + shift + chance.choice((1, 24)) * HOUR_MS},
            "where": {
                "lat": round(told.lat + chance.uniform(-0.02, 0.02), 4),
                "lon": round(told.lon + chance.uniform(-0.02, 0.02), 4),
                "uncertainty_km": chance.choice((None, 1.0, 5.0, 30.0)),
                "countries": ["SDN"],
            },
            "counts": [self.count()] if chance.random() < 0.6 else [],
            "sectors": ["HEALTH"] if chance.random() < 0.3 else [],
            "source": self.source(told),
            "part_of": ["glide:FL-1"] if chance.random() < 0.1 else [],
            "texts": [{"language": "en", "headline": told.headline}] if chance.random() < 0.4 else [],
        }
        return body

    def incident(self, now: int) -> Incident:
        """A recent incident, or a new one."""
        recent = [one for one in self.incidents if abs(one.start - now) < 6 * DAY_MS]
        if recent and self.chance.random() < 0.8:
            return self.chance.choice(recent)
        lat, lon = self.chance.choice(PLACES)
        nature = self.chance.choice(("INCIDENT",) * 9 + ("EXPECTED",))
        start = now - self.chance.randint(0, 2) * DAY_MS
        types = tuple(self.chance.sample(TYPES[:3], 2)) if self.chance.random() < 0.8 else (self.chance.choice(TYPES),)
        number = len(self.incidents)
        headline = f"Shots at well {number} in the evening"
        self.incidents.append(Incident(number, types, lat, lon, start, nature, headline))
        return self.incidents[-1]

    def count(self) -> dict[str, Any]:
        """A figure."""
        what = self.chance.choice(("KILLED", "KILLED", "INJURED"))
        of = self.chance.choice((None, None, "CHILD"))
        return {"what": what, "of": of, "unit": "PERSON", "basis": "NEW", "best": self.chance.choice((0, 1, 3, 6, 30))}

    def source(self, told: Incident) -> dict[str, Any]:
        """Who says it; sometimes one public record or origin behind several reports."""
        chance = self.chance
        return {
            "discipline": chance.choice(("OSINT", "FIELD", "SENSOR")),
            "reliability": chance.choice((None, "A", "B", "E")),
            "credibility": chance.choice((None, 1, 2, 5)),
            "origin": chance.choice((None, None, None, "public:radio")),
            "derived_from": [f"x:{told.number}"] if chance.random() < 0.12 else [],
            "claims": "DENIES" if chance.random() < 0.08 else "SUPPORTS",
            "at_risk": chance.random() < 0.1,
            "attribution": chance.choice((None, None, "Radio")),
        }


WRITTEN_AT: Final = now_ms() - 3 * DAY_MS


def reports(first: int, number: int) -> list[Act]:
    """Drafts of what an agency reports, from the first on: the same whenever it is asked."""
    reporter = Reporter(random.Random(9))
    bodies = [reporter.report(WRITTEN_AT) | {"nature": "INCIDENT"} for _ in range(first + number)][first:]
    return [Act("event", f"test:{first + at}", Status.ACTUAL, body) for at, body in enumerate(bodies)]
