"""What a reader has: its deliveries folded, without judging them.

That the bus delivered exactly this is what the chain shows; who signed it, `bus.client.verify` asks, which takes twice
the time of reading it. So a list is not verified, and its command says so.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from bus.client.opened import Opened, open_signed
from bus.errors import Refusal
from schemas.models import AlertMessage, Change, DeliveredKind, Delivery, DeliveryReason, EventMessage, Message


class Held(NamedTuple):
    """One record or alert as last delivered; `delivered_at` is when the log appended that delivery, UTC ms."""

    kind: DeliveredKind
    ref: str
    revision: int
    body: bytes
    delivered_at: int
    closed: bool = False

    def open(self) -> Opened | Refusal:
        """Decode the signed bytes, strictly; only `bus.client.verify` judges who signed them."""
        return open_signed(self.body)


class Gone(NamedTuple):
    """What was taken away, and why."""

    ref: str
    reason: str | None
    superseded_by: str | None


@dataclass(slots=True)
class Picture:
    """One reader's picture: what it has now, by `kind` and `ref` (`agency/feed/id`, or the alert's id).

    `past`: what events were before they were amended, or expired. A closed alert stands on them as they were, so it is
    verified by them. What its author took back, or this reader may no longer read, is not kept.
    """

    held: dict[tuple[DeliveredKind, str], Held] = field(default_factory=dict)
    gone: dict[tuple[DeliveredKind, str], Gone] = field(default_factory=dict)
    past: dict[str, tuple[Held, ...]] = field(default_factory=dict)

    def apply(self, delivery: Delivery, delivered_at: int) -> None:
        """Take in one delivery."""
        key = (delivery.kind, delivery.ref)
        if delivery.change is Change.RETRACTED:
            before = self.held.pop(key, None)
            if delivery.reason is DeliveryReason.EXPIRED:
                self._remember(before)
            else:
                self.past.pop(delivery.ref, None)
            self.gone[key] = Gone(delivery.ref, delivery.reason, delivery.superseded_by)
        elif delivery.change is Change.CLOSED:
            if key in self.held:
                self.held[key] = self.held[key]._replace(closed=True, revision=delivery.revision)
        elif delivery.body is not None:
            before = self.held.get(key)
            self._remember(before)
            closed = before is not None and before.closed
            self.held[key] = Held(delivery.kind, delivery.ref, delivery.revision, delivery.body, delivered_at, closed)
            self.gone.pop(key, None)

    def alerts(self) -> dict[str, Held]:
        """The alerts that stand, by id."""
        return self._of(DeliveredKind.ALERT)

    def events(self) -> dict[str, Held]:
        """The events that stand, by `agency/feed/id`."""
        return self._of(DeliveredKind.EVENT)

    def alert(self, alert_id: str) -> AlertMessage | None:
        """The alert of this id; None where this reader has none, for whatever reason."""
        opened = self._opened(DeliveredKind.ALERT, alert_id)
        return opened if isinstance(opened, AlertMessage) else None

    def event(self, ref: str) -> EventMessage | None:
        """The event of this reference; None where this reader has none, for whatever reason."""
        opened = self._opened(DeliveredKind.EVENT, ref)
        return opened if isinstance(opened, EventMessage) else None

    def _remember(self, before: Held | None) -> None:
        """Keep an event's former bytes."""
        if before is not None and before.kind is DeliveredKind.EVENT:
            self.past[before.ref] = (*self.past.get(before.ref, ()), before)

    def _of(self, kind: DeliveredKind) -> dict[str, Held]:
        return {held.ref: held for (its, _), held in self.held.items() if its is kind}

    def _opened(self, kind: DeliveredKind, ref: str) -> Message | None:
        held = self.held.get((kind, ref))
        opened = None if held is None else held.open()
        return opened.message if isinstance(opened, Opened) else None
