"""With `--json` a fault is a document too, on stdout; without it stdout stays empty, and stderr says the same."""

import json
import os
from pathlib import Path

import pytest

from bus.cli import events, receipts
from bus.errors import TocsinError
from tests.support.command_line import Tocsin

FIELDS = {"error", "advice", "retriable", "exit"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("events", "ls"), 2),  # --as is missing
        (("no-such-command",), 2),
        (("retract", "a", "--as", "alpha", "--reason", "WHIM"), 2),
        (("agency",), 2),  # a group alone
        ((), 2),
        (("events", "ls", "--as", "nobody"), 1),
        (("convert", "table", "no such file"), 2),
        (("events", "show", "none", "--as", "alpha"), 1),
    ],
)
def test_what_goes_wrong_is_one_document_with_stable_fields(founded: Tocsin, words: tuple[str, ...], code: int) -> None:
    plain = founded(*words)
    assert (plain.code, plain.out) == (code, "")
    done = founded(*words, "--json")
    assert done.code == code
    assert done.document.keys() == FIELDS
    assert done.document["exit"] == code
    assert done.document["error"] in done.err
    assert done.err == plain.err


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("alerts", "ls", "--as", "alpha", "--closed"), "usage: tocsin alerts ls "),
        (("pubish",), "Did you mean `tocsin publish`? `tocsin --help` lists them."),
        (("alerts", "wach"), "Did you mean `tocsin alerts watch`? `tocsin alerts --help` lists them."),
        (("xyzzy",), "`tocsin --help` lists them."),
    ],
)
def test_a_slip_is_answered_with_the_usage_of_the_command_or_the_one_that_was_meant(
    founded: Tocsin, words: tuple[str, ...], advice: str
) -> None:
    done = founded(*words, "--json")
    assert done.code == 2
    assert done.document["advice"].startswith(advice)


def test_no_home_is_a_document_too(tmp_path: Path) -> None:
    done = Tocsin(tmp_path / "none")("status", "--json")
    assert (done.code, done.document["exit"], done.document["retriable"]) == (2, 2, False)
    assert "tocsin init" in done.document["advice"]


class TriedLaterError(TocsinError):
    retriable = True


@pytest.mark.parametrize(
    ("fault", "said", "words"),
    [
        (TriedLaterError("the disk is full", "Make room."), (3, True), "the disk is full"),
        (ZeroDivisionError("a secret"), (3, False), "a bug of Tocsin: ZeroDivisionError"),
        (KeyboardInterrupt(), (130, True), "stopped"),
    ],
)
def test_our_own_trouble_says_whether_again_helps_and_repeats_no_value(
    founded: Tocsin, monkeypatch: pytest.MonkeyPatch, fault: BaseException, said: tuple[int, bool], words: str
) -> None:
    def failing(*_: object) -> None:
        raise fault

    monkeypatch.setattr(receipts, "opened", failing)
    done = founded("receipts", "ls", "--as", "alpha", "--json")
    assert (done.document["exit"], done.document["retriable"]) == said
    assert done.code == said[0]
    assert words in done.document["error"]
    assert "secret" not in done.out + done.err


def test_a_list_that_breaks_off_ends_with_the_fault(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = Path(__file__).resolve().parents[1] / "data" / "ucdp_ged" / "ged_v23.1_slice.csv"
    tocsin.ok("publish", os.fspath(data), "--as", "alpha", "--feed", "reports")
    tocsin.ok("run", "--until-idle")
    whole = tocsin.items("events", "ls", "--as", "alpha")
    count = 0

    def failing(*given: object) -> dict[str, object]:
        nonlocal count
        count += 1
        if count == 3:
            raise TriedLaterError("the disk failed", "Try again.")
        return {"ref": count}

    monkeypatch.setattr(events, "_json", failing)
    done = tocsin("events", "ls", "--as", "alpha", "--json")
    assert done.code == 3
    assert len(whole) > 3
    items = [json.loads(line) for line in done.out.splitlines()]
    assert [one.get("ref") for one in items] == [1, 2, None]
    assert items[-1].keys() == FIELDS
