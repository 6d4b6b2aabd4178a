"""The exercise's radio sheet, published by alpha under a name of one's own for the place of a report."""

from pathlib import Path
from typing import Final

from tests.support.command_line import Tocsin

EXERCISE: Final = Path(__file__).resolve().parents[2] / "bus" / "demo" / "data" / "exercise"
RADIO: Final = (
    *("--mapping", str(EXERCISE / "radio.toml"), "--exercise", "VIGIL"),
    *("--as", "alpha", "--feed", "reports"),
)


def publish_radio(bus: Tocsin, place: str) -> None:
    """Publish it with this in the place of Amberley: a canary, or something hostile."""
    sheet = bus.home.parent / "radio.csv"
    sheet.write_text((EXERCISE / "radio.csv").read_text("utf-8").replace("Amberley", place), "utf-8")
    bus.ok("publish", str(sheet), *RADIO)
