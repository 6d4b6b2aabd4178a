"""`alerts watch`: every change of an alert once, in order, across restarts; what is not good is told as that."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import Tocsin

ROOT = Path(__file__).resolve().parents[2]
DRILL = ROOT / "bus" / "demo" / "data" / "exercise"
WATCH = ("alerts", "watch", "--as", "beta", "--once")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    """Two agencies that tell one story of an exercise."""
    bus = Tocsin(tmp_path_factory.mktemp("founded") / "home")
    bus.ok("init")
    for name in ("alpha", "beta"):
        bus.ok("agency", "add", name, "--realm", "REAL", "--realm", "VIGIL")
    for sheet, agency in (("radio", "alpha"), ("observers", "beta")):
        words = ("--mapping", str(DRILL / f"{sheet}.toml"), "--exercise", "VIGIL", "--as", agency, "--feed", "reports")
        bus.ok("publish", str(DRILL / f"{sheet}.csv"), *words)
    bus.ok("run", "--until-idle")
    return bus


def changes(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["change"], one["id"]) for one in items]


def test_each_change_is_told_once_across_restarts(tocsin: Tocsin) -> None:
    first = tocsin.items(*WATCH)
    standing = {one["id"] for one in tocsin.items("alerts", "ls", "--as", "beta")}
    assert {one["id"] for one in first if one["change"] == "NEW"} >= standing
    assert [one["sequence"] for one in first] == sorted(one["sequence"] for one in first)
    assert {one["verified"] for one in first if one["alert"]} == {True}
    assert {len(one["alert"]["members"]) > 0 for one in first if one["alert"]} == {True}
    assert tocsin.items(*WATCH) == []
    tocsin.ok("retract", "vigil-radio:A2", "--as", "alpha", "--reason", "ERROR")
    tocsin.ok("run", "--until-idle")
    later = tocsin.items(*WATCH)
    assert later
    assert min(one["sequence"] for one in later) > max(one["sequence"] for one in first)
    gone = [one for one in later if one["change"] == "RETRACTED"]
    assert all(one["alert"] is None and one["verified"] is None and one["reason"] for one in gone)
    assert tocsin.items(*WATCH) == []


def test_from_a_number_on_it_is_told_again_without_moving_the_place(tocsin: Tocsin) -> None:
    told = tocsin.items(*WATCH, "--since", "0")
    last = told[-1]["sequence"]
    assert changes(tocsin.items(*WATCH, "--since", str(last - 1))) == changes(told[-1:])
    assert tocsin.items(*WATCH, "--since", str(last)) == []
    assert changes(tocsin.items(*WATCH)) == changes(told), "the kept place is where it was"
    assert tocsin("alerts", "watch", "--as", "beta", "--since", "-1").code == 2


def test_looking_at_the_picture_takes_nothing_from_who_watches(tocsin: Tocsin) -> None:
    tocsin.ok("alerts", "ls", "--as", "beta")
    assert tocsin.items(*WATCH)


def test_what_was_signed_with_a_compromised_key_is_told_as_not_verified(tocsin: Tocsin) -> None:
    key = next(one["key_id"] for one in tocsin.items("key", "ls") if one["agency"] == "alpha")
    tocsin.ok("key", "revoke", key, "--compromised-since", "2020-01-01")
    told = tocsin.items(*WATCH)
    bad = [one for one in told if one["verified"] is False]
    assert bad
    assert {one["alert"] is None for one in bad} == {True}
    assert {each["reason"] for one in bad for each in one["refused"]} == {"KEY_REVOKED"}
    plain = tocsin("alerts", "watch", "--as", "beta", "--once", "--since", "0")
    assert "NOT VERIFIED" in plain.err
    trusting = tocsin.items(*WATCH, "--since", "0", "--no-verify")
    assert {one["verified"] for one in trusting} == {None}
    assert all(one["alert"] for one in trusting if one["change"] == "NEW")


def test_a_person_is_told_in_a_line_what_it_is(tocsin: Tocsin) -> None:
    lines = tocsin.ok(*WATCH).out.splitlines()
    assert lines
    assert all("severity" in line for line in lines if " NEW " in line)


def test_who_is_no_agency_of_this_bus_watches_nothing(tocsin: Tocsin) -> None:
    assert tocsin("alerts", "watch", "--as", "nobody").code == 1
    assert not (tocsin.home / "agencies" / "nobody").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_streams_and_stops_and_goes_on(tocsin: Tocsin, how: signal.Signals) -> None:
    expected = tocsin.items(*WATCH, "--since", "0")
    command = [sys.executable, "-c", "import sys; from bus.cli import main; sys.exit(main())"]
    command += ["alerts", "watch", "--as", "beta", "--json", "--home", str(tocsin.home)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [json.loads(process.stdout.readline()) for _ in expected]
        process.send_signal(how)
        rest, err = process.communicate(timeout=30)
        assert process.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 0), err
    assert (told, rest) == (expected, "")
    again = tocsin.items(*WATCH)
    assert again == ([] if how is not signal.SIGKILL else expected[len(expected) - len(again) :])


def test_a_readers_fresh_start_is_what_it_had(tocsin: Tocsin) -> None:
    """From the bus's memory; the place of `alerts watch` moves only when it is named."""
    events = tocsin.items("events", "ls", "--as", "beta")
    alerts = {one["id"] for one in tocsin.items("alerts", "ls", "--as", "beta")}
    done = tocsin.json("resync", "--as", "beta")
    assert (done["events"], done["alerts"]) == (len(events), len(alerts))
    assert (done["bad"], done["missing"]) == ([], [])
    assert done["signatures"] >= len(events) + len(alerts)
    assert tocsin.items("events", "ls", "--as", "beta") == events
    assert tocsin.items(*WATCH)
    (tocsin.home / "agencies" / "beta" / "reader.watch.db").write_bytes(b"rubbish" * 999)
    assert tocsin.json("resync", "--as", "beta", "--reader", "watch")["alerts"] == len(alerts)
    assert tocsin.items(*WATCH) == []
    assert tocsin("resync", "--as", "nobody").code == 1


def test_a_state_that_was_copied_from_another_reader_is_refused_with_the_way_back(tocsin: Tocsin) -> None:
    tocsin.ok("alerts", "ls", "--as", "beta")
    tocsin.ok("alerts", "ls", "--as", "alpha")
    agencies = tocsin.home / "agencies"
    shutil.copy(agencies / "alpha" / "reader.picture.db", agencies / "beta" / "reader.picture.db")
    done = tocsin("alerts", "ls", "--as", "beta")
    assert done.code == 3
    assert "tocsin resync --as beta`" in done.err
    tocsin.ok("resync", "--as", "beta")
    tocsin.ok("alerts", "ls", "--as", "beta")


def test_a_home_that_takes_no_file_is_read_all_the_same(tocsin: Tocsin) -> None:
    """Nothing is kept then, and every command reads from the beginning."""
    expected = tocsin.items("alerts", "ls", "--as", "beta")
    (tocsin.home / "agencies" / "alpha" / "reader.picture.db").mkdir(parents=True)
    assert [one["id"] for one in tocsin.items("alerts", "ls", "--as", "alpha")]
    assert expected
