"""`convert` and `publish`: formats are found, bad rows are named, nothing is doubled."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.support.command_line import Done, Tocsin
from tests.support.samples import UCDP, ucdp_rows, write_sheet

DATA = Path(__file__).resolve().parents[1] / "data"
SHEET = DATA / "insecurity_insight" / "education_2023-11-20.json"
AS = ("--as", "alpha", "--feed", "reports")


def test_convert_is_offline_and_accounts_for_every_cell(tmp_path: Path) -> None:
    offline = Tocsin(tmp_path / "nowhere")
    rows = ucdp_rows()
    document = offline.json("convert", "ucdp_ged", str(UCDP))
    loss = document["loss"]
    assert loss["mapped"] + loss["defaulted"] + loss["dropped"] == len(rows) * len(rows[0])
    assert len(document["drafts"]) + len(document["refused"]) == len(rows)
    plain = offline.ok("convert", "ucdp_ged", str(UCDP))
    assert plain.items == document["drafts"]
    assert f"{len(rows)} rows" in plain.err
    assert not (tmp_path / "nowhere").exists()


def test_the_format_is_found_where_one_fits(tocsin: Tocsin) -> None:
    assert tocsin.json("publish", str(UCDP), *AS)["format"] == "ucdp_ged"
    assert tocsin.json("publish", str(SHEET), *AS)["format"] == "table"


def test_an_adapter_that_raises_stops_no_other(tocsin: Tocsin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "class Broken:\n    name, title, reads, writes, licence, options = 'broken', 't', ('text/csv',), (), 'l', {}\n"
        "    def translate(self, data, options=None):\n        return data['no such key']\nADAPTER = Broken()\n"
    )
    (tmp_path / "partners_broken.py").write_text(code)
    installed = tmp_path / "partners_broken-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: partners-broken\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[tocsin.adapters]\nbroken = partners_broken:ADAPTER\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert tocsin.json("publish", str(UCDP), *AS)["format"] == "ucdp_ged"
    other = tmp_path / "other.txt"
    other.write_text("nothing that is known")
    assert "broken: broken, TypeError" in tocsin("publish", str(other), *AS).err


def test_a_file_of_no_format_publishes_nothing(tocsin: Tocsin, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear colleague,\n\nno table at all.\n")
    unknown = tocsin("publish", str(path), *AS)
    assert (unknown.code, unknown.out) == (2, "")
    assert "--format" in unknown.err
    named = tocsin("publish", str(path), *AS, "--format", "ucdp_ged")
    assert (named.code, named.out) == (2, "")
    assert "expected" in named.err
    assert tocsin("publish", str(path), *AS, "--format", "no_such").code == 1
    assert tocsin.json("run", "--until-idle")["submissions"] == 0


def test_one_bad_row_publishes_the_others_and_says_so(tocsin: Tocsin, tmp_path: Path) -> None:
    rows = ucdp_rows()
    rows[2]["date_start"] = "the day before yesterday"
    path = write_sheet(tmp_path / "one_bad.csv", rows)
    done = tocsin("publish", path, *AS)
    assert done.code == 1
    assert f"{len(rows) - 1} new, 1 refused" in done.out
    assert "row 3" in done.err
    assert "date_start" in done.err
    assert "the day before yesterday" not in done.err
    listed = tocsin("publish", path, *AS, "--json")
    assert listed.code == 1
    (refused,) = listed.document["refused"]
    assert (refused["row"], refused["field"]) == (3, "date_start")
    assert refused["reason"]
    assert refused["remedy"]
    assert listed.document["sent"] == 0  # the others are there


def test_files_that_can_not_be_read_are_unreadable_input(tocsin: Tocsin, tmp_path: Path) -> None:
    for name in (str(tmp_path / "absent.csv"), str(tmp_path), "a\0b"):
        done = tocsin("publish", name, *AS)
        assert (done.code, done.out) == (2, "")
        assert "can't be read" in done.err


def test_standard_input_is_a_file_too(tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BytesIO(UCDP.read_bytes())

    monkeypatch.setattr(sys, "stdin", Piped())
    assert tocsin.json("publish", "-", *AS)["sent"] == len(ucdp_rows())


def test_who_would_see_it_is_said_before_it_is_sent(tocsin: Tocsin) -> None:
    plan = tocsin.json("publish", str(UCDP), *AS, "--dry-run")["plans"]
    assert plan == [{"records": 20, "label": "COALITION UNCLASSIFIED//PUBLIC", "readers": ["alpha", "beta"]}]
    narrow = tocsin.ok("publish", str(UCDP), *AS, "--dry-run", "--label", "COALITION UNCLASSIFIED//REL TO BETA").out
    assert "readers: beta\n" in narrow
    tocsin.ok("agency", "clearance", "beta", "--realm", "REAL", "--realm", "VIGIL")
    exercise = tocsin.json("publish", str(UCDP), *AS, "--dry-run", "--exercise", "VIGIL")["plans"]
    assert exercise[0]["label"].endswith("//EXERCISE VIGIL")
    assert exercise[0]["readers"] == ["beta"]
    bad = tocsin("publish", str(UCDP), *AS, "--dry-run", "--label", "COALITION COSMIC")
    assert bad.code == 1
    assert "BAD_LABEL" in bad.err
    assert tocsin.json("run", "--until-idle")["submissions"] == 0


def test_a_label_below_a_floor_that_rose_meanwhile_is_refused_by_the_bus_with_its_reason(tocsin: Tocsin) -> None:
    tocsin.ok("publish", str(UCDP), *AS)
    raised = "COALITION RESTRICTED//REL TO ALPHA"
    tocsin.ok("agency", "feed", "alpha", "reports", "--floor", raised, "--default-label", raised)
    tocsin.ok("run", "--until-idle")
    rejected = tocsin.items("receipts", "ls", "--as", "alpha", "--rejected")
    assert {one["reason"] for one in rejected} == {"LABEL_BELOW_FLOOR"}
    listed = tocsin.items("quarantine", "ls", "--reason", "LABEL_BELOW_FLOOR")
    assert len(listed) == len(rejected) == len(ucdp_rows())
    one = tocsin.json("quarantine", "show", listed[0]["id"])
    assert one == listed[0]
    assert one["remedy"]
    assert one["payload_type"]


@pytest.mark.parametrize(
    ("words", "code", "word"),
    [
        (("publish", str(UCDP), "--as", "gamma", "--feed", "reports"), 1, "agency ls"),
        (("publish", str(UCDP), "--as", "../x", "--feed", "reports"), 1, "agency"),
        (("publish", str(UCDP), *AS, "--mapping", "ii_education"), 2, "does not fit"),
        (("publish", str(SHEET), *AS, "--mapping", "no_such_mapping", "--format", "table"), 2, "mapping"),
        (("publish", str(SHEET), *AS, "--option", "nonsense"), 2, "NAME=VALUE"),
        (("publish", str(SHEET), *AS, "--option", "mapping=own.toml"), 2, "--mapping own.toml"),
        (("publish", "--watch", "no such folder", *AS), 2, "can't be read"),
        (("publish", str(SHEET), *AS, "--option", "x=y", "--format", "table"), 2, "option"),
        (("publish", str(SHEET), *AS, "--exercise", "not valid"), 1, "exercise"),
    ],
)
def test_what_makes_no_sense_is_said_so(tocsin: Tocsin, words: tuple[str, ...], code: int, word: str) -> None:
    done: Done = tocsin(*words)
    assert done.code == code, done
    assert word in done.err
    assert "watching" not in done.err
    assert "a bug of" not in done.err


def test_json_is_whole_whatever_a_partner_writes(tocsin: Tocsin, tmp_path: Path) -> None:
    rows = ucdp_rows()[:1]
    rows[0]["where_coordinates"] = "الفاشر \x1b[31m\u202eevil"
    tocsin.ok("publish", write_sheet(tmp_path / "odd.csv", rows), *AS)
    tocsin.ok("run", "--until-idle")
    (ref,) = [one["ref"] for one in tocsin.items("events", "ls", "--as", "beta")]
    shown = tocsin.ok("events", "show", ref, "--as", "beta")
    assert "\x1b" not in shown.out
    assert "\u202e" not in shown.out
    assert "\\x1b[31m\\u202eevil" in shown.out
    assert "الفاشر" in shown.out
    raw = tocsin.ok("events", "show", ref, "--as", "beta", "--json").out
    assert raw.isascii()
    assert "الفاشر \x1b[31m\u202eevil" in json.dumps(json.loads(raw), ensure_ascii=False).replace("\\u001b", "\x1b")


def test_a_feed_that_the_agency_does_not_have_is_named_with_those_it_has(tocsin: Tocsin) -> None:
    for act in (("publish", str(UCDP)), ("heartbeat",)):
        done = tocsin(*act, "--as", "alpha", "--feed", "rumours")
        assert done.code == 1
        assert "no feed rumours; it has: reports" in done.err
        assert "tocsin agency feed alpha rumours" in done.err


def test_what_is_wrong_with_every_row_is_said_once(tocsin: Tocsin) -> None:
    done = tocsin("publish", str(UCDP), *AS, "--label", "COALITION SECERT")
    assert done.code == 1
    assert done.err.count("BAD_LABEL") == 1
    assert done.err.startswith("nothing is sent: BAD_LABEL")
    assert "COALITION UNCLASSIFIED | RESTRICTED" in done.err
    rehearsed = tocsin("publish", str(UCDP), *AS, "--label", "COALITION SECERT", "--dry-run", "--json")
    assert rehearsed.code == 1
    assert json.loads(rehearsed.out)["refused"][0]["reason"] == "BAD_LABEL"


def test_an_option_that_no_format_has_and_a_forgotten_mapping_are_wrong_usage(tocsin: Tocsin, tmp_path: Path) -> None:
    done = tocsin("publish", str(UCDP), *AS, "--option", "maping=x")
    assert (done.code, "options: maping" in done.err) == (2, True)
    sheet = tmp_path / "own.csv"
    sheet.write_text("Nr;Ort\n1;Kass\n", "utf-8")
    done = tocsin("publish", str(sheet), *AS)
    assert (done.code, "adapters/README.md" in done.err) == (2, True)


def test_a_rehearsal_tells_what_the_mapping_leaves_behind(tocsin: Tocsin) -> None:
    assert f"{len(ucdp_rows())} rows x" in tocsin.ok("publish", str(UCDP), *AS, "--dry-run").err


def test_a_mapping_of_another_sheet_is_told_as_that(tocsin: Tocsin) -> None:
    done = tocsin("publish", str(UCDP), *AS, "--mapping", "ii_education")
    assert (done.code, "the mapping does not fit" in done.err) == (2, True)


def test_what_nobody_can_read_is_said_before_and_after(tocsin: Tocsin) -> None:
    secret = ("publish", str(UCDP), *AS, "--label", "COALITION SECRET//REL TO NOBODY")
    assert "nobody reads it" in tocsin.ok(*secret, "--dry-run").err
    assert "nobody reads it" in tocsin.ok(*secret).err
    assert "nobody reads it" not in tocsin.ok(*secret).err


def test_a_label_below_the_floor_is_told_before_anything_is_sent(tocsin: Tocsin) -> None:
    tocsin.ok("agency", "feed", "alpha", "strict", "--floor", "COALITION SECRET//REL TO ALPHA")
    low = ("publish", str(UCDP), "--as", "alpha", "--feed", "strict", "--label", "COALITION UNCLASSIFIED//PUBLIC")
    for more in ((), ("--dry-run",)):
        done = tocsin(*low, *more, "--json")
        assert (done.code, done.document["refused"][0]["reason"]) == (1, "LABEL_BELOW_FLOOR")
    assert tocsin.json("publish", str(UCDP), "--as", "alpha", "--feed", "strict")["sent"] == len(ucdp_rows())


def test_what_was_retracted_is_told_with_the_way_back(tocsin: Tocsin) -> None:
    tocsin.ok("publish", str(UCDP), *AS)
    tocsin.ok("retract", f"ucdp-ged:{ucdp_rows()[0]['id']}", "--as", "alpha", "--reason", "ERROR")
    assert "--reinstate" in tocsin.ok("publish", str(UCDP), *AS).err
