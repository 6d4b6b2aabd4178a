"""What a revocation does to what was accepted already: counted beforehand, from the agency's receipts."""

from collections import Counter
from dataclasses import dataclass, field

from bus.log.protocol import Log
from bus.stages.receipts import read_receipts


@dataclass(slots=True)
class Signed:
    """What was accepted under some keys. `tainted`: those of it that leave all pictures, by kind."""

    records: int = 0
    tainted: Counter[str] = field(default_factory=Counter)
    first_tainted_at: int | None = None
    """Of the records that leave, when the bus accepted the first (UTC ms)."""


def signed_by(log: Log, agency: str, key_ids: frozenset[str], since: int | None) -> Signed:
    """Count the accepted records under these keys, and those since `since` (UTC ms; None: no theft is known)."""
    found, seen = Signed(), set()
    for _, receipt in read_receipts(log, agency):
        if receipt["verdict"] != "ACCEPTED" or receipt["key_id"] not in key_ids or receipt["digest"] in seen:
            continue
        seen.add(receipt["digest"])
        found.records += 1
        at = receipt["accepted_at"]
        if since is not None and at >= since:
            found.tainted[receipt["kind"]] += 1
            found.first_tainted_at = min(at, found.first_tainted_at or at)
    return found
