"""What an operator does: found a home, admit agencies, look at the state and at what was refused."""

from bus.operate.admission import ClearanceTerms, FeedTerms
from bus.operate.desk import Desk
from bus.operate.faults import DeskError
from bus.operate.founding import found

__all__ = ["ClearanceTerms", "Desk", "DeskError", "FeedTerms", "found"]
