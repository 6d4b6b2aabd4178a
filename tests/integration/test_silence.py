"""A feed whose heartbeat stays away is seen, from what the log keeps alone."""

from pathlib import Path

import pytest

from bus.clock import now_ms
from bus.home import Home
from bus.log.sqlite import SqliteLog
from bus.operate import Desk
from bus.operate.silence import FeedSilence, feed_silence
from tests.support.command_line import Tocsin
from tests.support.samples import UCDP

MINUTE_MS = 60_000


@pytest.fixture
def tocsin(tmp_path: Path) -> Tocsin:
    """Agency alpha has two feeds; `field` promised a heartbeat every ten minutes, `reports` nothing."""
    bus = Tocsin(tmp_path / "home")
    bus.ok("init")
    bus.ok("agency", "add", "alpha", "--feed", "field", "--feed", "reports")
    bus.ok("heartbeat", "--as", "alpha", "--feed", "field", "--interval-s", "600")
    bus.ok("run", "--until-idle")
    return bus


def silences(tocsin: Tocsin, minutes: int) -> dict[str, FeedSilence]:
    """Each feed of alpha's, so many minutes from now."""
    home = Home.open(tocsin.home)
    log = SqliteLog(home.log, now_ms)
    try:
        found = feed_silence(Desk(home, log).control, log.describe(), now_ms() + minutes * MINUTE_MS)
    finally:
        log.close()
    return {one.feed: one for one in found}


def test_a_feed_is_late_when_its_heartbeat_is_half_an_interval_overdue(tocsin: Tocsin) -> None:
    field = silences(tocsin, 14)["field"]
    assert (field.agency, field.interval_s, field.late) == ("alpha", 600, False)
    assert field.silent_s is not None
    assert 14 * 60 <= field.silent_s < 15 * 60
    assert silences(tocsin, 16)["field"].late
    assert silences(tocsin, 16)["reports"] == FeedSilence("alpha", "reports"), "it promised nothing"


def test_a_weekly_heartbeat_is_missed_after_ten_minutes(tocsin: Tocsin) -> None:
    week_s = 7 * 24 * 3600
    tocsin.ok("heartbeat", "--as", "alpha", "--feed", "field", "--interval-s", str(week_s))
    tocsin.ok("run", "--until-idle")
    assert not silences(tocsin, week_s // 60 + 9)["field"].late
    assert silences(tocsin, week_s // 60 + 11)["field"].late


def test_any_accepted_record_is_a_sign_of_life_and_keeps_the_promise(tocsin: Tocsin, tmp_path: Path) -> None:
    before = silences(tocsin, 0)["field"]
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("".join(UCDP.read_text("utf-8").splitlines(keepends=True)[:2]), "utf-8")
    tocsin.ok("publish", str(sheet), "--as", "alpha", "--feed", "field")
    tocsin.ok("run", "--until-idle")
    after = silences(tocsin, 0)["field"]
    assert before.heard_at is not None
    assert after.heard_at is not None
    assert after.heard_at > before.heard_at
    assert after.interval_s == 600


def test_a_suspended_agency_is_not_late(tocsin: Tocsin) -> None:
    tocsin.ok("agency", "suspend", "alpha")
    assert not silences(tocsin, 60)["field"].late
    tocsin.ok("agency", "suspend", "alpha", "--end")
    assert silences(tocsin, 60)["field"].late
