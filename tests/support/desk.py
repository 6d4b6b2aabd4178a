"""The fold at work on a small bus: three agencies that report and read, and what each is told, step by step."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from bus.fusion.masks import bits
from bus.log.protocol import Record
from bus.stages.control import Control
from bus.stages.correlate.fold import Fold
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.step import AcceptedStep, read_step
from schemas.codec import decode
from schemas.registry import newest
from tests.support.simulator import DAY_MS, PUBLIC, Feed, Key, World

SECOND_MS: Final = 1000
HOUR_MS: Final = 3_600_000
ALL: Final = "COALITION RESTRICTED//REL TO GEN, NYC"
NEW_YORK: Final = "COALITION RESTRICTED//REL TO NYC"
"""Only ann and bob read it."""
ANN_ONLY: Final = "COALITION RESTRICTED//FOR ann"
LEVELS: Final = ["UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL"]


class Told(NamedTuple):
    """What one reader was told, without content."""

    change: str
    kind: str
    ref: str
    reason: str | None = None


class Desk:
    """`ann` (an analyst) and `bob` read both audiences, `cat` only what is released to GEN."""

    def __init__(self, *names: str) -> None:
        """A bus with a roster, a policy and a first tick."""
        self.world = World("desk")
        for name in names or ("ann", "bob", "cat"):
            self.admit(name)
        self.world.roster()
        self.world.policy()
        self.world.tick()
        self.fold = Fold(Control.start(self.world.pin), self.archive)
        self._read = 0
        self.last: list[Notice] = []
        self.run()

    def admit(self, name: str, **clearance: Any) -> None:
        """Enter an agency into the next roster."""
        audiences = ["GEN"] if name == "cat" else ["GEN", "NYC"]
        held = {
            "policies": [{"policy": "COALITION", "levels": LEVELS, "need": []}],
            "audiences": audiences,
            "realms": ["REAL"],
            **clearance,
        }
        self.world.admit(name, held, {"field": Feed(analyst=name == "ann"), "media": Feed()})

    def archive(self, position: int) -> AcceptedStep:
        """The record at a position."""
        step = self._step(position)
        assert isinstance(step, AcceptedStep)
        return step

    def _step(self, position: int) -> Any:
        return read_step(Record("events", position, 0, b"", self.world.values[position]))

    def run(self) -> list[Notice]:
        """Fold what the world has made since; returns the notices of all its steps, in order."""
        self.last = []
        while self._read < len(self.world.values):
            for notice in self.fold.step(self._step(self._read)):
                notice.tally.told(notice.mask)  # as the outbox counts
                self.last.append(notice)
            self._read += 1
        return self.last

    def told(self, reader: str) -> list[Told]:
        """What a reader was told by the last `run`."""
        bit = self.fold.state.rights.bit(reader)
        found = []
        for one in self.last:
            if one.mask >> bit & 1:
                reason = None if one.reason is None else str(one.reason)
                found.append(Told(str(one.change), one.kind, one.ref, reason))
        return found

    # ---- what happens ----

    def report(self, ref: str, label: str = ALL, **changes: Any) -> str:
        """A second later, accept a report `agency/feed/id` of one incident that all others tell too, unless changed."""
        header = {name: changes.pop(name) for name in ("expires_at",) if name in changes}
        key = changes.pop("key", None)
        agency, feed, name = ref.split("/")
        self.world.now += SECOND_MS
        assert self.world.accept("event", (agency, feed, name), label, self.body(**changes), key=key, **header), (
            "ingest would refuse it"
        )
        self.run()
        return ref

    def body(self, **changes: Any) -> dict[str, Any]:
        """The body of a report."""
        start = self.world.now - HOUR_MS
        return {
            "nature": "INCIDENT",
            "type": "violence.attack.armed",
            "when": {"start": start, "end": start + HOUR_MS},
            "where": {"lat": 13.63, "lon": 25.35, "uncertainty_km": 1.0, "countries": ["SDN"]},
            "source": {"discipline": "OSINT", "reliability": "B", "credibility": 2},
            **changes,
        }

    def retract(self, ref: str, label: str = ALL, up_to: int = 9, kind: str = "event", key: Key | None = None) -> str:
        """Accept the author's retraction of a record."""
        agency, feed, name = ref.split("/")
        named = {"kind": kind, "feed": feed, "id": name, "up_to_revision": up_to}
        body = {"retracts": [named], "reason": "ERROR"}
        assert self.world.accept("retraction", (agency, feed, f"r-{name}"), label, body, key=key)
        self.run()
        return f"{agency}/{feed}/r-{name}"

    def link(self, ref: str, relation: str, *events: str, label: str = ALL) -> str:
        """Accept a link between events."""
        agency, feed, name = ref.split("/")
        named = [dict(zip(("agency", "feed", "id"), event.split("/"), strict=True)) for event in events]
        assert self.world.accept("link", (agency, feed, name), label, {"relation": relation, "events": named})
        self.run()
        return ref

    def tick(self, days: float = 0.0) -> list[Notice]:
        """Let time pass, and tick."""
        self.world.now += int(days * DAY_MS)
        self.world.tick()
        return self.run()

    def roster(self) -> list[Notice]:
        """Publish the agencies as they stand."""
        self.world.roster()
        return self.run()

    # ---- what stands ----

    def alerts(self, reader: str) -> dict[str, dict[str, Any]]:
        """The content of the alerts that the last run gave a reader, by id."""
        bit = self.fold.state.rights.bit(reader)
        return {one.ref: decoded(one.payload) for one in self.last if one.payload is not None and one.mask >> bit & 1}

    def members(self, reader: str) -> list[set[str]]:
        """The members of each alert that a reader has open, sorted."""
        return self._members(reader, self.fold.state.open)

    def closed(self, reader: str) -> list[set[str]]:
        """The members of each alert that a reader has closed, sorted."""
        return self._members(reader, self.fold.state.closed)

    def _members(self, reader: str, shelf: Iterable[Any]) -> list[set[str]]:
        bit = self.fold.state.rights.bit(reader)
        found = [{"/".join(member.ref) for member in one.members} for one in shelf if one.mask >> bit & 1]
        return sorted(found, key=sorted)

    def notice(self, kind: str, ref: str | None = None) -> Notice:
        """The only notice of the last run about this."""
        (found,) = [one for one in self.last if one.kind == kind and ref in (None, one.ref)]
        return found

    def readers(self, notice: Notice) -> set[str]:
        """Who is told."""
        return {self.fold.state.rights.readers[bit] for bit in bits(notice.mask)}


def decoded(payload: bytes) -> dict[str, Any]:
    """The body of an alert."""
    value = decode(newest("alert"), payload)
    assert isinstance(value, dict)
    return dict(value["body"]) | {"label": value["header"]["label"]}


__all__ = ["ALL", "ANN_ONLY", "DAY_MS", "HOUR_MS", "NEW_YORK", "PUBLIC", "Desk", "Told", "decoded"]
