"""From the command line to an open home: its settings and its log."""

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bus.errors import NotFoundError

if TYPE_CHECKING:
    from bus.cli.output import Output
    from bus.client import Publisher
    from bus.config import Settings
    from bus.errors import Refusal
    from bus.home import Home
    from bus.log.sqlite import SqliteLog
    from schemas.models import FeedEntry


@dataclass(frozen=True, slots=True)
class Opened:
    """One home while a command works in it."""

    home: "Home"
    log: "SqliteLog"
    settings: "Settings"

    def feed(self, agency: str, name: str) -> "FeedEntry":
        """The terms of an agency's feed, as the roster in force has them."""
        from bus.client import Authority

        trust = Authority(self.log, self.home.pin()).trust
        entry = trust.agency(agency)
        if entry is None:
            raise NotFoundError(
                f"the roster in force has no agency {agency}",
                "`tocsin agency ls` shows the agencies; `tocsin agency add` admits one.",
            )
        found = next((one for one in entry.feeds if one.name == name), None)
        if found is None:
            its = ", ".join(one.name for one in entry.feeds) or "none"
            raise NotFoundError(
                f"{agency} has no feed {name}; it has: {its}",
                f"`tocsin agency feed {agency} {name}` gives it this one.",
            )
        return found

    def exercise(self, name: str | None) -> None:
        """Refuse an exercise that no agency takes part in: nobody would read what is published into it."""
        from bus.labels.spelling import REAL, TEST
        from bus.operate import Desk

        clearances = Desk(self.home, self.log).control.clearances.values()
        known = {realm for clearance in clearances for realm in clearance.realms} - {REAL, TEST}
        if name is not None and name not in known:
            its = ", ".join(sorted(known)) or "there are none"
            raise NotFoundError(
                f"no agency takes part in an exercise {name}; known exercises: {its}",
                f"If the name is right, `tocsin agency clearance` with --realm {name}, besides all else that it holds, "
                "lets an agency take part.",
            )

    def _is_suspended(self, agency: str) -> bool:
        from bus.client import Authority

        entry = Authority(self.log, self.home.pin()).trust.agency(agency)
        return entry is not None and entry.suspended

    def explain(self, output: "Output", refusal: "Refusal") -> None:
        """What helps beside a refusal's remedy: the words of labels."""
        from bus.operate import Desk
        from bus.operate.readers import words_of

        if refusal.reason == "BAD_LABEL":
            for line in words_of(Desk(self.home, self.log).control):
                output.note(f"  {line}")
        if refusal.reason == "REALM_MISMATCH":
            output.note("  `--exercise NAME` names the exercise that the records belong to.")

    @contextmanager
    def publisher(self, agency: str, feed: str) -> Iterator["Publisher"]:
        """A publisher of this agency, with a key that may sign for this feed now."""
        from bus.client import Patience, open_publisher

        batch_records, patience = self.settings.publish_batch_records, Patience(self.settings.publish_patience_s)
        try:
            publisher = open_publisher(
                self.home, self.log, agency, feed, batch_records=batch_records, patience=patience
            )
        except NotFoundError as fault:
            if self._is_suspended(agency):
                raise NotFoundError(
                    f"{agency} is suspended: none of its keys may sign (KEY_NOT_VALID)",
                    f"`tocsin agency suspend {agency} --end` ends it.",
                ) from fault
            raise
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
    from bus.logs import log_to_stderr

    home = Home.open(home_path(args), writing=writing)
    settings = config.load(home.config)
    log_to_stderr(settings.log_level, settings.log_format, settings.log_interval_s)
    log = SqliteLog(home.log, now_ms, lease_s=settings.lease_s)
    try:
        yield Opened(home, log, settings)
    finally:
        log.close()
