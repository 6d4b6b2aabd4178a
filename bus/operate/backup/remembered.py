"""That a home was backed up, or restored, stands in its own log: `tocsin doctor` asks when it last was."""

from bus.log.protocol import Log
from bus.operate.audit import AUDIT, audit_record, operator
from schemas.models import Audited, AuditedAct


def remember(log: Log, act: AuditedAct, note: str) -> None:
    """Note the act, and who did it."""
    log.append(AUDIT, [audit_record(Audited(act=act, by=operator(), note=note))])
