"""What a step of the fold tells readers, before it is written for each of them."""

from dataclasses import dataclass

from bus.stages.correlate.rights import LabelState
from schemas.models import Change, DeliveryReason


@dataclass(frozen=True, slots=True)
class Notice:
    """One change for all readers in `mask`, in the order in which a step makes them.

    `body` is the signed envelope; it is there exactly for NEW and UPDATE, and then `label` is what each reader's permit must be for. The
    others carry only ids that these readers already had.
    """

    mask: int
    change: Change
    kind: str
    ref: str
    reason: DeliveryReason | None = None
    label: LabelState | None = None
    body: bytes | None = None
    what_changed: tuple[str, ...] = ()
    replaces: str | None = None
    superseded_by: str | None = None
