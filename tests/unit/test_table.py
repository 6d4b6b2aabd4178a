"""Tables through a mapping: what becomes of a row."""

import gzip
import json
from typing import Any

import pytest

from adapters import Code, Draft, Translation
from adapters.figures import DISORDERED
from adapters.table import ADAPTER
from adapters.table.map import CENTROID, HALF_POINT, NO_CLASS, NO_COUNTRY, NO_PRECISION, NO_TYPE, WIDENED
from bus.errors import UsageError
from tests.support.samples import slices

MAPPING = """
format = "monitor"
title = "A monitor's sheet"
default_type = "other"
unknown = ["n/a"]
sectors = ["WATER"]
attributes = ["Weapon"]
personal = ["Informant"]

[id]
column = ["No", "Number"]
public = "monitor"

[modified]

[when]
column = "Day"
to = "Until"
format = "%d/%m/%Y"

[where]
lat = "Lat"
lon = "Lon"
precision = "Precision"
country = "Country"
admin1 = "Province"
name = "Place"
countries = { "Sudan" = "SDN" }

[source]
discipline = "FIELD"
origin = "public:monitor"
credibility = 2
reported = "Heard on"

[texts]
language = "en"
headline = "Title"
description = "Text"

[[precision]]
contains = "country"

[[precision]]
contains = "town"
km = 5

[[actor]]
role = "PERPETRATOR"
class = "Kind of actor"
name = "Actor"
split = "; "

[[actor_class]]
contains = "army"
is = "STATE_MILITARY"

[[count]]
low = "Least dead"
best = "Dead"
high = "Most dead"
what = "KILLED"
of = "CIVILIAN"
type = ["violence.killing"]

[[count]]
best = "Houses burnt"
plus = ["Huts burnt"]
what = "DESTROYED"
unit = "OBJECT"
type = ["destruction.burning"]

[[rule]]
when = [{ column = "What", contains = "drill" }]
out_of_scope = true

[[rule]]
when = [{ column = "What", contains = ["attack", "raid"] }]
type = "violence.attack"

[[rule]]
when = [{ column = "What", contains = "raid" }, { column = "Weapon", contains = ["rifle", "gun"] }]
type = "violence.attack.armed"
sectors = "SECURITY"

[[rule]]
when = [{ column = "What", contains = "threat" }]
type = "violence.threat"

[[rule]]
when = [{ column = "Displaced", positive = true }]
type = "displacement.flight"
otherwise = true
"""
MAPPING = MAPPING.replace("[modified]\n", "").replace(
    'default_type = "other"', 'default_type = "other"\nmodified = "Changed"'
)
ROW = {"No": "7", "Day": "18/02/2024", "Country": "SDN"}


def translated(*rows: dict[str, object], mapping: str = MAPPING) -> Translation:
    return ADAPTER.translate(json.dumps(rows).encode(), {"mapping": mapping})


def draft(**change: object) -> Draft:
    found = translated({**ROW, **change})
    assert not found.refused, str(found.refused[0])
    return found.drafts[0]


def body(**change: object) -> dict[str, Any]:
    return draft(**change).body


def notes(**change: object) -> set[str]:
    return {note for note, _ in translated({**ROW, **change}).loss.notes}


# --- id and source ----------------------------------------------------------------------------------------------------


def test_the_id_has_the_format_before_it_and_the_public_id_the_editor() -> None:
    made = draft()
    assert made.id == "monitor:7"
    assert made.body["source"]["derived_from"] == ["monitor:7"]
    assert made.body["source"]["credibility"] == 2
    assert made.status == "ACTUAL"


def test_columns_are_found_whatever_their_case_and_blanks() -> None:
    assert translated({" number ": "7", "DAY": "18/02/2024"}).drafts[0].id == "monitor:7"


def test_an_id_that_does_not_fit_is_hashed() -> None:
    made = draft(No="a b=\u202e")
    assert made.id.startswith("monitor:")
    assert len(made.id) == len("monitor:") + 32
    assert made.body["source"]["derived_from"][0].isprintable()


