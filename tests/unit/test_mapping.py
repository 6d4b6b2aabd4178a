"""Mapping files: what is understood, and how a wrong one is told."""

from pathlib import Path

import pytest

from adapters import Code
from adapters.table import ADAPTER
from adapters.table.library import MappingError, find, parse, shipped, shipped_mapping
from adapters.table.mapping import Mapping, merged
from adapters.table.plan import recognised
from tests.support.samples import slices

LEAST = """
format = "fire-watch"
title = "Sheet of the fire watch"
default_type = "hazard.fire"

[id]
column = "No"
public = "fire-watch"

[when]
column = "Day"

[source]
discipline = "FIELD"
"""


def wrong(change: str, was: str = "") -> str:
    """The message for the least mapping with a line added, or put in the place of another."""
    text = LEAST.replace(was, change) if was else change + LEAST
    with pytest.raises(MappingError) as raised:
        parse(text)
    assert raised.value.advice
    return str(raised.value)


def test_the_least_mapping_names_an_id_a_day_and_the_source() -> None:
    mapping = parse(LEAST)
    assert mapping.id.column == ("No",)
    assert mapping.when.month_text == "widen"


def test_the_example_of_the_readme_is_a_mapping() -> None:
    readme = (Path(__file__).resolve().parents[2] / "adapters" / "README.md").read_text("utf-8")
    example = readme.partition("```toml\n")[2].partition("```")[0]
    header = "No,Day,Lat,Lon,Accuracy,Country,What,What happened,Dead"
    sheet = f"{header}\n17,18/02/2024,13.5,25.3,village,Sudan,fire,\u062d\u0631\u064a\u0642,0\n"
    found = ADAPTER.translate(sheet.encode(), {"mapping": example})
    assert [(d.id, d.body["type"], d.body["where"]["countries"]) for d in found.drafts] == [
        ("fire-watch:17", "destruction.burning", ["SDN"])
    ]
    assert not found.loss.dropped


def test_the_readme_lists_every_shipped_mapping_and_every_key() -> None:
    readme = (Path(__file__).resolve().parents[2] / "adapters" / "README.md").read_text("utf-8")
    for name in (*shipped(), *Mapping.model_fields, *Code):
        assert name in readme, name


def test_every_shipped_mapping_is_one() -> None:
    assert len(shipped()) == 7
    assert all(shipped_mapping(name).title for name in shipped())
    assert find("ii_education") is shipped_mapping("ii_education")
    assert not any(name.startswith("_") for name in shipped())


def test_a_sheet_is_recognised_by_one_shipped_mapping_only() -> None:
    for path in slices("insecurity_insight"):
        names = path.read_text("utf-8").partition("\n")[0] if path.suffix == ".csv" else path.read_text("utf-8")
        columns = (
            names.split(",") if path.suffix == ".csv" else [part for part in names.split('"') if part.strip(" :,")]
        )
        assert sum(recognised(shipped_mapping(name), list(dict.fromkeys(columns))) for name in shipped()) == 1, (
            path.name
        )


@pytest.mark.parametrize(
    ("change", "was", "place"),
    [
        ('colour = "red"\n', "", "mapping: colour: expected no field of this name"),
        ("", 'column = "No"\n', "mapping: id.column: expected this field"),
        (
            'default_type = "violence.nonsense"',
            'default_type = "hazard.fire"',
            "default_type: expected a code of the taxonomy",
        ),
        ('discipline = "GOSSIP"', 'discipline = "FIELD"', "source.discipline: expected one of"),
        ('column = "Day"\nzone = "Mars/Olympus"', 'column = "Day"', "when.zone: expected a time zone"),
        *(
            (f'column = "Day"\nformat = "{form}"', 'column = "Day"', "when.format: expected `iso`, or a day")
            for form in ("%d/%d/%Y", "%m/%Y", "%Q", "%", "day")
        ),
        ("rule = [{ when = [{ column = 'A' }] }]\n", "", "rule[0].when[0]: expected either contains or positive"),
        ("rule = [{ when = [] }]\n", "", "rule[0].when: expected at least 1 items"),
        ("precision = [{ contains = 'gps', km = 0.1 }]\n", "", "precision[0].km: expected at least 1.0"),
        ("count = [{ what = 'KILLED' }]\n", "", "count[0]: expected a column for best, low or high"),
        ('format = "Fire Watch"', 'format = "fire-watch"', "format: expected text of the pattern"),
    ],
)
def test_a_wrong_mapping_is_told_by_its_place(change: str, was: str, place: str) -> None:
    assert place in wrong(change, was)


def test_what_is_no_toml_or_no_name_is_told() -> None:
    for text in ("= 7\n", "x = " + "9" * 5000, "x = " + "[" * 20_000):
        assert "not TOML" in wrong(text)
    with pytest.raises(MappingError, match="no mapping is named ii_nothing"):
        find("ii_nothing")
    assert "no mapping is named" in wrong('extends = "_nothing"\n')
    assert "extends" in wrong('extends = "../../etc/passwd"\n')


def test_a_mapping_may_extend_a_shipped_one() -> None:
    mapping = parse('extends = "ii_education"\nformat = "my-education"\n[when]\nmonth_text = "widen"\n')
    base = shipped_mapping("ii_education")
    assert mapping.format == "my-education"
    assert (mapping.when.column, mapping.when.month_text) == (base.when.column, "widen")
    assert mapping.rule == base.rule


def test_tables_merge_lists_of_tables_grow_and_the_rest_is_replaced() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": [{"n": 1}], "c": ["old"], "d": 1}
    own = {"a": {"y": 3}, "b": [{"n": 2}], "c": ["new"], "e": 5}
    assert merged(base, own) == {"a": {"x": 1, "y": 3}, "b": [{"n": 1}, {"n": 2}], "c": ["new"], "d": 1, "e": 5}
    assert base["b"] == [{"n": 1}]
