"""The doctor: each thing that can be wrong is broken here, seen, and mended by the very command that it names."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from bus.clock import now_ms
from bus.home import Home
from bus.log.protocol import NewRecord
from bus.operate import Desk, found
from bus.operate.disk import FULL_BYTES, LOW_BYTES, Disk
from bus.operate.doctor import BUS, PLACE, Finding, Level, Place, examine
from bus.operate.doctor.software import judge
from bus.operate.doctor.storage import judge_kind, judge_room
from tests.support.command_line import Tocsin
from tests.support.running import running, until
from tests.support.samples import UCDP

DAY_MS = 86_400_000
MINUTE_MS = 60_000
HIGH = "COALITION RESTRICTED//REL TO ALPHA"
OPEN = "COALITION UNCLASSIFIED//PUBLIC"


def lines(tocsin: Tocsin, check: str) -> list[dict[str, Any]]:
    """What the command says of one check."""
    return [one for one in tocsin("doctor", "--json").items if one["check"] == check]


def only(tocsin: Tocsin, check: str) -> dict[str, Any]:
    (line,) = lines(tocsin, check)
    return line


def later(tocsin: Tocsin, after_ms: int, check: str) -> list[Finding]:
    """What a check finds so much later."""
    found = examine(tocsin.home, clock_ms=lambda: now_ms() + after_ms)
    return [one for one in found if one.check == check]


def carry_out(tocsin: Tocsin, command: str) -> None:
    """Run a command as it was named."""
    words = shlex.split(command)
    if words[0] == "tocsin":
        tocsin.ok(*words[1:])
    else:
        subprocess.run(words, check=True)


def test_a_sound_home_is_ok_throughout_and_every_check_says_so(tocsin: Tocsin, tmp_path: Path) -> None:
    tocsin.ok("backup", str(tmp_path / "saved"))
    done = tocsin.ok("doctor", "--json")
    assert {one["level"] for one in done.items} == {"ok"}
    assert {one["check"] for one in done.items} == {"home", *(one.NAME for one in (*PLACE, *BUS))}
    said = tocsin.ok("doctor").out
    assert said.splitlines()[-1] == f"{len(done.items)} ok"


def test_there_must_be_a_home(tmp_path: Path) -> None:
    assert Tocsin(tmp_path / "none")("doctor").code == 2


def others_may_read_a_key(tocsin: Tocsin) -> None:
    next((tocsin.home / "keys" / "alpha").glob("*.key")).chmod(0o640)


def others_may_enter(tocsin: Tocsin) -> None:
    tocsin.home.chmod(0o755)


def the_log_is_open_to_all(tocsin: Tocsin) -> None:
    (tocsin.home / "bus.db").chmod(0o644)


def the_agency_lost_its_keys(tocsin: Tocsin) -> None:
    key = next((tocsin.home / "keys" / "alpha").glob("*.key")).stem
    tocsin.ok("key", "revoke", key)


def the_bus_lost_its_key(tocsin: Tocsin) -> None:
    next((tocsin.home / "keys" / "bus").glob("*.key")).unlink()


def the_last_key_ends(tocsin: Tocsin) -> None:
    tocsin.ok("key", "rotate", "alpha", "--overlap-days", "7")
    home = Home.open(tocsin.home)
    with tocsin.log() as log:
        (entry,) = (one for one in Desk(home, log).roster.agencies if one.name == "alpha")
    (new,) = (key.key_id for key in entry.keys if key.valid_until is None)
    tocsin.ok("key", "revoke", new)


def a_topic_is_gone(tocsin: Tocsin) -> None:
    connection = apsw.Connection(str(tocsin.home / "bus.db"))
    connection.execute("DELETE FROM topics WHERE name = 'outbox.beta'")
    connection.close()


def records_are_in_the_spool(tocsin: Tocsin) -> None:
    tocsin.ok("heartbeat", "--as", "alpha", "--feed", "reports")
    with tocsin.log() as log:
        envelopes = [record.value for record in log.read("submissions.alpha")]
    connection = apsw.Connection(str(tocsin.home / "agencies" / "alpha" / "publisher.db"))
    connection.execute("INSERT INTO spool(feed, envelope) VALUES ('reports', ?)", (envelopes[0],))
    connection.close()


def the_quarantine_grows(tocsin: Tocsin) -> None:
    tocsin.ok("publish", str(UCDP), "--as", "alpha", "--feed", "reports", "--label", OPEN)
    tocsin.ok("agency", "feed", "alpha", "reports", "--floor", HIGH, "--default-label", HIGH)
    tocsin.ok("run", "--until-idle")
    tocsin.ok("agency", "feed", "alpha", "reports", "--floor", OPEN, "--default-label", OPEN)


@pytest.mark.parametrize(
    ("break_it", "check", "level", "word"),
    [
        (others_may_read_a_key, "permissions", "fail", "keys/alpha/"),
        (others_may_enter, "permissions", "fail", "the home"),
        (the_log_is_open_to_all, "permissions", "fail", "bus.db"),
        (the_agency_lost_its_keys, "keys", "fail", "alpha has no key that may sign for reports now"),
        (the_bus_lost_its_key, "keys", "fail", "no key of the bus"),
        (the_last_key_ends, "keys", "warn", "of alpha ends in 6 days"),
        (a_topic_is_gone, "topics", "warn", "topics are missing for beta"),
        (records_are_in_the_spool, "spool", "warn", "1 signed records of alpha"),
        (the_quarantine_grows, "quarantine", "warn", "submissions of alpha were refused within a day"),
    ],
)
def test_what_is_broken_is_seen_and_mended_by_the_command_that_is_named(
    tocsin: Tocsin, break_it: Callable[[Tocsin], None], check: str, level: str, word: str
) -> None:
    assert only(tocsin, check)["level"] == "ok"
    break_it(tocsin)
    done = tocsin("doctor", "--json")
    (line,) = (one for one in done.items if one["check"] == check)
    assert (line["level"], word in line["what"]) == (level, True), line
    assert done.code == (1 if level == "fail" else 0)
    assert line["mend"] in tocsin("doctor").out
    carry_out(tocsin, line["mend"])
    assert only(tocsin, check)["level"] == "ok"


def test_what_is_gone_when_it_is_looked_at_troubles_nobody(tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher that ends takes its write-ahead log along, in the midst of the look."""
    listed = list(tocsin.home.rglob("*"))
    monkeypatch.setattr(Path, "rglob", lambda _path, _pattern: iter([*listed, tocsin.home / "agencies" / "gone-wal"]))
    assert [one.level for one in later(tocsin, 0, "permissions")] == ["ok"]