def test_personal_columns_are_not_even_in_the_digest() -> None:
    assert body(Informant="A. Person") == body(Informant="B. Person")
    assert body(Other="x")["original"] != body(Other="y")["original"]
    assert "A. Person" not in str(body(Informant="A. Person"))
    column = next(c for c in translated({**ROW, "Informant": "A"}).loss.columns if c.name == "Informant")
    assert (column.dropped, column.why) == (1, "personal data")


def test_the_digest_knows_no_order_of_fields() -> None:
    assert translated({"Other": "x", **ROW}).drafts == translated({**ROW, "Other": "x"}).drafts


def test_words_for_unknown_count_as_defaulted() -> None:
    found = translated({**ROW, "Dead": "n/a"}, {**ROW, "No": "8", "Dead": "0"}, {**ROW, "No": "9"})
    column = next(column for column in found.loss.columns if column.name == "Dead")
    assert (column.mapped, column.defaulted, column.dropped) == (1, 2, 0)


def test_bytes_travel_only_where_the_mapping_says_so() -> None:
    assert "bytes" not in body()["original"]
    kept = translated(dict(ROW), mapping='original = "bytes"\n' + MAPPING).drafts[0].body["original"]
    assert json.loads(kept["bytes"]) == ROW


# --- when -------------------------------------------------------------------------------------------------------------


def test_days_are_read_as_the_mapping_writes_them() -> None:
    when = body(Until="20/02/2024")["when"]
    assert when["end"] - when["start"] == 3 * 86_400_000
    assert body()["when"]["start"] == when["start"]


def test_no_day_is_no_when() -> None:
    assert "when" not in body(Day="n/a")
    assert "when" not in body(Day=None)


def test_a_text_that_says_only_the_month_widens_the_day() -> None:
    when = body(Text="February 2024: a well was poisoned")["when"]
    assert when["end"] - when["start"] == 29 * 86_400_000
    assert WIDENED in notes(Text="February 2024: a well was poisoned")
    trusting = MAPPING.replace('column = "Day"', 'column = "Day"\nmonth_text = "trust"')
    kept = translated({**ROW, "Text": "February 2024: a well"}, mapping=trusting).drafts[0].body["when"]
    assert kept == body()["when"]


def test_the_time_of_the_last_change_is_the_drafts() -> None:
    assert draft(Changed="2024-03-01T12:00:00Z").modified_at == 1_709_294_400_000
    assert draft().modified_at is None


# --- where ------------------------------------------------------------------------------------------------------------


def test_a_code_of_precision_becomes_a_radius() -> None:
    where = body(Lat="13.5", Lon="25.3", Precision="Town or village", Province="North Darfur", Place="El Fasher")[
        "where"
    ]
    assert (where["lat"], where["lon"], where["uncertainty_km"]) == (13.5, 25.3, 5)
    assert where["admin"] == [{"level": 1, "name": "North Darfur"}]
    assert where["name"] == "El Fasher"


def test_a_centroid_or_half_a_point_is_no_point_and_that_is_said() -> None:
    assert "lat" not in body(Lat="15", Lon="30", Precision="Country")["where"]
    assert CENTROID in notes(Lat="15", Lon="30", Precision="Country")
    assert "lat" not in body(Lat="15")["where"]
    assert HALF_POINT in notes(Lat="15")


def test_an_unknown_code_of_precision_is_an_unknown_radius() -> None:
    where = body(Lat="15", Lon="30", Precision="roughly")["where"]
    assert where["lat"] == 15
    assert "uncertainty_km" not in where
    assert NO_PRECISION in notes(Lat="15", Lon="30", Precision="roughly")


