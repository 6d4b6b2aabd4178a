"""`publish` for a network that fails and sources that change: snapshots, older files, a watched folder, the spool."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bus.client import open_publisher
from bus.client.folder import SETTLED_S, Folder
from bus.clock import now_ms
from bus.home import Home
from bus.log.sqlite import SqliteLog
from tests.support.command_line import Tocsin
from tests.support.samples import UCDP, ucdp_rows, write_sheet

ROOT = Path(__file__).resolve().parents[2]
AS = ("--as", "alpha", "--feed", "reports")


def refs(bus: Tocsin) -> set[str]:
    bus.ok("run", "--until-idle")
    return {one["ref"].split(":")[-1] for one in bus.items("events", "ls", "--as", "beta")}


# --- snapshots ---


def test_what_is_gone_from_a_snapshot_is_listed_and_withdrawn_only_when_asked(tocsin: Tocsin, tmp_path: Path) -> None:
    tocsin.ok("publish", str(UCDP), *AS)
    path, gone = write_sheet(tmp_path / "later.csv", ucdp_rows()[3:]), {row["id"] for row in ucdp_rows()[:3]}
    everything = {row["id"] for row in ucdp_rows()}
    plain = tocsin.json("publish", path, *AS)
    assert "missing" not in plain
    listed = tocsin.json("publish", path, *AS, "--snapshot")
    assert {one.removeprefix("ucdp-ged:") for one in listed["missing"]} == gone
    assert listed["withdrawn"] == 0
    assert refs(tocsin) == everything, "absence alone withdraws nothing"
    planned = tocsin.json("publish", path, *AS, "--snapshot", "--dry-run")
    assert planned["missing"] == listed["missing"]
    done = tocsin.json("publish", path, *AS, "--snapshot", "--retract-missing")
    assert (done["withdrawn"], done["sent"]) == (3, 0)
    assert refs(tocsin) == everything - gone
    again = tocsin.json("publish", path, *AS, "--snapshot", "--retract-missing")
    assert (again["missing"], again["withdrawn"]) == ([], 0)
    assert tocsin("publish", path, *AS, "--retract-missing").code == 2


def test_a_snapshot_that_lacks_most_is_believed_only_when_that_is_said(tocsin: Tocsin, tmp_path: Path) -> None:
    tocsin.ok("publish", str(UCDP), *AS)
    path = write_sheet(tmp_path / "few.csv", ucdp_rows()[:4])
    refused = tocsin("publish", path, *AS, "--snapshot", "--retract-missing")
    assert refused.code == 1
    assert "16 of 20" in refused.err
    assert "--allow-mostly-gone" in refused.err
    assert len(refs(tocsin)) == 20
    tocsin.ok("publish", path, *AS, "--snapshot", "--retract-missing", "--allow-mostly-gone")
    assert len(refs(tocsin)) == 4


def test_a_snapshot_with_a_broken_row_withdraws_nothing(tocsin: Tocsin, tmp_path: Path) -> None:
    tocsin.ok("publish", str(UCDP), *AS)
    some = ucdp_rows()[1:]
    some[0]["date_start"] = "the day before"
    done = tocsin("publish", write_sheet(tmp_path / "broken.csv", some), *AS, "--snapshot", "--retract-missing")
    assert done.code == 1
    assert "nothing is withdrawn" in done.err
    assert len(refs(tocsin)) == 20


def test_a_snapshot_speaks_for_its_own_realm_and_feed_only(tocsin: Tocsin, tmp_path: Path) -> None:
    tocsin.ok("agency", "feed", "alpha", "other", "--default-label", "COALITION UNCLASSIFIED//PUBLIC")
    tocsin.ok("publish", str(UCDP), *AS)
    tocsin.ok("publish", str(UCDP), "--as", "alpha", "--feed", "other")
    path = write_sheet(tmp_path / "few.csv", ucdp_rows()[1:])
    tocsin.ok("agency", "clearance", "beta", "--realm", "REAL", "--realm", "VIGIL")
    drill = write_sheet(tmp_path / "drill.csv", [{**row, "id": f"9{row['id']}"} for row in ucdp_rows()[:2]])
    assert tocsin.json("publish", drill, *AS, "--snapshot", "--exercise", "VIGIL")["missing"] == []
    assert len(tocsin.json("publish", path, *AS, "--snapshot")["missing"]) == 1


# --- an exercise ---


@pytest.mark.parametrize("how", [(), ("--dry-run",), ("--json",)])
def test_an_exercise_that_nobody_takes_part_in_is_refused_before_anything_is_sent(
    tocsin: Tocsin, how: tuple[str, ...]
) -> None:
    tocsin.ok("agency", "clearance", "beta", "--realm", "REAL", "--realm", "VIGIL")
    done = tocsin("publish", str(UCDP), *AS, "--exercise", "VIGLI", *how)
    assert done.code == 1
    assert "no agency takes part in an exercise VIGLI; known exercises: VIGIL" in done.err
    assert tocsin.json("run", "--until-idle")["submissions"] == 0
    assert tocsin.json("publish", str(UCDP), *AS, "--exercise", "VIGIL")["sent"] == 20


def test_a_record_of_another_realm_is_refused_with_the_realm_that_it_has(tocsin: Tocsin) -> None:
    tocsin.ok("agency", "clearance", "beta", "--realm", "REAL", "--realm", "VIGIL")
    tocsin.ok("publish", str(UCDP), *AS)
    done = tocsin("publish", str(UCDP), *AS, "--exercise", "VIGIL")
    assert done.code == 1
    assert "LABEL_CHANGED at label: expected the realm REAL, in which the record was published first" in done.err
    assert "Publish it in REAL again" in done.err


# --- labels, rows, memory ---


def test_a_wrong_label_is_told_once_before_rows_and_nothing_is_sent(tocsin: Tocsin, tmp_path: Path) -> None:
    some = ucdp_rows()
    some[0]["date_start"] = "the day before"
    done = tocsin("publish", write_sheet(tmp_path / "broken.csv", some), *AS, "--label", "COALITION COSMIC")
    assert done.code == 1
    assert done.err.startswith("nothing is sent: BAD_LABEL at label")
    assert done.err.count("BAD_LABEL") == 1
    assert tocsin.json("run", "--until-idle")["submissions"] == 0


def test_the_account_says_what_refused_rows_have_lost(tocsin: Tocsin, tmp_path: Path) -> None:
    some = ucdp_rows()
    some[0]["date_start"] = some[1]["date_start"] = "the day before"
    done = tocsin("publish", write_sheet(tmp_path / "broken.csv", some), *AS, "--dry-run")
    assert "dropped: every cell of a row that was refused, here of 2\n" in done.err
    assert "a row that was refused" not in tocsin.ok("publish", str(UCDP), *AS, "--dry-run").err


def test_a_publisher_without_memory_says_that_it_amends_once_and_the_doctor_sees_it(tocsin: Tocsin) -> None:
    tocsin.ok("publish", str(UCDP), *AS)
    tocsin.ok("run", "--until-idle")
    assert "remember" not in tocsin.ok("publish", str(UCDP), *AS).err
    shutil.rmtree(tocsin.home / "agencies" / "alpha")
    (line,) = (one for one in tocsin("doctor", "--json").items if one["check"] == "spool")
    assert line["level"] == "warn"
    assert "alpha" in line["what"]
    assert "as an amendment" in line["advice"]
    lost = tocsin.ok("publish", str(UCDP), *AS)
    assert "20 amended" in lost.out
    assert "does not remember what alpha has published" in lost.err
    again = tocsin.ok("publish", str(UCDP), *AS)
    assert "20 unchanged; 0 sent" in again.out
    assert "remember" not in again.err


# --- an older file ---


def test_an_older_file_after_a_newer_one_takes_nothing_back_and_says_so(tocsin: Tocsin, tmp_path: Path) -> None:
    newer = ucdp_rows()
    newer[0]["best"] = newer[0]["high"] = "900"
    tocsin.ok("publish", str(UCDP), *AS)
    path = write_sheet(tmp_path / "newer.csv", newer)
    assert tocsin.json("publish", path, *AS)["outcomes"]["amended"] == 1
    older = tocsin.ok("publish", str(UCDP), *AS)
    assert "1 reverted" in older.out
    assert "--reinstate" in older.err
    assert tocsin.json("publish", str(UCDP), *AS, "--reinstate")["outcomes"]["amended"] == 1


# --- the spool ---


def test_what_was_left_in_the_spool_is_sent_by_a_command_of_its_own(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tocsin.ok("resume", "--as", "alpha").out == "nothing waits\n"
    home = Home.open(tocsin.home)
    log = SqliteLog(home.log, now_ms)
    publisher = open_publisher(home, log, "alpha", "reports")
    with publisher.memory.transaction():
        list(publisher._drafting.take(_one(), publisher.terms("reports")))  # signed and stored, then the plug is pulled
    publisher.close()
    log.close()
    assert tocsin.json("resume", "--as", "alpha") == {"sent": 1}
    assert tocsin.json("resume", "--as", "alpha") == {"sent": 0}
    assert refs(tocsin) == {"a"}
    assert tocsin("resume", "--as", "nobody").code == 1
    assert not (tocsin.home / "agencies" / "nobody").exists()


def _one() -> Any:
    from bus.client import Act  # noqa: PLC0415

    return Act("event", "own:a", "ACTUAL", {"nature": "INCIDENT", "type": "other", "source": {"discipline": "FIELD"}})


# --- a watched folder ---


def test_a_file_that_is_still_written_or_is_none_is_left_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 1000)
    for name in ("a.csv", ".hidden", "b.csv.part", "c.tmp"):
        (tmp_path / name).write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")

    def names(later_s: float) -> list[str]:
        return [found.path.name for found in folder.finished(time.time_ns() + int(later_s * 1e9))]

    assert names(100) == [], "seen once only"
    assert names(0.0) == [], "too young"
    assert names(SETTLED_S + 1) == ["a.csv"]
    assert names(100) == []
    (tmp_path / "a.csv").write_text("more")
    assert names(100) == [], "it grows"
    assert names(100) == ["a.csv"]


def test_a_file_from_a_clock_that_is_ahead_is_taken(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 1000)
    (tmp_path / "a.csv").write_text("x")
    os.utime(tmp_path / "a.csv", (time.time() + 36_000, time.time() + 36_000))
    assert list(folder.finished(time.time_ns())) == [], "seen once only"
    assert [found.path.name for found in folder.finished(time.time_ns())] == ["a.csv"]


def test_a_file_that_can_not_be_read_is_told_of_once_and_keeps_no_other_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, later = Folder(tmp_path, 1000), time.time_ns() + 10**11
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    opens = os.open

    def denied(path: Path, flags: int) -> int:
        if path.name == "a.csv":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opens(path, flags)

    monkeypatch.setattr(os, "open", denied)
    looks = [[found.path.name for found in folder.finished(later)] for _ in range(3)]
    assert looks == [[], ["b.csv"], []]
    assert [record.getMessage() for record in caplog.records] == ["a.csv can't be read: Permission denied"]
    monkeypatch.undo()
    assert [found.path.name for found in folder.finished(later)] == ["a.csv"]


@pytest.mark.parametrize("become", ["link", "pipe"])
def test_what_became_a_link_or_a_pipe_since_the_look_is_neither_followed_nor_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, become: str
) -> None:
    (tmp_path / "drop").mkdir()
    folder, later, path = Folder(tmp_path / "drop", 1000), time.time_ns() + 10**11, tmp_path / "drop" / "a.csv"
    (tmp_path / "secret.csv").write_text("secret")
    path.write_text("public")
    for one in (path, tmp_path / "secret.csv"):
        os.utime(one, (1, 1))
    list(folder.finished(later))
    looks = folder._look

    def exchanged() -> Any:
        seen = looks()
        path.unlink()
        if become == "link":
            path.symlink_to(tmp_path / "secret.csv")
        else:
            os.mkfifo(path)
        return seen

    monkeypatch.setattr(folder, "_look", exchanged)
    assert list(folder.finished(later)) == []


def test_a_file_is_taken_when_the_next_one_is_asked_for(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 1000)
    (tmp_path / "a.csv").write_text("x")
    later = time.time_ns() + 10**11
    list(folder.finished(later))
    for _ in range(2):
        assert next(folder.finished(later)).path.name == "a.csv"  # and nobody asks on: a fault, say
    assert len(list(folder.finished(later))) == 1
    assert list(folder.finished(later)) == []


@contextmanager
def watching(bus: Tocsin, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """`tocsin publish --watch` in a process of its own, stopped at the end."""
    command = [sys.executable, "-c", "import sys; from bus.cli import main; sys.exit(main())", "publish", *AS]
    command += ["--watch", str(folder), "--home", str(bus.home), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def stopped(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "stopped" in err
    return [json.loads(line) for line in out.splitlines()]


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_watched_folder_is_published_once_whatever_happens(tocsin: Tocsin, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    write_sheet(folder / "first.csv", ucdp_rows()[:5])
    (folder / "bad.csv").write_text("no table\n")
    for path in folder.iterdir():
        os.utime(path, (time.time() - 60, time.time() - 60))

    def submitted() -> int:
        return int(tocsin.json("status")["agencies"][0]["waiting"])

    with watching(tocsin, folder) as process:
        eventually(lambda: submitted() == 5)
        write_sheet(folder / "second.csv", ucdp_rows()[3:9])
        eventually(lambda: submitted() == 9)
        told = {one["file"]: one for one in stopped(process)}
    assert {name: one["sent"] for name, one in told.items()} == {"first.csv": 5, "bad.csv": 0, "second.csv": 4}
    assert "error" in told["bad.csv"]
    assert sorted(path.name for path in folder.iterdir()) == ["bad.csv", "first.csv", "second.csv"]
    os.utime(folder / "bad.csv", (time.time() - 50, time.time() - 50))  # touched: the content is the same
    write_sheet(folder / "third.csv", ucdp_rows()[9:10])
    os.utime(folder / "third.csv", (time.time() - 40, time.time() - 40))
    with watching(tocsin, folder) as process:
        eventually(lambda: submitted() == 10)
        assert [one["file"] for one in stopped(process)] == ["third.csv"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        (str(UCDP), "--watch", "."),
        ("--watch", ".", "--dry-run"),
        ("--watch", ".", "--snapshot"),
        ("--watch", "none"),
    ],
)
def test_what_makes_no_sense_is_said_so(tocsin: Tocsin, words: tuple[str, ...]) -> None:
    done = tocsin("publish", *words, *AS)
    assert done.code == 2, done
    assert "a bug of" not in done.err


def test_a_large_file_is_published_in_pieces_with_one_account(
    tocsin: Tocsin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapters import pieces  # noqa: PLC0415

    for function in (pieces.first_piece, pieces.translate_pieces):
        monkeypatch.setattr(function, "__defaults__", (9_000,))
    monkeypatch.setattr(pieces, "PIECE_BYTES", 9_000)
    many = [{**row, "id": str(number * 100 + at)} for number in range(1, 5) for at, row in enumerate(ucdp_rows())]
    many[70]["date_start"] = "the day before"
    path = write_sheet(tmp_path / "many.csv", many)
    planned = tocsin("publish", path, *AS, "--dry-run", "--json").document
    assert planned["plans"][0]["records"] == 79
    assert [one["row"] for one in planned["refused"]] == [71]
    done = tocsin("publish", path, *AS, "--json")
    assert (done.code, done.document["sent"], done.document["outcomes"]["new"]) == (1, 79, 79)
    assert "80 rows" in tocsin("publish", path, *AS, "--dry-run").err
    assert tocsin("publish", path, *AS, "--json").document["outcomes"]["unchanged"] == 79
    low = tocsin("publish", path, *AS, "--label", "COALITION UNCLASSIFIED", "--json").document
    assert low["sent"] == 0


# --- a compromised key ---


def test_what_is_lost_with_a_stolen_key_comes_back_with_the_same_command(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    tocsin.ok("publish", str(UCDP), *AS)
    everything = refs(tocsin)
    key = next(one["key_id"] for one in tocsin.items("key", "ls") if one["agency"] == "alpha")
    tocsin.ok("key", "revoke", key, "--compromised-since", "2020-01-01")
    assert refs(tocsin) == set()
    tocsin.ok("key", "new", "alpha")
    again = tocsin.json("publish", str(UCDP), *AS)
    assert (again["sent"], again["outcomes"]["amended"]) == (len(everything), len(everything))
    assert f"{len(everything)} records of alpha are lost with a compromised key" in caplog.text
    assert refs(tocsin) == everything
    caplog.clear()
    assert tocsin.json("publish", str(UCDP), *AS)["sent"] == 0
    assert "compromised" not in caplog.text
