"""Random histories of the bus: what agencies and the authority might do in some weeks."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from schemas.parameters import starting_values
from tests.support.reports import HOUR_MS, Reporter
from tests.support.simulator import COALITION, DAY_MS, PUBLIC, START, Agency, Feed, Key, Ref, World

NAMES: Final = ("aa", "bb", "cc", "dd", "ee")
LABELS: Final = (
    PUBLIC,
    "COALITION RESTRICTED//REL TO GEN, NYC",
    "COALITION RESTRICTED//REL TO NYC",
    "COALITION CONFIDENTIAL//NEED HUMINT//REL TO GEN, NYC",
    "COALITION CONFIDENTIAL//NEED SIGINT//REL TO GEN, NYC",
    "COALITION SECRET//REL TO GEN, NYC",
    "COALITION RESTRICTED//FOR aa, cc",
    "COALITION UNCLASSIFIED//PUBLIC//CONTROL NO-ONWARD",
    "COALITION UNCLASSIFIED//PUBLIC//EXERCISE VIGIL",
)
LEVELS: Final = ("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET")
POLICIES: Final = (
    COALITION,
    COALITION.replace("open_audiences = true", 'open_audiences = true\nsingle = [["HUMINT", "SIGINT"]]'),
    COALITION.replace('NO-ONWARD = "INFORMATIVE"\n', ""),
)
MINUTE_MS: Final = 60_000


@dataclass
class Author:
    """Makes one history, step by step."""

    chance: random.Random
    world: World
    reporter: Reporter
    labels: tuple[str, ...] = LABELS
    refs: list[tuple[str, Ref, str]] = field(default_factory=list)
    number: int = 0
    is_long: bool = False
    """Whether months pass, so that things are forgotten."""
    closing_days: float = 14.0

    # ---- the beginning ----

    def found(self) -> None:
        """The first roster, policy, parameters and tick."""
        for name in NAMES[:4]:
            self.admit(name)
        self.world.roster()
        self.world.policy()
        if self.chance.random() < 0.5:
            self.dense()
        self.world.tick()

    def admit(self, name: str) -> None:
        """An agency with two feeds and some clearance."""
        chance = self.chance
        feeds = {
            "field": Feed(curated=chance.random() < 0.5, analyst=chance.random() < 0.7),
            "media": Feed(
                chance.choice((PUBLIC, PUBLIC, LABELS[1])),
                chance.choice((None, LABELS[1], LABELS[5])),
                analyst=chance.random() < 0.3,
            ),
        }
        self.world.admit(name, self.clearance(), feeds)

    def clearance(self) -> dict[str, Any]:
        """What a reader might hold; rather much than little, so that pictures overlap."""
        chance = self.chance
        levels = LEVELS[: chance.choice((1, 2, 3, 4, 4, 4))]
        need = [tag for tag in ("HUMINT", "SIGINT") if chance.random() < 0.7]
        return {
            "policies": [{"policy": "COALITION", "levels": levels, "need": need}],
            "audiences": [one for one in ("GEN", "NYC") if chance.random() < 0.8],
            "realms": ["REAL", "VIGIL"] if chance.random() < 0.5 else ["REAL"],
            "not_after": self.world.now + chance.randint(1, 20) * DAY_MS if chance.random() < 0.2 else None,
        }

    # ---- one step ----

    def step(self) -> None:
        """Let time pass, mostly minutes, and do one thing."""
        chance, world = self.chance, self.world
        leap = chance.random()
        world.now += chance.randint(1, 30) * MINUTE_MS
        if leap < 0.25:
            world.now += chance.randint(1, 3) * DAY_MS
        elif leap < (0.4 if self.is_long else 0.27):
            world.now += chance.randint(10, 40 if self.is_long else 16) * DAY_MS
        world.late_ms = chance.randint(1, 16 * 24) * HOUR_MS if chance.random() < 0.05 else 0
        acts = self.acts()
        [act] = chance.choices([act for act, _ in acts], [weight for _, weight in acts])
        act()

    def acts(self) -> list[tuple[Callable[[], object], float]]:
        """What can happen, with weights."""
        return [
            (self.event, 40),
            (self.world.tick, 14),
            (self.amend, 9),
            (self.retract, 9),
            (self.replace, 5),
            (self.link, 11),
            (self.roster, 9),
            (self.policy, 1.5),
            (self.dense, 1.5),
        ]

    # ---- authors' records ----

    def event(self, label: str | None = None) -> None:
        """A new report, mostly of an incident that others report too."""
        ref = self.new_ref("e")
        label = label or self.chance.choice(self.labels)
        if self.world.accept(
            "event", ref, label, self.reporter.report(self.world.now), key=self.key(ref[0]), expires_at=self.expiry()
        ):
            self.refs.append(("event", ref, label))

    def expiry(self) -> int | None:
        """Mostly none."""
        return self.world.now + self.chance.randint(1, 6) * DAY_MS if self.chance.random() < 0.08 else None

    def amend(self) -> None:
        """The next revision of something (a retraction or a link may be amended too)."""
        chosen = self.some(lambda kind: kind != "retraction" or self.chance.random() < 0.3)
        if chosen is None:
            return
        kind, ref, label = chosen
        skip = self.chance.choice((0, 0, 0, 2))
        if kind == "event":
            body = self.reporter.report(self.world.now)
        else:
            body = self.binding() if kind == "link" else self.taking_back(ref[0])
        header = {"expires_at": self.expiry()} if kind == "event" else {}
        self.world.accept(kind, ref, self.other_label(label), body, key=self.key(ref[0]), skip=skip, **header)

    def other_label(self, label: str) -> str:
        """The record's label; another one only where the first was a thief's."""
        return self.chance.choice(self.labels) if self.chance.random() < 0.1 else label

    def retract(self) -> None:
        """Take back something, or something that has not been seen yet."""
        chosen = self.some(lambda kind: kind != "retraction")
        if chosen is None:
            return
        _, target, label = chosen
        ref = self.new_ref("r", target[0])
        body = self.taking_back(target[0], chosen)
        if self.world.accept("retraction", ref, self.other_label(label), body, key=self.key(ref[0])):
            self.refs.append(("retraction", ref, label))

    def taking_back(self, agency: str, first: tuple[str, Ref, str] | None = None) -> dict[str, Any]:
        """The body of a retraction of own records."""
        own = [one for one in self.refs if one[1][0] == agency and one[0] != "retraction"]
        targets = {
            first or self.chance.choice(own),
            *self.chance.sample(own, min(len(own), self.chance.choice((0, 0, 1)))),
        }
        named = [
            {
                "kind": kind,
                "feed": ref[1],
                "id": ref[2],
                "up_to_revision": max(1, self.world.latest(kind, ref) - self.chance.choice((0, 0, 0, 1))),
            }
            for kind, ref, _ in sorted(targets)
        ]
        if self.chance.random() < 0.1:
            named.append({"kind": "event", "feed": "field", "id": f"e:{self.number + 2}", "up_to_revision": 1})
        return {"retracts": named, "reason": "ERROR"}

    def replace(self) -> None:
        """A new event in the place of an older one."""
        chosen = self.some(lambda kind: kind == "event")
        if chosen is None:
            return
        _, target, label = chosen
        ref = self.new_ref("e", target[0])
        body = self.reporter.report(self.world.now) | {"replaces": [{"feed": target[1], "id": target[2]}]}
        label = self.other_label(label)
        if self.world.accept("event", ref, label, body, key=self.key(ref[0]), expires_at=self.expiry()):
            self.refs.append(("event", ref, label))

    def link(self) -> None:
        """Say of several events that they are one, are not, or have to do with each other."""
        body = self.binding()
        ref = self.new_ref("l")
        if body and self.world.accept(
            "link", ref, label := self.chance.choice(self.labels[:7]), body, key=self.key(ref[0])
        ):
            self.refs.append(("link", ref, label))

    def binding(self) -> dict[str, Any]:
        """The body of a link between the latest events, or nothing where there are too few."""
        events = [ref for kind, ref, _ in self.refs if kind == "event"][-9:]
        if len(events) < 3:
            return {}
        named = self.chance.sample(events, self.chance.choice((2, 2, 2, 3)))
        relation = self.chance.choice(("SAME", "SAME", "DIFFERENT", "RELATED"))
        return {
            "relation": relation,
            "events": [dict(zip(("agency", "feed", "id"), ref, strict=True)) for ref in named],
        }

    # ---- the authority ----

    def roster(self) -> None:
        """Change one thing in the roster."""
        self.chance.choice((*(self.recleared, self.revoked) * 2, self.changed, self.grown))()
        short = self.chance.random() < 0.06
        self.world.expires_at = self.world.now + (self.chance.randint(1, 4) if short else 400) * DAY_MS
        stale = {name: agency.keys[0] for name, agency in self.world.agencies.items()}
        self.world.roster()
        if self.chance.random() < 0.3:
            # An ingest worker with an older roster may still let something in.
            name = self.chance.choice(sorted(stale))
            ref = self.new_ref("e", name)
            label = self.chance.choice(self.labels)
            if self.world.accept("event", ref, label, self.reporter.report(self.world.now), key=stale[name]):
                self.refs.append(("event", ref, label))

    def recleared(self) -> None:
        """A reader may read more or less."""
        self.agency().clearance = self.clearance()

    def revoked(self) -> None:
        """A key is revoked, perhaps stolen days ago, and there is a new one; or an old theft turns out older."""
        agency = self.agency()
        since = self.world.now - self.chance.randint(0, 8 * DAY_MS)
        key = self.chance.choice(agency.keys)
        if key.revoked_at is None:
            key.revoked_at = self.world.now
            agency.keys.append(Key(self.world.mint(), self.world.now))
        if self.chance.random() < 0.7:
            key.compromised_since = min(since, key.revoked_at, key.compromised_since or since)

    def changed(self) -> None:
        """An agency is suspended, or a feed gets another standing."""
        agency = self.agency()
        feed = self.chance.choice(list(agency.feeds.values()))
        match self.chance.randrange(4):
            case 0:
                agency.suspended = not agency.suspended
            case 1:
                feed.curated = not feed.curated
            case 2:
                feed.analyst = not feed.analyst
            case _:
                feed.floor = self.chance.choice((PUBLIC, LABELS[1]))

    def grown(self) -> None:
        """A new agency, while there is one to add."""
        if len(self.world.agencies) < len(NAMES):
            self.admit(NAMES[len(self.world.agencies)])

    def policy(self) -> None:
        """Another version of the policy; some labels may no longer be valid, or no longer join."""
        self.world.policy(self.chance.choice(POLICIES))

    def dense(self) -> None:
        """Other numbers, under which a place-day is soon dense."""
        values = starting_values()
        limit = self.chance.choice((2, 4, 64))
        dense = values.cluster.dense.model_copy(update={"limit": limit})
        # A longer one would be refused.
        self.closing_days = min(self.closing_days, self.chance.choice((14.0, 14.0, 6.0)))
        cluster = values.cluster.model_copy(update={"dense": dense, "closing_days": self.closing_days})
        self.world.parameters(values.model_copy(update={"cluster": cluster}))

    # ---- choices ----

    def agency(self) -> Agency:
        return self.world.agencies[self.chance.choice(sorted(self.world.agencies))]

    def key(self, agency: str) -> Key:
        """The key that is good now, or, seldom, one that is not."""
        keys = self.world.agencies[agency].keys
        good = [key for key in keys if key.revoked_at is None]
        return self.chance.choice(keys) if self.chance.random() < 0.04 else good[-1]

    def new_ref(self, letter: str, agency: str | None = None) -> Ref:
        self.number += 1
        name = agency or self.chance.choice(sorted(self.world.agencies))
        return name, self.chance.choice(("field", "media")), f"{letter}:{self.number}"

    def some(self, wanted: Callable[[str], bool]) -> tuple[str, Ref, str] | None:
        """One of the latest records of a kind that is wanted."""
        found = [one for one in self.refs[-14:] if wanted(one[0])]
        return self.chance.choice(found) if found else None


class History(NamedTuple):
    """A whole run, and its author, who may go on."""

    world: World
    author: Author

    @property
    def values(self) -> list[bytes]:
        """The values of `events`."""
        return self.world.values


def history(
    seed: int, steps: int | None = None, labels: tuple[str, ...] = LABELS, *, months: bool | None = None
) -> History:
    """The history of this seed; `months`: whether so much time passes that things are forgotten, None for chance."""
    chance = random.Random(seed)
    world = World(f"history {seed}", START)
    author = Author(
        chance, world, Reporter(chance), labels, is_long=chance.random() < 0.2 if months is None else months
    )
    author.found()
    for _ in range(steps or chance.randint(20, 60)):
        author.step()
    world.tick()
    return History(world, author)
