"""The shipped contract of adapters, on each adapter and real files; and every cell of the whole files."""

import pytest

from adapters import cap, load, ucdp_ged
from adapters.contract import AdapterContract, Sample
from adapters.table import ADAPTER as TABLE
from tests.support.samples import alerts, slices, whole_or_skip

CARRIED = {"bushfire_invalid.edxlde", "canada_signed.cap", "earthquake-iso8859-1.cap", "weather.atom"}
MADE = {"meteoalarm.cap", "protection_alert.cap", "protection_cancel.cap", "smhi_alerts.xml"}


class TestTable(AdapterContract):
    adapter = TABLE
    samples = tuple(Sample(path.stem, path.read_bytes()) for path in slices("insecurity_insight"))


class TestCap(AdapterContract):
    adapter = cap.ADAPTER
    samples = tuple(
        Sample(path.stem, path.read_bytes())
        for path in (
            *(path for path in alerts("cap") if path.name in CARRIED),
            *(path for path in alerts("cap_world") if path.name in MADE),
        )
    )


class TestUcdpGed(AdapterContract):
    adapter = ucdp_ged.ADAPTER
    samples = tuple(Sample(path.stem, path.read_bytes()) for path in slices("ucdp_ged"))


@pytest.mark.parametrize(
    ("name", "partner", "files", "rows"),
    [("table", "insecurity_insight", 13, 10_648), ("ucdp_ged", "ucdp_ged", 1, 600)],
)
def test_every_record_of_the_whole_files_becomes_a_draft(name: str, partner: str, files: int, rows: int) -> None:
    paths = whole_or_skip(partner)
    found = [load(name).translate(path.read_bytes()) for path in paths]
    assert (len(found), sum(len(each.drafts) for each in found)) == (files, rows)
    for each in found:
        assert not each.refused
        assert each.loss.mapped + each.loss.defaulted + each.loss.dropped == len(each.loss.columns) * each.loss.rows
        # A column that nobody thought of is a mapping that is behind its feed.
        assert not [column.name for column in each.loss.columns if column.why.startswith("no ")]
