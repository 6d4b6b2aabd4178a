"""Whether a home's log is sound: what `tocsin log verify` checks, each finding with its place.

1 the file 2 what the authority said, from the pin on 3 `events`: order, digests, signatures under the roster that held
4 receipts, against submissions, `events` and refused bytes 5 outboxes: every chain end to end, what it delivers, and
the head that `delivered` keeps.
"""

from bus.operate.soundness.finding import Finding, Progress, Soundness
from bus.operate.soundness.readers import readers_ahead
from bus.operate.soundness.verify import verify_log

__all__ = ["Finding", "Progress", "Soundness", "readers_ahead", "verify_log"]
