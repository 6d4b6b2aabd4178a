"""Real partner files: small slices inside the project, and the whole ones beside it where they are."""

import csv
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[1] / "data"
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
PARTNERS = ("ucdp_ged", "insecurity_insight")
UCDP = DATA / "ucdp_ged" / "ged_v23.1_slice.csv"


def slices(partner: str) -> list[Path]:
    """The small files of a partner, in order."""
    return sorted(path for path in (DATA / partner).iterdir() if path.suffix in {".csv", ".json"})


def ucdp_rows() -> list[dict[str, str]]:
    """The rows of `UCDP`."""
    with UCDP.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_sheet(path: Path, rows: list[dict[str, str]]) -> str:
    """Write rows of `UCDP`, perhaps changed, into a file; returns where it lies."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ucdp_rows()[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def alerts(folder: str) -> list[Path]:
    """CAP messages and their carriers in a folder, in order."""
    suffixes = {".cap", ".xml", ".atom", ".rss", ".edxlde"}
    return sorted(path for path in (DATA / folder).iterdir() if path.suffix in suffixes)


def whole(partner: str) -> list[Path]:
    """The whole files of a partner, in order; none where the folder is not beside the project."""
    folder = SHARED / partner
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix in {".csv", ".gz"} and p.name != "links_truth.csv")


def whole_or_skip(partner: str) -> list[Path]:
    """The whole files, or a skip that says what is missing."""
    found = whole(partner)
    if not found:
        pytest.skip(f"no ../shared/data/{partner} beside the project")
    return found
