"""Random histories in which the authority is never idle: keys, rights and feeds change between all that authors do.

Every third step is the authority's. Its acts are those of `tocsin agency` and `tocsin key`; some rosters hold several
at once, and an ingest worker with the roster before may let something in after each of them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.histories import LABELS, LEVELS, MINUTE_MS, NAMES, Author, History
from tests.support.reports import HOUR_MS, Reporter
from tests.support.simulator import DAY_MS, PUBLIC, START, Agency, Key, World

FLOORS: Final = (PUBLIC, LABELS[1], LABELS[5])


@dataclass
class Authority(Author):
    """An author of histories whose authority acts."""

    last: dict[str, Key] = field(default_factory=dict)
    """The key with which each agency signed before the last roster."""

    def acts(self) -> list[tuple[Callable[[], object], float]]:
        """What can happen, with weights."""
        return [
            (self.event, 36),
            (self.world.tick, 16),
            (self.amend, 8),
            (self.retract, 6),
            (self.replace, 3),
            (self.link, 8),
            (self.roster, 32),
            (self.policy, 1),
            (self.dense, 1),
        ]

    # ---- the authority ----

    def roster(self) -> None:
        """One act or several, in one roster; then perhaps what was let in under the one before."""
        self.last = {name: self.key(name) for name in self.world.agencies}
        for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
            [act] = self.chance.choices(*zip(*self.its_acts(), strict=True))
            act()
        short = self.chance.random() < 0.05
        self.world.expires_at = self.world.now + (self.chance.randint(1, 4) if short else 400) * DAY_MS
        self.world.roster()
        if self.chance.random() < 0.4:
            self.let_in()

    def its_acts(self) -> list[tuple[Callable[[], object], float]]:
        """The authority's acts, with weights."""
        return [
            (self.rotated, 4),
            (self.revoked, 3),
            (self.stolen, 6),
            (self.stolen_earlier, 3),
            (self.suspended, 4),
            (self.raised, 7),
            (self.lowered, 3),
            (self.limited, 2),
            (self.floors, 3),
            (self.quota, 1),
            (self.stolen_from_bus, 2),
            (self.changed, 2),
            (self.grown, 2),
        ]

    def rotated(self) -> None:
        """The next key; the one before is good for some hours or days still, or ends at once."""
        agency = self.agency()
        ends = self.world.now + self.chance.choice((1, HOUR_MS, DAY_MS, 5 * DAY_MS, 20 * DAY_MS))
        for key in agency.keys:
            if key.revoked_at is None:
                ends_at = max(ends, key.valid_from + 1)
                key.valid_until = ends_at if key.valid_until is None else min(key.valid_until, ends_at)
        self.successor(agency)

    def revoked(self) -> None:
        """A key is revoked; no theft is known."""
        self._revoke(self.agency(), None)

    def stolen(self) -> None:
        """A key is revoked that was stolen: now, hours, days or weeks ago."""
        ago = self.chance.choice((0, HOUR_MS, DAY_MS, 4 * DAY_MS, 16 * DAY_MS))
        self._revoke(self.agency(), self.world.now - self.chance.randint(0, ago))

    def stolen_earlier(self) -> None:
        """Of a key that is revoked it turns out that it was stolen, or earlier than was thought."""
        known = [key for agency in self.world.agencies.values() for key in agency.keys if key.revoked_at is not None]
        if known:
            key = self.chance.choice(known)
            until = key.revoked_at if key.compromised_since is None else key.compromised_since
            assert until is not None
            key.compromised_since = until - self.chance.randint(0, 6 * DAY_MS)

    def stolen_from_bus(self) -> None:
        """A key of the bus was stolen, or earlier than was thought."""
        self.world.steal_from_bus(self.world.now - self.chance.randint(0, 8 * DAY_MS))

    def suspended(self) -> None:
        """An agency is suspended, or its suspension ends."""
        out = [agency for agency in self.world.agencies.values() if agency.suspended]
        agency = self.chance.choice(out) if out and self.chance.random() < 0.8 else self.agency()
        agency.suspended = not agency.suspended

    def raised(self) -> None:
        """A reader may read more than before."""
        agency = self.agency()
        held = self._held(agency)
        self._clear(agency, LEVELS, sorted({*held["need"], "HUMINT", "SIGINT"}), ("GEN", "NYC"), ("REAL", "VIGIL"))

    def lowered(self) -> None:
        """A reader may read less than before."""
        agency, chance = self.agency(), self.chance
        held, cleared = self._held(agency), agency.clearance
        self._clear(
            agency,
            held["levels"][: chance.randint(1, max(1, len(held["levels"])))],
            [tag for tag in held["need"] if chance.random() < 0.6],
            [one for one in cleared["audiences"] if chance.random() < 0.6],
            [one for one in cleared["realms"] if one == "REAL" or chance.random() < 0.6],
        )

    def limited(self) -> None:
        """A reader's clearance will end on some tick, or will not after all."""
        agency = self.agency()
        ends = self.world.now + self.chance.choice((MINUTE_MS, HOUR_MS, DAY_MS, 5 * DAY_MS))
        agency.clearance = {**agency.clearance, "not_after": self.chance.choice((None, ends))}

    def floors(self) -> None:
        """A feed's floors are raised or lowered: what comes later is held to them, what stands is not."""
        feed = self.chance.choice(list(self.agency().feeds.values()))
        feed.floor = self.chance.choice(FLOORS)
        feed.protected_floor = self.chance.choice((None, *FLOORS))

    def quota(self) -> None:
        """A feed's quota: ingest's matter alone."""
        feed = self.chance.choice(list(self.agency().feeds.values()))
        feed.quota_records_per_day = self.chance.choice((None, 1, 1000))

    def let_in(self) -> None:
        """What an ingest worker with the roster before accepts: under a key that was good then."""
        name = self.chance.choice(sorted(self.last))
        ref, label = self.new_ref("e", name), self.chance.choice(self.labels)
        if self.world.accept("event", ref, label, self.reporter.report(self.world.now), key=self.last[name]):
            self.refs.append(("event", ref, label))

    # ---- keys ----

    def key(self, agency: str) -> Key:
        """The newest key in force, or, seldom, any."""
        keys, now = self.world.agencies[agency].keys, self.world.now
        good = [one for one in keys if one.revoked_at is None and (one.valid_until is None or one.valid_until > now)]
        return self.chance.choice(keys) if self.chance.random() < 0.06 or not good else good[-1]

    def successor(self, agency: Agency) -> None:
        """A new key, for all feeds or one."""
        feeds = self.chance.choice((("*",), ("*",), ("field",), ("field", "media")))
        agency.keys.append(Key(self.world.mint(), self.world.now, feeds=feeds))

    def _revoke(self, agency: Agency, since: int | None) -> None:
        key = self.chance.choice(agency.keys[-3:])
        if key.revoked_at is None:
            key.revoked_at = self.world.now
            if self.chance.random() < 0.8:
                self.successor(agency)
        if since is not None:
            key.compromised_since = min(since, key.revoked_at, key.compromised_since or since)

    def _held(self, agency: Agency) -> dict[str, Any]:
        held: dict[str, Any] = agency.clearance["policies"][0]
        return held

    def _clear(self, agency: Agency, levels: Any, need: Any, audiences: Any, realms: Any) -> None:
        agency.clearance = {
            "policies": [{"policy": "COALITION", "levels": list(levels), "need": list(need)}],
            "audiences": list(audiences),
            "realms": list(realms),
            "not_after": None,
        }


def roster_history(seed: int, steps: int | None = None) -> History:
    """The history of this seed."""
    chance = random.Random(f"roster {seed}")
    world = World(f"roster history {seed}", START)
    author = Authority(chance, world, Reporter(chance), LABELS, is_long=chance.random() < 0.15)
    author.found()
    assert len(world.agencies) < len(NAMES)
    for _ in range(steps or chance.randint(25, 70)):
        author.step()
    world.tick()
    return History(world, author)
