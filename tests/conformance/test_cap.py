"""CAP: what Google's CAP library asserts of its files, and each rule on a file of its own that breaks it alone."""

import csv
from pathlib import Path

import pytest

from adapters.cap import ADAPTER
from adapters.cap.rules import REMARKS, Rule
from adapters.translation import Translation
from tests.support.samples import DATA, SHARED

COPIED = DATA / "cap"
RULES = DATA / "cap_rules"
UNASSERTED = {
    "canada_errors.cap": "accept",  # an Update of nothing: remarked upon, since the warning stands all the same
    "noaa_errors.cap": "reject",  # no urgency, severity or certainty, which the schema demands
    "weather_invalid.atom": "reject",  # a comma in an identifier, which references could not name
}
"""Where the library asserts nothing, and the answer is not plainly `accept`."""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def verdict(found: Translation) -> str:
    if not found.refused:
        return "accept"
    return "partial" if found.drafts else "reject"


def wanted(file: str, asserted: str) -> str:
    return asserted if asserted != "none" else UNASSERTED.get(Path(file).name, "accept")


@pytest.mark.parametrize("row", rows(COPIED / "verdicts.csv"), ids=lambda row: row["file"])
def test_a_copied_file_has_the_verdict_of_its_owner(row: dict[str, str]) -> None:
    found = ADAPTER.translate((COPIED / row["file"]).read_bytes())
    assert verdict(found) == wanted(row["file"], row["verdict"]), [str(one) for one in found.refused]


def test_every_file_of_the_inventory_has_the_verdict_of_its_owner() -> None:
    folder = SHARED / "cap"
    if not folder.is_dir():
        pytest.skip("no ../shared/data/cap beside the project")
    wrong = {}
    listed = rows(folder / "cap_inventory.csv")
    for row in listed:
        found = ADAPTER.translate((folder / row["file"]).read_bytes())
        if verdict(found) != wanted(row["file"], row["verdict"]):
            wrong[row["file"]] = [str(one) for one in found.refused]
    assert listed
    assert not wrong


@pytest.mark.parametrize("row", rows(RULES / "cases.csv"), ids=lambda row: row["file"])
def test_a_file_breaks_the_rule_that_it_is_made_for_and_no_other(row: dict[str, str]) -> None:
    options = {"profile": row["profile"]} if row["profile"] else {}
    found = ADAPTER.translate((RULES / row["file"]).read_bytes(), options)
    assert verdict(found) == row["verdict"], [str(one) for one in found.refused]
    remarked = {note.partition(":")[0] for note, _ in found.loss.notes} & set(Rule)
    broken = {one.rule for one in found.refused if one.rule} or remarked
    assert broken == ({row["rule"]} if row["rule"] else set())
    for one in found.refused:
        assert one.expected
        assert one.remedy


def test_every_rule_has_a_file() -> None:
    shown = {row["rule"] for row in rows(RULES / "cases.csv")} | {
        refused.rule
        for row in rows(COPIED / "verdicts.csv")
        for refused in ADAPTER.translate((COPIED / row["file"]).read_bytes()).refused
    }
    assert set(Rule) - shown == {Rule.TOO_MANY_TAGS}  # a file of half a million tags is made by the test of xml_tree


def test_a_remark_refuses_nothing() -> None:
    for row in rows(RULES / "cases.csv"):
        if row["rule"] in REMARKS:
            assert row["verdict"] == "accept", row["file"]


@pytest.mark.parametrize(
    ("file", "row", "line", "place"),
    [
        ("bushfire_invalid.edxlde", 2, 94, "/contentObject[2]/xmlContent/embeddedXMLContent/alert"),
        ("bushfire_invalid.edxlde", 3, 115, "/contentObject[3]/xmlContent/embeddedXMLContent/alert/info/urgency"),
        ("invalid.cap", 1, 9, "/alert/info"),
        ("invalid_element.atom", 0, 5, "/feed/foo"),
        ("noaa_errors.cap", 1, 17, "/alert/info/urgency"),
        ("weather_invalid.atom", 1, 28, "/feed/entry/content/alert/identifier"),
        ("xee.cap", 0, 3, ""),
    ],
)
def test_a_refusal_names_the_line_and_the_path(file: str, row: int, line: int, place: str) -> None:
    found = ADAPTER.translate((COPIED / file).read_bytes())
    refused = next(one for one in found.refused if one.row == row)
    assert refused.line == line
    assert refused.field.endswith(place)


def test_what_stood_there_is_never_said() -> None:
    for path in (*RULES.glob("*.cap"), COPIED / "noaa_errors.cap", COPIED / "bushfire_invalid.edxlde"):
        for refused in ADAPTER.translate(path.read_bytes()).refused:
            assert "Foobar" not in str(refused)
            assert "warnings@example.org" not in str(refused)
            assert "Armed" not in str(refused)
