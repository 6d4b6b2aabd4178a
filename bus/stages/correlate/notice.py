"""What a step of the fold tells readers, before it is written for each of them."""

from typing import NamedTuple

from bus.stages.correlate.entry import Tally
from bus.stages.correlate.rights import LabelState
from schemas.models import Change, DeliveryReason


class Notice(NamedTuple):
    """One change for all readers in `mask`.

    Exactly NEW and UPDATE have content: `body`, the author's signed envelope, or `payload`, an alert still to be
    signed; then `label` is what each reader's permit must be for. The others carry only ids that these readers
    already had. `tally` counts the deliveries about the thing.
    """

    mask: int
    change: Change
    kind: str
    ref: str
    tally: Tally
    reason: DeliveryReason | None = None
    label: LabelState | None = None
    body: bytes | None = None
    payload: bytes | None = None
    what_changed: tuple[str, ...] = ()
    replaces: str | None = None
    superseded_by: str | None = None
