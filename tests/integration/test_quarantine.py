"""The quarantine: what was refused is judged anew, sent again byte for byte, or dropped; and nothing loops."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.log.faults import LogDiskError
from bus.log.protocol import Log, NewRecord
from bus.log.sqlite.reader import SqliteReader
from bus.operate.quarantine import Choice, Rejected, acts
from bus.operate.quarantine.choice import Chosen, choose
from tests.support.command_line import Tocsin
from tests.support.samples import UCDP

OPEN = "COALITION UNCLASSIFIED//PUBLIC"
HIGH = "COALITION RESTRICTED//REL TO ALPHA"
SUBMISSIONS, REJECTED = "submissions.alpha", "rejected.alpha"
RUN = ("run", "--until-idle")


def floor(tocsin: Tocsin, label: str) -> None:
    tocsin.ok("agency", "feed", "alpha", "reports", "--floor", label, "--default-label", label)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    """Three records of alpha, refused since the feed's floor rose before they were judged."""
    folder = tmp_path_factory.mktemp("refused")
    bus = Tocsin(folder / "home")
    bus.ok("init", "--agency", "alpha")
    sheet = folder / "sheet.csv"
    sheet.write_text("".join(UCDP.read_text("utf-8").splitlines(keepends=True)[:4]), "utf-8")
    bus.ok("publish", str(sheet), "--as", "alpha", "--feed", "reports", "--label", OPEN)
    floor(bus, HIGH)
    bus.ok(*RUN)
    return bus


@pytest.fixture
def tocsin(refused: Tocsin, tmp_path: Path) -> Tocsin:
    return refused.copy(tmp_path)


def values(tocsin: Tocsin, topic: str) -> list[bytes]:
    with tocsin.log() as log:
        return [record.value for record in log.read(topic)]


def ends(tocsin: Tocsin) -> dict[str, int]:
    with tocsin.log() as log:
        return {topic.name: topic.end for topic in log.describe().topics}


def states(tocsin: Tocsin) -> list[str]:
    return [one["state"] for one in tocsin.items("quarantine", "ls", "--all")]


def test_a_dry_run_judges_by_what_holds_now_and_writes_nothing(tocsin: Tocsin) -> None:
    before = ends(tocsin)
    done = tocsin("quarantine", "retry", "--all", "--dry-run", "--json")
    assert done.code == 1
    assert [(one["outcome"], one["refused"]["reason"], one["sent"]) for one in done.items] == [
        ("REFUSED", "LABEL_BELOW_FLOOR", False)
    ] * 3
    assert ends(tocsin) == before
    floor(tocsin, OPEN)
    before = ends(tocsin)
    outcomes = tocsin.items("quarantine", "retry", "--all", "--dry-run")
    assert [(one["outcome"], one["refused"], one["sent"]) for one in outcomes] == [("ACCEPTED", None, False)] * 3
    said = tocsin.ok("quarantine", "retry", "--agency", "alpha", "--dry-run").out
    assert "3 would be accepted\nnothing is sent: a dry run\n" in said
    assert ends(tocsin) == before


def test_a_retry_sends_the_very_bytes_and_they_are_accepted(tocsin: Tocsin) -> None:
    floor(tocsin, OPEN)
    assert "3 sent again" in tocsin.ok("quarantine", "retry", "--reason", "LABEL_BELOW_FLOOR").out
    assert values(tocsin, SUBMISSIONS)[3:] == values(tocsin, REJECTED)
    assert states(tocsin) == ["RETRIED"] * 3
    assert tocsin.items("quarantine", "ls") == []
    assert tocsin.json(*RUN)["accepted"] == 3
    assert len(tocsin.items("events", "ls", "--as", "alpha")) == 3
    assert tocsin.items("quarantine", "retry", "--all") == [], "nothing is offered twice"


def test_what_would_be_refused_again_is_not_sent_and_forced_only_once(tocsin: Tocsin) -> None:
    """The loop guard: a retry of a retry for the same reason needs force each time."""
    assert tocsin("quarantine", "retry", "--all").code == 1
    assert ends(tocsin)[SUBMISSIONS] == 3
    tocsin.ok("quarantine", "retry", "alpha/0", "--force")
    tocsin.ok(*RUN)
    assert states(tocsin) == ["RETRIED", "OPEN", "OPEN", "STUCK"]
    floor(tocsin, OPEN)
    done = tocsin("quarantine", "retry", "--all", "--json")
    assert done.code == 1
    assert {one["id"]: (one["outcome"], one["sent"]) for one in done.items} == {
        "alpha/1": ("ACCEPTED", True),
        "alpha/2": ("ACCEPTED", True),
        "alpha/3": ("STUCK", False),
    }
    floor(tocsin, HIGH)
    tocsin.ok("quarantine", "retry", "alpha/3", "--force")
    tocsin.ok(*RUN)
    assert states(tocsin)[-1] == "STUCK", "the retry of a retry counts"