def test_countries_are_known_by_code_or_by_the_mappings_spelling() -> None:
    assert body(Country="sdn")["where"]["countries"] == ["SDN"]
    assert body(Country=" Sudan ")["where"]["countries"] == ["SDN"]
    assert "where" not in body(Country="Atlantis")
    assert NO_COUNTRY in notes(Country="Atlantis")


# --- who --------------------------------------------------------------------------------------------------------------


def test_several_names_in_a_cell_are_several_actors() -> None:
    assert body(**{"Kind of actor": "The Army", "Actor": "1st Division; 2nd Division"})["actors"] == [
        {"role": "PERPETRATOR", "class": "STATE_MILITARY", "alleged": True, "name": "1st Division"},
        {"role": "PERPETRATOR", "class": "STATE_MILITARY", "alleged": True, "name": "2nd Division"},
    ]


def test_who_is_unknown_is_nobody() -> None:
    assert "actors" not in body(**{"Kind of actor": "n/a", "Actor": "n/a"})
    assert body(**{"Kind of actor": "army"})["actors"] == [
        {"role": "PERPETRATOR", "class": "STATE_MILITARY", "alleged": True}
    ]
    assert NO_CLASS in notes(**{"Kind of actor": "wizards"})


# --- what -------------------------------------------------------------------------------------------------------------


def test_zero_is_a_figure_and_empty_is_unknown() -> None:
    assert body(Dead="0")["counts"] == [
        {"what": "KILLED", "unit": "PERSON", "basis": "NEW", "of": "CIVILIAN", "best": 0}
    ]
    assert "counts" not in body(Dead="")
    assert "counts" not in body(Dead="n/a")
    assert body(Dead=0)["type"] == "other"


def test_figures_out_of_order_are_put_into_order_and_said() -> None:
    found = translated({**ROW, "Least dead": "5", "Dead": "3", "Most dead": "4"})
    count = found.drafts[0].body["counts"][0]
    assert (count["low"], count["best"], count["high"]) == (3, 3, 5)
    assert dict(found.loss.notes)[DISORDERED] == 1


def test_columns_of_one_figure_are_added() -> None:
    assert body(**{"Houses burnt": "2", "Huts burnt": "3"})["counts"][0]["best"] == 5
    assert body(**{"Houses burnt": "", "Huts burnt": "3"})["counts"][0]["best"] == 3


def test_the_gravest_of_several_types_is_the_type() -> None:
    made = body(Dead="1", What="raid", Weapon="rifle", **{"Houses burnt": "2"})
    assert made["type"] == "violence.killing"
    assert made["also"] == ["violence.attack.armed", "destruction.burning"]
    assert made["sectors"] == ["SECURITY", "WATER"]
    # Neither the order of the rules nor that of the alphabet.
    assert [body(What="threat of attack")[key] for key in ("type", "also")] == ["violence.attack", ["violence.threat"]]
    assert made["attributes"] == {"monitor.Weapon": "rifle"}


def test_all_conditions_of_a_rule_must_hold() -> None:
    assert body(What="raid", Weapon="stick")["type"] == "violence.attack"
    assert body(What="quiet", Weapon="rifle")["type"] == "other"


def test_a_rule_may_stand_back_and_a_default_is_said() -> None:
    assert body(Displaced="yes")["type"] == "displacement.flight"
    assert body(Displaced="yes", What="attack")["type"] == "violence.attack"
    assert "also" not in body(Displaced="yes", What="attack")
    assert body(Displaced="no")["type"] == "other"
    assert NO_TYPE in notes(Displaced="no")