def test_a_home_of_another_user_is_named_once(tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    (found,) = later(tocsin, 0, "permissions")
    assert found.level == "warn"
    assert found.what.count("the home") == 1
    assert found.mend == f"chown -R {os.getuid() + 1} {tocsin.home}"


@pytest.mark.parametrize(("days", "level"), [(340, "warn"), (400, "fail")])
def test_a_roster_near_its_end_or_past_it_is_renewed(tmp_path: Path, days: int, level: str) -> None:
    tocsin = Tocsin(tmp_path / "home")
    found(tocsin.home, clock_ms=lambda: now_ms() - days * DAY_MS)
    line = only(tocsin, "roster")
    assert line["level"] == level
    carry_out(tocsin, line["mend"])
    assert only(tocsin, "roster")["level"] == "ok"


def test_a_clock_that_is_behind_the_log_is_seen(tocsin: Tocsin) -> None:
    assert later(tocsin, 0, "clock")[0].level is Level.OK
    (line,) = later(tocsin, -DAY_MS, "clock")
    assert (line.level, "ahead of this machine's clock" in line.what) == (Level.FAIL, True)
    assert line.mend == "timedatectl set-ntp true"


def authority_holder(tocsin: Tocsin) -> str | None:
    stages = tocsin("status", "--json").document["stages"]
    return next((one["holder"] for one in stages if one["name"] == "ingest-authority"), None)


def test_a_process_that_hangs_is_seen_and_the_command_ends_it(tocsin: Tocsin) -> None:
    with running(tocsin.home, "run") as process:
        until(lambda: authority_holder(tocsin) is not None, process)
        assert only(tocsin, "stages")["level"] == "ok"
        holder = str(authority_holder(tocsin))
        pid = int(holder.removeprefix("process "))
        os.kill(pid, signal.SIGSTOP)
        (line,) = later(tocsin, 20 * MINUTE_MS, "stages")
        assert (line.level, line.what.startswith(holder)) == (Level.FAIL, True)
        carry_out(tocsin, line.mend)
        if pid != process.pid:  # another takes its place
            until(lambda: authority_holder(tocsin) not in {None, holder}, process)


def test_what_waits_while_nothing_runs_is_seen(tocsin: Tocsin) -> None:
    tocsin.ok("heartbeat", "--as", "alpha", "--feed", "reports")
    line = only(tocsin, "running")
    assert (line["level"], "1 records wait" in line["what"]) == ("warn", True)
    carry_out(tocsin, f"{line['mend']} --until-idle")
    assert only(tocsin, "running")["level"] == "ok"


def test_a_feed_that_fell_silent_is_seen_until_it_is_heard_again(tocsin: Tocsin) -> None:
    tocsin.ok("heartbeat", "--as", "alpha", "--feed", "reports", "--interval-s", "1")
    tocsin.ok("run", "--until-idle")
    time.sleep(1.6)
    line = only(tocsin, "feeds")
    assert line["level"] == "warn"
    assert line["what"].startswith("alpha/reports has been silent for ")
    assert tocsin("status").code == 1
    carry_out(tocsin, line["mend"])
    tocsin.ok("run", "--until-idle")
    assert only(tocsin, "feeds")["level"] == "ok"
    tocsin.ok("status")


def test_that_no_backup_is_known_or_none_for_a_week_is_said_and_a_backup_ends_it(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    line = only(tocsin, "backup")
    assert (line["level"], line["what"]) == ("warn", "no backup of this home is known")
    carry_out(tocsin, line["mend"].replace("FOLDER", str(tmp_path / "saved")))
    assert later(tocsin, 6 * DAY_MS, "backup")[0].level is Level.OK
    (finding,) = later(tocsin, 8 * DAY_MS, "backup")
    assert (finding.level, finding.what) == (Level.WARN, "the last backup is 8 days old")


def test_what_was_refused_and_waits_for_a_week_is_said_until_somebody_sees_to_it(tocsin: Tocsin) -> None:
    with tocsin.log() as log:
        log.append("submissions.alpha", [NewRecord("submissions.alpha", b"", b"poison")])
    tocsin.ok("run", "--until-idle")
    assert later(tocsin, 6 * DAY_MS, "quarantine")[0].level is Level.OK
    (line,) = later(tocsin, 8 * DAY_MS, "quarantine")
    assert (line.level, "1 refused submissions of alpha" in line.what) == (Level.WARN, True)
    tocsin.ok("quarantine", "drop", "--agency", "alpha", "--because", "no record at all")
    assert later(tocsin, 8 * DAY_MS, "quarantine")[0].level is Level.OK


def test_a_log_that_is_not_what_was_written_is_seen(tocsin: Tocsin) -> None:
    tocsin.ok("heartbeat", "--as", "alpha", "--feed", "reports")
    tocsin.ok("run", "--until-idle")
    connection = apsw.Connection(str(tocsin.home / "bus.db"))
    connection.execute("DELETE FROM records WHERE id = (SELECT number << 40 FROM topics WHERE name = 'control')")
    connection.close()
    found = tocsin("doctor", "--json").items
    assert [one["check"] for one in found if one["level"] == "fail"] != []
    assert tocsin("log", "verify").code in {1, 3}


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("version", "999\n", "format 999"),
        ("pin", "not a pin\n", "is damaged"),
        ("pin", f"{'0' * 64}\n", "what the pinned authority did not say"),
        ("config.toml", "no_such_setting = 1\n", "no_such_setting"),
        ("bus.db", "no database", "is damaged"),
    ],
)
def test_a_home_that_can_not_be_opened_is_a_finding_beside_the_others(
    tocsin: Tocsin, file: str, text: str, word: str
) -> None:
    (tocsin.home / file).write_text(text)
    done = tocsin("doctor", "--json")
    assert done.code == 1
    (line,) = (one for one in done.items if one["level"] == "fail")
    assert line["check"] == "home"
    assert word in line["what"]
    assert line["advice"]
    assert {"permissions", "disk", "software"} <= {one["check"] for one in done.items}