def test_refused_again_for_another_reason_is_no_loop(tocsin: Tocsin) -> None:
    tocsin.ok("quarantine", "retry", "alpha/0", "--force")
    tocsin.ok("agency", "suspend", "alpha")
    tocsin.ok(*RUN)
    tocsin.ok("agency", "suspend", "alpha", "--end")
    last = tocsin.items("quarantine", "ls")[-1]
    assert (last["reason"], last["state"]) == ("KEY_NOT_VALID", "OPEN")
    floor(tocsin, OPEN)
    tocsin.ok("quarantine", "retry", last["id"])
    assert tocsin.json(*RUN)["accepted"] == 1


def test_the_same_bytes_in_several_rows_are_sent_once(tocsin: Tocsin) -> None:
    with tocsin.log() as log:
        again = [NewRecord(SUBMISSIONS, one.key, one.value) for one in log.read(SUBMISSIONS)]
        log.append(SUBMISSIONS, [*again, *again])
    tocsin.ok(*RUN)
    assert states(tocsin) == ["OPEN"] * 9, "whoever publishes twice is not the operator"
    floor(tocsin, OPEN)
    assert len(tocsin.items("quarantine", "retry", "--all")) == 3
    assert states(tocsin) == ["RETRIED"] * 9
    assert tocsin.json(*RUN)["submissions"] == 3


def test_what_was_accepted_meanwhile_has_no_second_effect(tocsin: Tocsin) -> None:
    floor(tocsin, OPEN)
    with tocsin.log() as log:
        log.append(SUBMISSIONS, [NewRecord(SUBMISSIONS, one.key, one.value) for one in log.read(REJECTED, 0, 1)])
    tocsin.ok(*RUN)
    outcomes = tocsin.items("quarantine", "retry", "--all")
    assert [one["outcome"] for one in outcomes] == ["KNOWN", "ACCEPTED", "ACCEPTED"]
    done = tocsin.json(*RUN)
    assert (done["accepted"], done["repeated"], done["rejected"]) == (2, 1, 0)
    assert tocsin.items("quarantine", "ls") == []


def test_a_dry_run_knows_what_the_rows_before_would_have_changed(founded: Tocsin, tmp_path: Path) -> None:
    """Two bodies under one revision, of a publisher that lost its memory: only the first can be accepted."""
    tocsin, rows = founded.copy(tmp_path), UCDP.read_text("utf-8").splitlines(keepends=True)[:2]
    for number, text in enumerate((rows[1], rows[1].replace("Bakhtar News", "Bakhtar"))):
        (tmp_path / "sheet.csv").write_text(rows[0] + text, "utf-8")
        tocsin.ok("publish", str(tmp_path / "sheet.csv"), "--as", "alpha", "--feed", "reports", "--label", OPEN)
        if number == 0:
            for file in (tocsin.home / "agencies" / "alpha").iterdir():
                file.unlink()
    floor(tocsin, HIGH)
    tocsin.ok(*RUN)
    floor(tocsin, OPEN)
    outcomes = [
        (one["outcome"], one["refused"] and one["refused"]["reason"])
        for one in tocsin("quarantine", "retry", "--all", "--dry-run", "--json").items
    ]
    assert outcomes == [("ACCEPTED", None), ("REFUSED", "ID_CONFLICT")]
    tocsin.ok("quarantine", "retry", "--all", "--force")
    done = tocsin.json(*RUN)
    assert (done["accepted"], done["rejected"]) == (1, 1)


def test_one_poison_message_stops_nothing(tocsin: Tocsin) -> None:
    with tocsin.log() as log:
        log.append(SUBMISSIONS, [NewRecord(SUBMISSIONS, b"\xff", bytes([255]) * size) for size in (0, 7, 300_000)])
    tocsin.ok(*RUN)
    floor(tocsin, OPEN)
    done = tocsin("quarantine", "retry", "--all", "--json")
    assert [one["outcome"] for one in done.items] == ["ACCEPTED"] * 3 + ["REFUSED"] * 3
    assert tocsin.json(*RUN)["accepted"] == 3
    tocsin.ok("quarantine", "retry", "--all", "--force")
    assert tocsin.json(*RUN)["rejected"] == 3
    assert [one["state"] for one in tocsin.items("quarantine", "ls")] == ["STUCK"] * 3


