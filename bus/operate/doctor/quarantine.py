"""Whether the quarantine grows: many refusals in a day that nobody has seen to."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from bus.names import BUS
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.operate.quarantine import rejected
from bus.units import DAY_MS

NAME: Final = "quarantine"
MANY: Final = 10
"""In a day, of one agency: a mistake of one sheet is fewer, a broken publisher soon more."""


def check(patient: Patient) -> Iterator[Finding]:
    """What waits, by agency."""
    names = [agency.name for agency in patient.control.trust.agencies if agency.name != BUS]
    names = [name for name in names if f"rejected.{name}" in patient.topics]
    waiting, lately = 0, Counter[str]()
    for row in rejected(patient.log, names):
        waiting += row.waits
        lately[row.agency] += row.waits and patient.now - row.at < DAY_MS
    many = {name: count for name, count in lately.items() if count >= MANY}
    for name, count in many.items():
        yield Finding(
            NAME,
            Level.WARN,
            f"{count} submissions of {name} were refused within a day, and wait",
            patient.place.tocsin("quarantine", "retry", "--agency", name),
            f"`{patient.place.tocsin('quarantine', 'ls', '--agency', name)}` says why; what no retry mends,"
            " `tocsin quarantine drop` ends.",
        )
    if not many:
        yield Finding(NAME, Level.OK, f"{waiting} refused submissions wait")
