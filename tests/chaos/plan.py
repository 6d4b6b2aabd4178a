"""What an agency's publisher does, block by block: a pure function of the seed, so that a new life knows the old plan.

A block is one call of the publisher: some reports under one label, the same again with other content, a retraction, a
link, a heartbeat, or bytes that are no submission at all.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from bus.client import Publication, Publisher
from bus.client.publication import Act
from bus.log.protocol import Log, NewRecord
from bus.log.topics import topic
from schemas.models import EventRef
from tests.chaos.scene import Scene
from tests.support.histories import LABELS
from tests.support.reports import PLACES, TYPES, Incident, Reporter
from tests.support.simulator import DAY_MS

_LINKS: Final = LABELS[:7]
_KINDS: Final[Mapping[str, float]] = {
    "report": 70, "amend": 12, "retract": 6, "link": 6, "heartbeat": 3, "future": 1.5, "rubbish": 1.5,
}  # fmt: skip
_KINDS_FAR: Final[Mapping[str, float]] = {
    "report": 92, "amend": 3, "retract": 2, "link": 2, "heartbeat": 0.5, "future": 0.25, "rubbish": 0.25,
}  # fmt: skip
"""Of large blocks."""
_REVISED: Final = 3
"""Records that one amendment or retraction is about, at most."""
_NEAR: Final = 40
"""How many blocks back something amended, retracted or linked lies at most."""
_TOLD_NEAR: Final = 6
_TOLD_FAR: Final = 3
"""How many reports tell of each incident, more or less."""


class Terms(NamedTuple):
    """Under what a block of reports is published."""

    feed: str
    label: str
    expires_at: int | None


class Done(NamedTuple):
    """One record that the log has acknowledged; the digest is missing where an earlier life signed it."""

    kind: str
    feed: str
    id: str
    revision: int
    digest: str | None


class Plan:
    """One agency's plan."""

    def __init__(self, scene: Scene, agency: str) -> None:
        """Nothing is published yet."""
        self._scene = scene
        self._agency = agency

    def perform(self, block: int, publisher: Publisher, log: Log) -> list[Done]:
        """Publish one block; what is returned was acknowledged. Done twice, it changes nothing more."""
        acts: Mapping[str, Callable[[int, Publisher], list[Done]]] = {
            "report": self._report, "future": self._report, "amend": self._amend, "retract": self._retract,
            "link": self._link, "heartbeat": self._heartbeat,
        }  # fmt: skip
        kind = self.kind(block)
        return self._rubbish(block, log) if kind == "rubbish" else acts[kind](block, publisher)

    def kind(self, block: int, agency: str | None = None) -> str:
        """What an agency does in this block."""
        if block == 0:
            return "report"
        kinds = _KINDS_FAR if self._scene.spread else _KINDS
        [kind] = self._chance(block, "kind", agency).choices(list(kinds), list(kinds.values()))
        return kind

    def _chance(self, block: int, what: str, agency: str | None = None) -> random.Random:
        return random.Random(f"{self._scene.seed}/{agency or self._agency}/{block}/{what}")

    def _earlier(self, block: int, agency: str | None = None) -> int:
        """A block of reports before this one, of this agency or another."""
        chance = self._chance(block, "earlier", agency)
        found = [at for at in range(max(0, block - _NEAR), block) if self.kind(at, agency) == "report"]
        return chance.choice(found or [0])

    # ---- acts ----

    def _terms(self, block: int) -> Terms:
        chance = self._chance(block, "terms")
        expires_at = self._scene.began_ms + chance.randint(1, 6) * DAY_MS if chance.random() < 0.08 else None
        return Terms(_feed(chance), chance.choice(LABELS), expires_at)

    def _report(self, block: int, publisher: Publisher) -> list[Done]:
        return self._publish(publisher, block, [self._event(block, at, block) for at in range(self._scene.block)])

    def _amend(self, block: int, publisher: Publisher) -> list[Done]:
        earlier = self._earlier(block)
        chosen = self._chance(block, "chosen").sample(range(self._scene.block), min(self._scene.block, _REVISED))
        return self._publish(publisher, earlier, [self._event(earlier, at, block) for at in sorted(chosen)])

    def _publish(self, publisher: Publisher, block: int, drafts: list[Act]) -> list[Done]:
        """Under the terms of a block of reports."""
        terms = self._terms(block)
        said = publisher.publish(drafts, terms.feed, terms.label, expires_at=terms.expires_at)
        return _done(said, terms.feed)

    def _event(self, block: int, at: int, version: int) -> Act:
        """One report; as it stood in the block that amended it, if that is another."""
        chance = self._chance(version, f"event {block} {at}")
        body = _Telling(chance, self._scene, self._number(block, at, chance)).report(self._scene.began_ms)
        if self.kind(block) == "future":
            body["when"] = {"start": self._scene.began_ms + 400 * DAY_MS, "end": None}
        return Act("event", f"e:{block}.{at}", "ACTUAL", body, modified_at=self._scene.began_ms + version)

    def _number(self, block: int, at: int, chance: random.Random) -> int:
        """Of which incident it tells: several agencies tell of each at about the same time."""
        told = _TOLD_FAR if self._scene.spread else _TOLD_NEAR
        return (block * self._scene.block + at) * len(self._scene.agencies) // told + chance.randrange(2)

    def _retract(self, block: int, publisher: Publisher) -> list[Done]:
        earlier = self._earlier(block)
        chosen = self._chance(block, "chosen").sample(range(self._scene.block), min(self._scene.block, _REVISED))
        feed = self._terms(earlier).feed
        said = publisher.retract("event", feed, [f"e:{earlier}.{at}" for at in sorted(chosen)], "ERROR")
        return _done(said, feed)

    def _link(self, block: int, publisher: Publisher) -> list[Done]:
        chance = self._chance(block, "link")
        named = []
        for agency in chance.sample(self._scene.agencies, 2):
            plan = Plan(self._scene, agency)
            of = plan._earlier(block)
            named.append(EventRef(agency=agency, feed=plan._terms(of).feed, id=f"e:{of}.0"))
        feed = _feed(chance)
        relation = chance.choice(("SAME", "DIFFERENT", "RELATED"))
        return _done(publisher.link(relation, named, feed, chance.choice(_LINKS)), feed)

    def _heartbeat(self, block: int, publisher: Publisher) -> list[Done]:
        feed = _feed(self._chance(block, "heartbeat"))
        return _done(publisher.heartbeat(feed, 60, LABELS[0]), feed)

    def _rubbish(self, block: int, log: Log) -> list[Done]:
        """Bytes that are no envelope, straight into the log: whoever owns the file can do that."""
        name = topic("submissions", self._agency)
        log.append(name, [NewRecord(name, b"field", f"no envelope, {self._scene.seed} {block}".encode())])
        return []


