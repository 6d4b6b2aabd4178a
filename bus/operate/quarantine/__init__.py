"""What ingest refused, as it was received: looked at, judged anew, sent again, dropped.

The bytes stay as they are, for as long as `rejected.<agency>` is kept: an act of an operator is a record of `audit`,
and what state a row is in follows from both. To send again is to append the very bytes that were refused.
"""

from bus.operate.quarantine.acts import drop, retry
from bus.operate.quarantine.choice import Choice
from bus.operate.quarantine.histogram import Histogram, Line
from bus.operate.quarantine.rehearsal import Outcome, Prospect
from bus.operate.quarantine.rows import Rejected, State, find, rejected

__all__ = [
    "Choice",
    "Histogram",
    "Line",
    "Outcome",
    "Prospect",
    "Rejected",
    "State",
    "drop",
    "find",
    "rejected",
    "retry",
]
