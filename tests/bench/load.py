"""A load for the path: the demo's real reports, signed by five agencies who all read all of them.

Copies lie forty days before each other under new ids, so that they are other incidents of the same kind.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import count, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from adapters import load
from adapters.translation import Draft
from bus.client import Authority, signing_key
from bus.client.sealing import Sealer, Terms
from bus.clock import now_ms
from bus.demo.cast import Sheet, cast
from bus.errors import Refusal
from bus.home import Home, load_keys
from bus.log.sqlite import SqliteLog
from bus.operate import Desk, FeedTerms, found
from bus.trust.frame import Envelope
from bus.trust.keys import SigningKey

AGENCIES: Final = ("aid-security", "conflict-data", "education", "explosives", "health")
LABEL: Final = "COALITION UNCLASSIFIED//PUBLIC"
SHIFT_MS: Final = 40 * 86_400_000


class Submitted(NamedTuple):
    """A signed event, ready to be submitted."""

    agency: str
    feed: str
    envelope: Envelope
    data: bytes
    ref: str
    """As it is named in a delivery: agency, feed and id."""


class World(NamedTuple):
    """A home with five agencies, and its open log."""

    home: Home
    log: SqliteLog
    keys: dict[str, SigningKey]

    @property
    def bus_key(self) -> SigningKey:
        """The key that signs alerts."""
        return load_keys(self.home, "bus")[-1]


def open_world(path: Path, clock_ms: Callable[[], int] = now_ms) -> World:
    """Found a home and admit the agencies."""
    home = found(path, clock_ms=clock_ms)
    log = SqliteLog(home.log, clock_ms)
    desk = Desk(home, log, clock_ms=clock_ms)
    for name, sheet in _sheets().items():
        entry = desk.admit(name, (FeedTerms(sheet.feed, LABEL, LABEL, curated=sheet.curated),))
        assert not isinstance(entry, Refusal), entry
    authority = Authority(log, home.pin())
    keys = {name: signing_key(home, authority, name, sheet.feed, clock_ms()) for name, sheet in _sheets().items()}
    return World(home, log, keys)


def submissions(world: World, number: int, each_of: Sequence[str] = ()) -> list[Submitted]:
    """So many events, in a fixed order: of all agencies, as their sheets have them, or so many `each_of`."""
    groups: list[Sequence[str]] = [(name,) for name in each_of] or [AGENCIES]
    return [one for names in groups for one in islice(stream(world, agencies=names), number)]


def stream(
    world: World, clock_ms: Callable[[], int] = now_ms, agencies: Sequence[str] = AGENCIES
) -> Iterator[Submitted]:
    """Events without end, each signed when it is asked for."""
    authority = Authority(world.log, world.home.pin())
    sealers = {name: Sealer(name, world.keys[name], authority.policies, {}) for name in agencies}
    sequence: dict[str, int] = defaultdict(int)
    for name, feed, draft in _drafts(agencies):
        sealer = sealers[name]
        terms = sealer.terms(feed, LABEL, draft.status, None, clock_ms())
        body = sealer.body(draft)
        assert isinstance(terms, Terms), terms
        assert isinstance(body, bytes), body
        sequence[name] += 1
        envelope = sealer.seal(draft, body, terms, 1, sequence[name])
        assert isinstance(envelope, Envelope), envelope
        yield Submitted(name, feed, envelope, envelope.encode(), f"{name}/{feed}/{draft.id}")


def batches(made: Sequence[Submitted], size: int) -> Iterator[list[Submitted]]:
    """In pieces of this size."""
    return (list(made[start : start + size]) for start in range(0, len(made), size))


def _sheets() -> dict[str, Sheet]:
    return {player.name: player.sheet[0] for player in cast().agency if player.name in AGENCIES}


def _drafts(agencies: Sequence[str]) -> Iterator[tuple[str, str, Draft]]:
    real = [
        (name, sheet.feed, draft)
        for name, sheet in _sheets().items()
        if name in agencies
        for draft in load(sheet.format).translate(sheet.data(), sheet.options()).drafts
    ]
    for copy in count():
        made = [(name, feed, _copy(draft, copy)) for name, feed, draft in real]
        random.Random(copy).shuffle(made)
        yield from made


def _copy(draft: Draft, copy: int) -> Draft:
    if copy == 0:
        return draft
    body: dict[str, Any] = deepcopy(draft.body)
    if body.get("when") is not None:
        body["when"] = {name: at and at - copy * SHIFT_MS for name, at in body["when"].items()}
    body["source"]["derived_from"] = [f"{one}.{copy}" for one in body["source"].get("derived_from", ())]
    return Draft(draft.kind, f"{draft.id}.{copy}", draft.status, draft.modified_at, body)