class _Telling(Reporter):
    """Tells of the incident of this number."""

    def __init__(self, chance: random.Random, scene: Scene, number: int) -> None:
        super().__init__(chance)
        self._scene = scene
        self._number = number

    def incident(self, now: int) -> Incident:
        """The incident: a pure function of its number."""
        chance = random.Random(f"{self._scene.seed}/incident {self._number}")
        lat, lon = PLACES[self._number % len(PLACES)]
        if self._scene.spread:
            lat, lon = chance.uniform(-33, 33), chance.uniform(-15, 48)
        start = now - chance.randint(3, 40) * DAY_MS
        types = tuple(chance.sample(TYPES[:3], 2)) if chance.random() < 0.8 else (chance.choice(TYPES),)
        nature = chance.choice(("INCIDENT",) * 9 + ("EXPECTED",))
        return Incident(self._number, types, lat, lon, start, nature, f"Shots at well {self._number} in the evening")

    def report(self, now: int) -> dict[str, Any]:
        """The body of a report, without what would bring all incidents together."""
        body = super().report(now)
        body["where"]["uncertainty_km"] = self.chance.choice(
            (1.0, 2.0, 5.0) if self._scene.spread else (1.0, 5.0, 30.0)
        )
        body["part_of"] = [f"glide:FL-{self._number}"] if body["part_of"] else []
        if body["source"]["origin"] is not None:
            body["source"]["origin"] = f"public:radio-{self._number}"
        return body


def _feed(chance: random.Random) -> str:
    return chance.choice(("field", "media"))


def _done(said: Publication, feed: str) -> list[Done]:
    """What the log has of it: what was sent, and what an earlier life had sent already."""
    return [Done(line.kind, feed, line.id, line.revision, line.digest) for line in said.lines if line.refusal is None]
