"""Who may see it: policy, label, its one spelling, join and permits. Pure: no clock, file or socket."""

from bus.labels.clearance import Clearance
from bus.labels.join import below_floor, join
from bus.labels.label import Label, display, expand, parse_label
from bus.labels.permits import Denial, Ground, Permit, permits
from bus.labels.policy import Policy

__all__ = [
    "Clearance",
    "Denial",
    "Ground",
    "Label",
    "Permit",
    "Policy",
    "below_floor",
    "display",
    "expand",
    "join",
    "parse_label",
    "permits",
]
