"""From the command line to an open home: its settings and its log."""

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bus.client import Publisher
    from bus.config import Settings
    from bus.home import Home
    from bus.log.sqlite import SqliteLog


@dataclass(frozen=True, slots=True)
class Opened:
    """One home while a command works in it."""

    home: "Home"
    log: "SqliteLog"
    settings: "Settings"

    @contextmanager
    def publisher(self, agency: str, feed: str) -> Iterator["Publisher"]:
        """A publisher of this agency, with a key that may sign for this feed now."""
        from bus.client import open_publisher

        batch_records = self.settings.publish_batch_records
        publisher = open_publisher(self.home, self.log, agency, feed, batch_records=batch_records)
        try:
            yield publisher
        finally:
            publisher.close()


def home_path(args: Namespace) -> Path:
    """The home that is meant: `--home`, else $TOCSIN_HOME, else `.tocsin` here."""
    return Path(args.home or os.environ.get("TOCSIN_HOME") or ".tocsin")


@contextmanager
def opened(args: Namespace, *, writing: bool = False) -> Iterator[Opened]:
    """Open the home and its log for one command."""
    from bus import config
    from bus.clock import now_ms
    from bus.home import Home
    from bus.log.sqlite import SqliteLog

    home = Home.open(home_path(args), writing=writing)
    settings = config.load(home.config)
    log_to_stderr(settings.log_level)
    log = SqliteLog(home.log, now_ms, lease_s=settings.lease_s)
    try:
        yield Opened(home, log, settings)
    finally:
        log.close()


def log_to_stderr(level: str) -> None:
    """Let what the bus logs appear on stderr from this level on."""
    import logging

    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