def test_a_disk_that_fills_up_is_seen_before_it_is_full(tmp_path: Path) -> None:
    place = Place(tmp_path, 0, Disk(0, 0), "there")
    levels = [judge_room(place, Disk(free, 1 << 40)).level for free in (LOW_BYTES, LOW_BYTES - 1, FULL_BYTES - 1)]
    assert levels == [Level.OK, Level.WARN, Level.FAIL]
    assert "`tocsin backup FOLDER --home there`" in judge_room(place, Disk(0, 1 << 40)).advice


@pytest.mark.parametrize(("kind", "findings"), [("ext4", 0), ("nfs4", 1), ("cifs", 1), ("fuse.sshfs", 1)])
def test_a_network_file_system_is_seen(tmp_path: Path, kind: str, findings: int) -> None:
    mounts = f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:1 / {tmp_path.resolve()} rw - {kind} there rw\n"
    assert len(list(judge_kind(Place(tmp_path, 0, Disk(0, 0)), mounts))) == findings


@pytest.mark.parametrize(
    ("version", "level"), [("3.40.1", "fail"), ("3.51.2", "fail"), ("3.51.3", "ok"), ("3.54", "ok")]
)
def test_a_library_that_can_corrupt_the_log_is_seen(version: str, level: str) -> None:
    assert judge(version).level == level


def test_a_poison_message_is_no_finding(tocsin: Tocsin) -> None:
    with tocsin.log() as log:
        log.append("submissions.alpha", [NewRecord("submissions.alpha", b"", b"poison")])
    tocsin.ok("run", "--until-idle")
    assert tocsin.ok("doctor", "--json").items != []


def test_an_agency_whose_keys_are_gone_from_the_home_it_publishes_from_is_told(tocsin: Tocsin) -> None:
    tocsin.ok("publish", str(UCDP), "--as", "alpha", "--feed", "reports")
    shutil.rmtree(tocsin.home / "keys" / "alpha")
    found = only(tocsin, "keys")
    assert found["level"] == Level.FAIL
    assert "alpha has published from this home" in found["what"]
    carry_out(tocsin, found["mend"])
    assert only(tocsin, "keys")["level"] == Level.OK
