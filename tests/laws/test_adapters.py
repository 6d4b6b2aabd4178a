"""What holds for whatever bytes a partner sends."""

import csv
import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import Translation
from adapters.table import ADAPTER as TABLE
from adapters.ucdp_ged import ADAPTER as GED
from adapters.ucdp_ged.read import table as ged_table
from bus.errors import Refusal
from schemas.models import Event, validate
from tests.support.samples import slices

ADAPTERS = (TABLE, GED)
PARTNER_ROWS: list[dict[str, Any]] = [
    row
    for path in slices("insecurity_insight")
    if path.suffix == ".json"
    for row in json.loads(path.read_text("utf-8"))
]
CELLS = st.one_of(
    st.text(max_size=20),
    st.none(),
    st.booleans(),
    st.integers(-(10**14), 10**14),
    st.floats(),
    st.sampled_from(["", "0", "2023-02-18", "2023-02", "(2) 25 km", "91", "-0", "1e9", "NaN", "\ud800", "\0", "٣"]),
    st.lists(st.integers(), max_size=2),
)


def sound(found: Translation) -> None:
    """What every translation is."""
    loss = found.loss
    assert loss.mapped + loss.defaulted + loss.dropped == len(loss.columns) * loss.rows
    whole = [each for each in found.refused if each.row == 0]
    assert len(whole) <= 1
    assert loss.rows == len(found.drafts) + len(found.refused) - len(whole)
    for draft in found.drafts:
        assert not isinstance(validate(Event, draft.body), Refusal)
        assert len(draft.id) <= 128


@given(st.binary(max_size=400))
def test_any_bytes_become_drafts_and_refusals(data: bytes) -> None:
    for adapter in ADAPTERS:
        sound(adapter.translate(data))
    sound(TABLE.translate(data, {"mapping": "ii_education"}))


@settings(max_examples=150)
@given(st.data())
def test_any_cell_in_any_column_of_any_feed_costs_at_most_its_row(data: st.DataObject) -> None:
    row = dict(data.draw(st.sampled_from(PARTNER_ROWS)))
    key = next(key for key in row if key.casefold() in {"sind event id", "sind id"})
    changed = {
        **row,
        **{name: data.draw(CELLS) for name in data.draw(st.sets(st.sampled_from(sorted(row)), max_size=4))},
    }
    others = [{**row, key: 1}, {**row, key: 3}]
    found = TABLE.translate(json.dumps([others[0], changed, others[1]]).encode())
    sound(found)
    ids = {each.id.partition(":")[2] for each in found.drafts}
    assert {"1", "3"} <= ids


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(ged_table().order), st.text(max_size=12)))
def test_any_cell_of_ged_costs_at_most_its_row(cells: dict[str, str]) -> None:
    path = slices("ucdp_ged")[0]
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))[:2]
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows([rows[0], {**rows[1], **cells}])
    found = GED.translate(out.getvalue().encode(errors="surrogatepass"))
    if found.refused and found.refused[0].row == 0:
        # Half a surrogate pair is no UTF-8, and with it the file is none.
        assert any("\ud800" <= char <= "\udfff" for cell in cells.values() for char in cell)
        return
    sound(found)
    assert found.drafts[0].id == f"ucdp-ged:{rows[0]['id']}"


@settings(max_examples=30)
@given(st.data())
def test_a_record_is_the_same_whatever_stands_around_it(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([path for path in slices("insecurity_insight") if path.suffix == ".json"]))
    rows = json.loads(path.read_text("utf-8"))
    picked = data.draw(st.lists(st.sampled_from(rows), min_size=1, unique_by=id))
    whole = {draft.id: draft for draft in TABLE.translate(path.read_bytes()).drafts}
    found = TABLE.translate(json.dumps(picked).encode())
    assert len(found.drafts) == len(picked)
    assert all(whole[draft.id] == draft for draft in found.drafts)
