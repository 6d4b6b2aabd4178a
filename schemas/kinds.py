"""Every kind that has a released schema, with its model."""

from typing import Final

from schemas.models import MESSAGE_OF_KIND, AcceptedEvent, Audited, Delivery, Receipt, Tick, Value
from schemas.models.delivered import HeldAlert, HeldHead, HeldRecord

MODEL_OF_KIND: Final[dict[str, type[Value]]] = {
    **MESSAGE_OF_KIND,
    "accepted": AcceptedEvent,
    "tick": Tick,
    "receipt": Receipt,
    "delivery": Delivery,
    "heldrecord": HeldRecord,
    "heldalert": HeldAlert,
    "heldhead": HeldHead,
    "audit": Audited,
}
"""The signed kinds, and the bus's own records, which are encoded alike and never signed."""
KIND_OF_MODEL: Final[dict[type[Value], str]] = {model: kind for kind, model in MODEL_OF_KIND.items()}
