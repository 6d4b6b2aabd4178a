"""UCDP GED: what becomes of its conventions."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import Code, Draft, Translation
from adapters.figures import DISORDERED
from adapters.ucdp_ged import ADAPTER
from adapters.ucdp_ged.map import countries
from adapters.ucdp_ged.read import table
from bus.errors import UsageError
from schemas.countries import is_country
from tests.support.samples import slices

ROW: Mapping[str, str] = {
    **dict.fromkeys(table().order, ""),
    "id": "1",
    "type_of_violence": "1",
    "side_a": "Government of Ukraine",
    "side_a_new_id": "67",
    "side_b": "DPR",
    "gwnoa": "369",
    "country_id": "369",
    "where_prec": "1",
    "latitude": "48.0",
    "longitude": "37.8",
    "date_prec": "1",
    "date_start": "2022-03-01",
    "date_end": "2022-03-01",
    "deaths_a": "1",
    "deaths_b": "2",
    "deaths_civilians": "0",
    "best": "3",
    "low": "3",
    "high": "5",
    "code_status": "Clear",
    "number_of_sources": "2",
}


def written(*rows: Mapping[str, str], header: bool = True) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def translated(**change: str) -> Translation:
    return ADAPTER.translate(written({**ROW, **change}))


def draft(**change: str) -> Draft:
    found = translated(**change)
    assert not found.refused
    return found.drafts[0]


def body(**change: str) -> dict[str, Any]:
    return draft(**change).body


def slice_drafts() -> dict[str, Draft]:
    return {each.id: each for each in ADAPTER.translate(slices("ucdp_ged")[0].read_bytes()).drafts}


def test_the_id_is_the_public_id_whoever_relays_it() -> None:
    made = draft(id="401115")
    assert made.id == "ucdp-ged:401115"
    assert made.body["source"]["derived_from"] == ["ucdp-ged:401115"]
    assert made.body["source"]["origin"] == "public:ucdp"
    assert made.modified_at is None


def test_both_sides_of_a_battle_are_parties_and_nobody_is_the_attacker() -> None:
    assert body()["type"] == "clash.armed"
    assert [(a["role"], a["class"], a["name"]) for a in body()["actors"]] == [
        ("PARTY", "STATE_MILITARY", "Government of Ukraine"),
        ("PARTY", "ARMED_GROUP", "DPR"),
    ]


def test_one_sided_violence_has_a_perpetrator_and_civilians() -> None:
    made = body(type_of_violence="3", side_b="Civilians", side_b_new_id="1")
    assert made["type"] == "violence.killing"
    assert [(a["role"], a["class"]) for a in made["actors"]] == [
        ("PERPETRATOR", "STATE_MILITARY"),
        ("AFFECTED", "CIVILIAN"),
    ]


def test_a_state_that_acts_in_another_country_is_foreign() -> None:
    assert body(gwnoa="365")["actors"][0]["class"] == "FOREIGN_FORCES"
    assert body(gwnoa="365, 369")["actors"][0]["class"] == "STATE_MILITARY"


def test_civilians_are_told_apart_and_zero_is_a_figure() -> None:
    counts = {count.get("of"): count for count in body()["counts"]}
    assert {key: counts[None][key] for key in ("low", "best", "high")} == {"low": 3, "best": 3, "high": 5}
    assert counts["CIVILIAN"]["best"] == 0
    assert counts["COMBATANT"]["best"] == 3
    assert {count["what"] for count in body()["counts"]} == {"KILLED"}


def test_figures_out_of_order_keep_best_and_are_said() -> None:
    found = translated(low="334", best="333", high="333")
    total = found.drafts[0].body["counts"][0]
    assert (total["low"], total["best"], total["high"]) == (333, 333, 334)
    assert dict(found.loss.notes)[DISORDERED] == 1


def test_unknown_numbers_of_sources_are_no_count() -> None:
    found = translated(number_of_sources="-1")
    assert "ucdp-ged.number_of_sources" not in found.drafts[0].body["attributes"]
    column = next(each for each in found.loss.columns if each.name == "number_of_sources")
    assert (column.mapped, column.defaulted) == (0, 1)
    assert body()["attributes"]["ucdp-ged.number_of_sources"] == "2"


@pytest.mark.parametrize(("code", "km"), [("1", 2), ("2", 25), ("3", 50), ("4", 150), ("5", 100)])
def test_precision_becomes_a_radius(code: str, km: float) -> None:
    assert body(where_prec=code)["where"]["uncertainty_km"] == km


@pytest.mark.parametrize("code", ["6", "7"])
def test_a_centroid_is_no_point(code: str) -> None:
    where = body(where_prec=code)["where"]
    assert "lat" not in where
    assert "uncertainty_km" not in where
    assert where["countries"] == ["UKR"]


def test_a_day_is_the_countrys_day() -> None:
    when = body()["when"]
    # Kyiv is at UTC+2, Simferopol at UTC+3: the union of both.
    assert datetime.fromtimestamp(when["start"] / 1000, UTC) == datetime(2022, 2, 28, 21, tzinfo=UTC)
    assert datetime.fromtimestamp(when["end"] / 1000, UTC) == datetime(2022, 3, 1, 22, tzinfo=UTC)


def test_a_summary_of_months_is_a_span() -> None:
    assert body(date_end="2022-03-31")["nature"] == "INCIDENT"
    assert body(date_end="2022-04-30")["nature"] == "SPAN"
    assert body(date_prec="5")["nature"] == "SPAN"


def test_the_earliest_source_says_when_it_was_reported() -> None:
    reported = body(source_date="2022-03-09;2022-03-03;not a date")["source"]["reported_at"]
    assert datetime.fromtimestamp(reported / 1000, UTC) == datetime(2022, 3, 2, 10, tzinfo=UTC)
    assert "reported_at" not in body()["source"]


def test_only_clear_records_are_reviewed() -> None:
    assert body()["source"]["review"] == "REVIEWED"
    assert "review" not in body(code_status="Check dyad")["source"]


def test_articles_and_headlines_are_left_out() -> None:
    made = str(body(source_article="CANARY-1", source_headline="CANARY-2"))
    assert "CANARY" not in made
    assert "bytes" not in body()["original"]


def test_older_names_of_columns_and_dates_with_a_time_are_read() -> None:
    old = {f"{name}_est" if name in {"best", "high", "low"} else name: cell for name, cell in ROW.items()}
    old["date_start"] = old["date_end"] = "2022-03-01 00:00:00.000"
    found = ADAPTER.translate(written(old)).drafts[0]
    assert found.body["counts"] == body()["counts"]
    assert found.body["when"] == body()["when"]


def test_a_release_without_a_header_is_read_by_its_order() -> None:
    assert ADAPTER.translate(written(ROW, header=False)).drafts == ADAPTER.translate(written(ROW)).drafts


def test_records_of_the_api_are_read() -> None:
    records = {"TotalCount": 1, "Result": [{**ROW, "id": 1, "best": 3, "latitude": 48.0, "source_article": None}]}
    found = ADAPTER.translate(json.dumps(records).encode()).drafts[0]
    assert found.id == "ucdp-ged:1"
    assert found.body["where"] == body()["where"]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"id": " "}, Code.MISSING_VALUE, "id"),
        ({"type_of_violence": "4"}, Code.BAD_VALUE, "type_of_violence"),
        ({"date_start": "1/3/2022"}, Code.BAD_VALUE, "date_start"),
        ({"date_end": "2022-02-27"}, Code.BAD_VALUE, "date_end"),
        ({"latitude": "91"}, Code.BAD_VALUE, "latitude"),
        ({"longitude": "NaN"}, Code.BAD_VALUE, "longitude"),
        ({"best": "-3"}, Code.BAD_VALUE, "best"),
        ({"best": "many"}, Code.BAD_VALUE, "best"),
    ],
)
def test_a_bad_row_is_refused_with_its_place_and_the_others_are_not(
    change: dict[str, str], code: Code, field: str
) -> None:
    found = ADAPTER.translate(written({**ROW, "id": "7"}, {**ROW, **change}, {**ROW, "id": "9"}))
    assert [each.id for each in found.drafts] == ["ucdp-ged:7", "ucdp-ged:9"]
    refused = found.refused[0]
    assert (refused.code, refused.row, refused.line, refused.field) == (code, 2, 3, field)
    assert refused.expected
    assert refused.remedy


def test_the_second_record_of_an_id_is_refused() -> None:
    found = ADAPTER.translate(written(ROW, {**ROW, "best": "5"}))
    assert [(each.code, each.row) for each in found.refused] == [(Code.DUPLICATE_ID, 2)]
    assert len(found.drafts) == 1


def test_dangerous_cells_never_enter_an_id() -> None:
    made = draft(id='=cmd|"/C calc"!A0\u202e')
    assert made.id.isascii()
    assert made.id.startswith("ucdp-ged:")
    assert len(made.id) == len("ucdp-ged:") + 32
    assert all(each.isprintable() for each in made.body["source"]["derived_from"])


def test_the_digest_is_the_records_own() -> None:
    two = ADAPTER.translate(written(ROW, {**ROW, "id": "2"})).drafts
    assert two[0].body["original"] == body()["original"]
    assert two[1].body["original"] != body()["original"]


def test_the_realm_is_the_callers_choice() -> None:
    assert draft().status == "ACTUAL"
    assert ADAPTER.translate(written(ROW), {"status": "EXERCISE"}).drafts[0].status == "EXERCISE"
    with pytest.raises(UsageError):
        ADAPTER.translate(written(ROW), {"status": "DRILL"})


def test_every_state_of_the_table_is_a_country() -> None:
    assert all(is_country(code) for code in countries().values())


def test_real_rows_keep_what_they_say() -> None:
    drafts = slice_drafts()
    assert len(drafts) == 20
    killed = drafts["ucdp-ged:464847"].body["counts"][0]
    assert (killed["low"], killed["best"], killed["high"]) == (333, 333, 334)
    rwanda = drafts["ucdp-ged:298457"].body
    assert rwanda["type"] == "violence.killing"
    assert rwanda["where"]["countries"] == ["RWA"]