def test_text_cells_stay_raw() -> None:
    cell = '=cmd|"/C calc"!A0 \u202e\x1b[2J <script>'
    assert body(Text=cell, Title="x")["texts"] == [{"language": "en", "headline": "x", "description": cell}]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"No": ""}, Code.MISSING_VALUE, "No"),
        ({"Day": "2024-02-18"}, Code.BAD_VALUE, "Day"),
        ({"Until": "17/02/2024"}, Code.BAD_VALUE, "Until"),
        ({"Heard on": "soon"}, Code.BAD_VALUE, "Heard on"),
        ({"Changed": "soon"}, Code.BAD_VALUE, "Changed"),
        ({"Lat": "91", "Lon": "0"}, Code.BAD_VALUE, "Lat"),
        ({"Lat": "1", "Lon": "1e9"}, Code.BAD_VALUE, "Lon"),
        ({"Dead": "-1"}, Code.BAD_VALUE, "Dead"),
        ({"Dead": "9" * 20}, Code.BAD_VALUE, "Dead"),
        ({"Dead": "1000000000001"}, Code.BAD_VALUE, "Dead"),
        ({"What": "a drill"}, Code.OUT_OF_SCOPE, "What"),
        ({"Text": "x" * 70_000}, Code.BAD_VALUE, "record"),
        ({"Place": "x" * 300}, Code.BAD_VALUE, "where.name"),
        ({"No": "6"}, Code.DUPLICATE_ID, ""),
    ],
)
def test_one_bad_row_refuses_one_row_without_its_content(change: dict[str, str], code: Code, field: str) -> None:
    found = translated({**ROW, "No": "6"}, {**ROW, **change}, {**ROW, "No": "8"})
    assert [each.id for each in found.drafts] == ["monitor:6", "monitor:8"]
    refused = found.refused[0]
    assert (refused.code, refused.row, refused.field) == (code, 2, field)
    assert not any(len(value) > 1 and value in str(refused).replace(refused.field, "") for value in change.values())
    assert found.loss.mapped + found.loss.defaulted + found.loss.dropped == 3 * len(found.loss.columns)


def test_a_hostile_name_of_a_field_can_not_drive_a_terminal() -> None:
    found = translated({**ROW, "\x1b[2J\u202e" + "x" * 500: {"nested": 1}})
    assert found.refused[0].field == r"\x1b[2J\u202e" + "x" * 123
    assert str(found.refused[0]).isprintable()


def test_a_sheet_without_id_or_day_is_refused_as_a_whole() -> None:
    for row in ({"No": "7"}, {"Day": "18/02/2024"}):
        found = translated(dict(row))
        assert [(each.code, each.row) for each in found.refused] == [(Code.UNKNOWN_LAYOUT, 0)]


def test_a_sheet_that_no_shipped_mapping_knows_asks_for_one() -> None:
    found = ADAPTER.translate(b"a,b\n1,2\n")
    assert found.refused[0].code is Code.UNKNOWN_LAYOUT
    assert "ii_education" in found.refused[0].expected


# --- options, formats and the shipped feeds ---------------------------------------------------------------------------


def test_mappings_are_named_or_given_as_text_or_bytes() -> None:
    path = next(path for path in slices("insecurity_insight") if path.stem == "education_2024-03-19")
    by_columns = ADAPTER.translate(path.read_bytes())
    assert ADAPTER.translate(path.read_bytes(), {"mapping": "ii_education"}) == by_columns
    assert ADAPTER.translate(gzip.compress(path.read_bytes())) == by_columns
    text = json.dumps([ROW]).encode()
    assert ADAPTER.translate(text, {"mapping": MAPPING.encode()}) == ADAPTER.translate(text, {"mapping": MAPPING})


def test_csv_and_json_of_one_row_give_one_draft() -> None:
    text = b"No;Day;Country\n7;18/02/2024;SDN\n"
    assert ADAPTER.translate(text, {"mapping": MAPPING}).drafts[0] == draft()


COMMAS = "decimal_comma = true\n" + MAPPING.replace('precision = "Precision"', "km = 5")


