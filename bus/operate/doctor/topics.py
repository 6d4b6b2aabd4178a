"""Whether every agency of the roster has its topics, and the log's upkeep goes well."""

from collections.abc import Iterator
from typing import Final

from bus.log.topics import agency_topics
from bus.names import BUS
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient

NAME: Final = "topics"


def check(patient: Patient) -> Iterator[Finding]:
    """All topics of the topic table."""
    there = patient.topics
    names = [agency.name for agency in patient.control.trust.agencies if agency.name != BUS]
    missing = [name for name in names if any(spec.name not in there for spec in agency_topics(name))]
    if missing:
        run = patient.place.tocsin("run", "--until-idle")
        yield Finding(NAME, Level.WARN, f"topics are missing for {', '.join(missing)}", run)
    if patient.state.trouble is not None:
        yield Finding(
            NAME,
            Level.WARN,
            f"upkeep of the log failed last time: {patient.state.trouble}",
            advice="It is tried again by itself; check the disk if it stays.",
        )
    if not missing and patient.state.trouble is None:
        yield Finding(NAME, Level.OK, f"{len(there)} topics, all that {len(names)} agencies need")
