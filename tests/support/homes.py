"""A real home with a few agencies, and signed submissions to it, from a seed."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bus.clock import now_ms
from bus.errors import Refusal
from bus.home import Home, load_keys
from bus.log.protocol import Log, NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.operate import ClearanceTerms, Desk, FeedTerms, found
from bus.trust import frame
from tests.support.histories import Author
from tests.support.oracle_prefix import open_accepted
from tests.support.reports import Reporter
from tests.support.simulator import DAY_MS, Agency, Feed, Key, World

FEEDS: Final = (FeedTerms("field", curated=True, analyst=True), FeedTerms("media", analyst=True))
EVERYTHING: Final = ClearanceTerms(
    levels=("COALITION SECRET",), need=("HUMINT", "SIGINT"), audiences=("GEN", "NYC"), realms=("REAL", "VIGIL")
)
READERS: Final = {
    "aa": EVERYTHING,
    "bb": EVERYTHING._replace(levels=("COALITION CONFIDENTIAL",), need=("HUMINT",)),
    "cc": EVERYTHING._replace(levels=("COALITION RESTRICTED",), need=(), realms=("REAL",)),
    "dd": ClearanceTerms(),
}
"""From who may read all to who may read what is public."""


def make_home(path: Path) -> Home:
    """Found a home, and admit the readers."""
    home = found(path)
    log = SqliteLog(home.log, now_ms)
    try:
        desk = Desk(home, log)
        for name, clearance in READERS.items():
            admitted = desk.admit(name, FEEDS, clearance)
            assert not isinstance(admitted, Refusal), admitted
    finally:
        log.close()
    return home


def writer(home: Home, seed: int) -> Author:
    """Who writes as all agencies of the home, with their keys; three days ago, so that nothing lies ahead."""
    world = World(f"home {seed}", now_ms() - 3 * DAY_MS)
    for name in READERS:
        feeds = {feed.name: Feed(curated=feed.curated, analyst=feed.analyst) for feed in FEEDS}
        world.agencies[name] = Agency(name, {}, feeds, [Key(key, 0) for key in load_keys(home, name)])
    chance = random.Random(seed)
    return Author(chance, world, Reporter(chance))


def submissions(author: Author) -> Iterator[tuple[str, frame.Envelope]]:
    """Signed records without end, each with its agency."""
    acts = (author.event, author.event, author.event, author.amend, author.retract, author.replace, author.link)
    while True:
        author.world.now += 1000
        before = len(author.world.values)
        author.chance.choice(acts)()
        for value in author.world.values[before:]:
            opened = open_accepted(value)
            yield str(opened.message["header"]["agency"]), opened.envelope


def submit(log: Log, agency: str, envelope: frame.Envelope) -> None:
    """Append one submission; when this returns it is acknowledged."""
    name = topic("submissions", agency)
    log.append(name, [NewRecord(name, b"feed", envelope.encode())])
