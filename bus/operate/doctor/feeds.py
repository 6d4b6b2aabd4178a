"""Whether the feeds that promised a sign of life give one."""

from collections.abc import Iterator
from typing import Final

from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.operate.silence import feed_silence
from bus.units import lasting

NAME: Final = "feeds"


def check(patient: Patient) -> Iterator[Finding]:
    """Each feed that sends heartbeats."""
    silences = feed_silence(patient.control, patient.state, patient.now)
    late = [one for one in silences if one.late]
    for one in late:
        yield Finding(
            NAME,
            Level.WARN,
            f"{one.agency}/{one.feed} has been silent for {lasting(one.silent_s or 0)}; it promised a sign of life"
            f" every {lasting(one.interval_s or 0)}",
            patient.place.tocsin("heartbeat", "--as", one.agency, "--feed", one.feed),
            f"Ask {one.agency} by another way first: the command is theirs to run.",
        )
    if not late:
        promised = sum(one.interval_s is not None for one in silences)
        yield Finding(NAME, Level.OK, f"{len(silences)} feeds, {promised} of which send heartbeats; none is late")
