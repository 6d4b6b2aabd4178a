"""The records of one topic as they come: decoded, chosen, and no faster than somebody can read."""

from bus.operate.tail.decode import described
from bus.operate.tail.follow import Skipped, Wanted, backlog, follow

__all__ = ["Skipped", "Wanted", "backlog", "described", "follow"]