def test_what_is_dropped_is_told_to_the_auditors_and_its_bytes_stay(tocsin: Tocsin) -> None:
    before = values(tocsin, REJECTED)
    said = tocsin.ok("quarantine", "drop", "alpha/1", "--because", "published twice by mistake").out
    assert said.startswith("1 dropped")
    assert states(tocsin) == ["OPEN", "DROPPED", "OPEN"]
    assert values(tocsin, REJECTED) == before
    assert len(values(tocsin, "audit")) == 1
    floor(tocsin, OPEN)
    assert [one["id"] for one in tocsin.items("quarantine", "retry", "--all")] == ["alpha/0", "alpha/2"]
    done = tocsin("quarantine", "retry", "alpha/1", "--json")
    assert (done.code, done.items[0]["outcome"]) == (1, "SETTLED")
    tocsin.ok("quarantine", "retry", "alpha/1", "--force")
    assert tocsin.json(*RUN)["accepted"] == 3


def test_a_fault_in_the_middle_neither_loses_nor_doubles(tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, calls = SqliteReader.commit, []

    def failing(self: SqliteReader, *args: Any) -> None:
        calls.append(self.owner)
        if len(calls) == 2:
            raise LogDiskError("the disk failed", "Try again.")
        commit(self, *args)
        if len(calls) == 4:  # done, but who asked never hears it
            raise LogDiskError("the disk failed", "Try again.")

    floor(tocsin, OPEN)
    monkeypatch.setattr(acts, "CHUNK", 1)
    with monkeypatch.context() as patch:
        patch.setattr(SqliteReader, "commit", failing)
        assert len(tocsin.items("quarantine", "retry", "--all")) == 3
    assert calls == ["quarantine"] * 4
    assert values(tocsin, SUBMISSIONS)[3:] == values(tocsin, REJECTED)
    assert len(values(tocsin, "audit")) == 3


def test_two_operators_at_once_send_once(tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    floor(tocsin, OPEN)
    before = len(values(tocsin, SUBMISSIONS))

    def choosing(log: Log, agency: str, choice: Choice) -> tuple[Chosen, Iterator[tuple[Rejected, bytes]]]:
        chosen, rows = choose(log, agency, choice)
        found = list(rows)
        if agency == "alpha":
            monkeypatch.undo()
            tocsin.ok("quarantine", "retry", "--all")
        return chosen, iter(found)

    monkeypatch.setattr(acts, "choose", choosing)
    tocsin.ok("quarantine", "retry", "--all")
    sent = values(tocsin, SUBMISSIONS)[before:]
    assert len(sent) == len(set(sent)) > 0


def test_the_list_is_bounded_and_the_histogram_counts_all(tocsin: Tocsin) -> None:
    with tocsin.log() as log:
        log.append(SUBMISSIONS, [NewRecord(SUBMISSIONS, b"reports", bytes([number])) for number in range(40)])
    tocsin.ok(*RUN)
    done = tocsin.ok("quarantine", "ls")
    assert "the last 30 of 43" in done.err
    assert len([line for line in done.out.splitlines() if line.startswith("alpha/")]) == 30
    lines = tocsin.items("quarantine", "ls", "--summary")
    assert [(one["agency"], one["reason"], one["times"], one["waiting"]) for one in lines] == [
        ("alpha", "BAD_FRAME", 40, 40),
        ("alpha", "LABEL_BELOW_FLOOR", 3, 3),
    ]
    assert all(one["first_at"] <= one["last_at"] for one in lines)
    assert len(tocsin.items("quarantine", "ls")) == 43
    assert len(tocsin.items("quarantine", "ls", "--last", "2")) == 2
    tocsin.ok("quarantine", "drop", "--reason", "BAD_FRAME", "--because", "a test of theirs")
    assert [one["waiting"] for one in tocsin.items("quarantine", "ls", "--summary", "--all")] == [3, 0]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("retry",), 2),
        (("retry", "alpha/0", "--all"), 2),
        (("retry", "alpha/99"), 1),
        (("retry", "alpha/0", "beta/1"), 1),
        (("retry", "--agency", "nobody"), 1),
        (("drop", "alpha/99", "--because", "x"), 1),
        (("drop", "alpha/0"), 2),
        (("ls", "--last", "-1"), 2),
    ],
)
def test_what_makes_no_sense_does_nothing(refused: Tocsin, words: tuple[str, ...], code: int) -> None:
    before = ends(refused)
    assert refused("quarantine", *words).code == code
    assert ends(refused) == before
