"""Whether there is a backup that is not too old, as far as the bus was told of one."""

from collections.abc import Iterator
from typing import Final

from bus.operate.audit import AUDIT, audited
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient
from bus.operate.progress import append_time
from bus.stages.control import CONTROL
from bus.units import DAY_MS
from schemas.models import AuditedAct

NAME: Final = "backup"
OLD_DAYS: Final = 7


def check(patient: Patient) -> Iterator[Finding]:
    """By the last `tocsin backup` that ended well; a home that is younger than a week needs none yet."""
    made = [] if AUDIT not in patient.topics else list(audited(patient.log))
    last = max((record.append_time_ms for record, act in made if act.act is AuditedAct.BACKUP), default=None)
    since = last if last is not None else append_time(patient.log, CONTROL, 0)
    days = 0 if since is None else (patient.now - since) // DAY_MS
    what = "no backup of this home is known" if last is None else f"the last backup is {days} days old"
    if days < OLD_DAYS:
        yield Finding(NAME, Level.OK, what)
    else:
        yield Finding(
            NAME,
            Level.WARN,
            what,
            patient.place.tocsin("backup", "FOLDER"),
            "FOLDER is a new one, best on another disk.",
        )