def test_a_decimal_comma_is_read_where_the_mapping_says_so_and_a_point_is_no_number_then() -> None:
    made = translated({**ROW, "Lat": "12,05", "Lon": "-24,5", "Dead": "2,0"}, mapping=COMMAS).drafts[0].body
    assert (made["where"]["lat"], made["where"]["lon"]) == (12.05, -24.5)
    assert made["counts"][0]["best"] == 2
    for wrong in ({"Lat": "12.05"}, {"Dead": "1.000"}):
        found = translated({**ROW, "Lat": "12,05", "Lon": "24,5", **wrong}, mapping=COMMAS)
        assert [(one.code, one.field) for one in found.refused] == [(Code.BAD_VALUE, next(iter(wrong)))]
    assert "decimal point" in translated({**ROW, "Lat": "12,05"}).refused[0].expected


def test_a_column_that_the_mapping_reads_and_the_sheet_lacks_is_said() -> None:
    row = {key: value for key, value in ROW.items() if key != "Weapon"}
    said = [note for note, _ in translated({**row, "Lat": ""}).loss.notes if "does not have" in note]
    assert "the mapping reads a column Weapon, which the sheet does not have" in said
    assert not any("column Lat," in note for note in said)


def test_options_that_make_no_sense_are_wrong_usage() -> None:
    for options in ({"maping": "x"}, {"mapping": b"\xff"}, {"mapping": MAPPING, "status": "DRILL"}):
        with pytest.raises(UsageError):
            ADAPTER.translate(b'[{"No": 1}]', options)


def test_the_realm_is_the_mappings_unless_the_caller_says_otherwise() -> None:
    exercise = 'status = "EXERCISE"\n' + MAPPING
    assert translated(dict(ROW), mapping=exercise).drafts[0].status == "EXERCISE"
    options = {"mapping": exercise, "status": "TEST"}
    assert ADAPTER.translate(json.dumps([ROW]).encode(), options).drafts[0].status == "TEST"


def feed(name: str) -> dict[str, dict[str, Any]]:
    path = next(path for path in slices("insecurity_insight") if path.stem == name)
    return {each.id: each.body for each in ADAPTER.translate(path.read_bytes()).drafts}


@pytest.mark.parametrize(
    ("name", "format_", "sector"),
    [
        ("education_2023-11-20", "ii-education", "EDUCATION"),
        ("aidWorkerKIKA_2023-12-18", "ii-aid-workers", "AID"),
        ("foodSecurity_2024-06-20", "ii-food-security", "FOOD"),
        ("healthcare_2016-2023", "ii-health-care", "HEALTH"),
        ("protection_2023-11-20", "ii-protection", "CAMP"),
        ("explosiveWeapons_2024-03-19", "ii-explosive-weapons", None),
        ("sexual_violence_made_up", "ii-sexual-violence", None),
    ],
)
def test_each_feed_has_its_ids_its_origin_and_its_sector(name: str, format_: str, sector: str | None) -> None:
    for id_, made in feed(name).items():
        source_id = id_.removeprefix(f"{format_}:")
        assert made["source"]["derived_from"] == [f"insecurity-insight:{source_id}"]
        assert made["source"]["origin"] == "public:insecurity-insight"
        assert sector is None or sector in made["sectors"]
        assert made["when"]["end"] - made["when"]["start"] <= 26 * 3_600_000
        assert "bytes" not in made["original"]


def test_renamed_columns_of_other_snapshots_are_the_same_columns() -> None:
    for name in ("protection_2023-11-20", "protection_2023-12-18", "protection_2024-03-19"):
        killed = [c for made in feed(name).values() for c in made.get("counts", ()) if c["what"] == "KILLED"]
        assert {count["of"] for count in killed} >= {"CAMP_RESIDENT"}
        assert all(
            a["class"] != "UNKNOWN" for made in feed(name).values() for a in made.get("actors", ()) if "name" not in a
        )


def test_hidden_and_country_wide_places_have_no_point() -> None:
    assert all("lat" not in made["where"] for made in feed("sexual_violence_made_up").values())
    assert [made["where"]["countries"] for made in feed("sexual_violence_made_up").values()] == [["SDN"], ["PSE"]]
    assert not feed("sexual_violence_made_up")["ii-sexual-violence:900001"].get("texts")
