"""Partner formats: bytes in, drafts of events out, with an account of every field."""

from adapters.loss import ColumnLoss, Loss
from adapters.refusals import Code, Refused
from adapters.registry import available, load
from adapters.translation import Adapter, Draft, Options, Translation

__all__ = [
    "Adapter",
    "Code",
    "ColumnLoss",
    "Draft",
    "Loss",
    "Options",
    "Refused",
    "Translation",
    "available",
    "load",
]
