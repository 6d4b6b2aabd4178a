"""Whether there is a backup that is not too old, as far as the bus was told of one."""

from collections.abc import Iterator
from typing import Final

from bus.operate.audit import AUDIT, audited
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.units import DAY_MS
from schemas.models import AuditedAct

NAME: Final = "backup"
OLD_DAYS: Final = 7


def check(patient: Patient) -> Iterator[Finding]:
    """By the last `tocsin backup` that ended well."""
    made = audited(patient.log) if AUDIT in patient.topics else ()
    last = max((record.append_time_ms for record, act in made if act.act is AuditedAct.BACKUP), default=None)
    days = None if last is None else (patient.now - last) // DAY_MS
    what = "no backup of this home is known" if days is None else f"the last backup is {days} days old"
    if days is not None and days < OLD_DAYS:
        yield Finding(NAME, Level.OK, what)
    else:
        backup = patient.place.tocsin("backup", "FOLDER")
        yield Finding(NAME, Level.WARN, what, backup, "FOLDER is a new one, best on another disk.")
