"""Closed alerts: context and id are frozen; what changes them is only that a member falls, and it falls for good.

A member falls, as the alert cites it, when its revision is tainted, retracted or replaced, and for a reader who may no
longer read it. Expiry, amendments and links don't touch a closed alert: it may cite what has left the picture. What it
names as related goes with the right to read it. An alert whose signature may be a thief's is signed anew.
"""

from collections.abc import Iterable
from typing import TypeAlias

from bus.fusion.alert import build, payload
from bus.fusion.masks import bits
from bus.stages.correlate.alerts import gone, make_variant, reasons
from bus.stages.correlate.bonds import Tie
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.shelf import Member, Variant
from bus.stages.correlate.state import State
from bus.stages.correlate.step import AcceptedStep
from bus.stages.correlate.store import Key, View
from schemas.models import Change, DeliveryReason

Left: TypeAlias = tuple[tuple[Member, ...], tuple[Tie, ...]]
"""What is left of a closed alert: members, and what it names besides."""


class Frozen:
    """Keeps the closed alerts of readers to what they may still have."""

    def __init__(self, state: State) -> None:
        """Work on the fold's state."""
        self._state = state

    def refresh(self, touched: Iterable[Key], arriving: AcceptedStep) -> list[Notice]:
        """After a record that touched these: look at the closed alerts that cite them, whoever has them still."""
        closed = self._state.closed
        citing = {variant: None for kind, ref in touched if kind == "event" for variant in closed.of_member(ref)}
        return self._refresh(citing, self._state.view(arriving))

    def refresh_all(self) -> list[Notice]:
        """After rights, a roster or a policy changed: look at every closed alert."""
        return self._refresh(self._state.closed, self._state.view())

    def _refresh(self, variants: Iterable[Variant], view: View) -> list[Notice]:
        notices = []
        for variant in variants:
            falls = [self._falls(member, view) for member in variant.members]
            groups: dict[Left, int] = {}
            for bit in bits(variant.mask):
                left = _left(variant, falls, bit)
                groups[left] = groups.get(left, 0) | 1 << bit
            for left, who in groups.items():
                if left != (variant.members, variant.ties) or variant.seal != self._state.seal:
                    notices += self._shrink(variant, left, falls[0], who)
        return notices

    def _falls(self, member: Member, view: View) -> DeliveryReason | None:
        """Why nobody may have this member any more, if so."""
        revision = member.revision
        if view.trust.is_tainted(revision.key_id, revision.accepted_at):
            return DeliveryReason.TAINTED
        return self._state.store.ended(("event", member.ref), member.label, revision, view)

    def _shrink(self, old: Variant, left: Left, founder_falls: DeliveryReason | None, mask: int) -> list[Notice]:
        """Make a closed alert of what is left of it, for these readers; where no byte changes they are told nothing."""
        state, (members, ties) = self._state, left
        state.closed.take(old, mask)
        nodes = [state.node(member.ref, member.label, member.revision) for member in members]
        related = [tie.related() for tie in ties]
        parameters = state.control.parameters
        draft = build(nodes, related, parameters, state.join, frozen_id=old.alert_id) if nodes else None
        if draft is None:
            found = reasons(_left_by(old.members[0], founder_falls, mask), mask, is_merged=False)
            return [gone(state, old.alert_id, who, reason) for reason, who in found]
        now = make_variant(state, draft, members, ties)
        now.variant, content = payload(draft)
        notices = []
        if denied := mask & ~now.label.mask:
            notices.append(gone(state, old.alert_id, denied, DeliveryReason.RIGHT_LOST))
        if permitted := mask & now.label.mask:
            state.closed.put(now, permitted)
            if now.reads_as(old):
                state.mark(("alert", (old.alert_id,)), permitted)
            else:
                notices.append(_update(state, old, now, content, permitted))
        return notices


def _left(variant: Variant, falls: list[DeliveryReason | None], bit: int) -> Left:
    """What this reader may still have of a closed alert."""
    members = [
        member
        for member, reason in zip(variant.members, falls, strict=True)
        if reason is None and member.label.mask >> bit & 1
    ]
    return tuple(members), tuple(tie for tie in variant.ties if tie.readable() >> bit & 1)


def _left_by(founder: Member, falls: DeliveryReason | None, mask: int) -> list[tuple[int, DeliveryReason]]:
    """Why the founder left these readers, if it did: who has lost the right learns only that."""
    no_right = DeliveryReason.RIGHT_LOST if founder.label.label is not None else DeliveryReason.LABEL_INVALID
    unread = mask & ~founder.label.mask
    found = [(unread, no_right)] if unread else []
    return found if falls is None else [*found, (mask & ~unread, falls)]


def _update(state: State, old: Variant, now: Variant, content: bytes, mask: int) -> Notice:
    return Notice(
        mask,
        Change.UPDATE,
        "alert",
        old.alert_id,
        state.tally(old.alert_id),
        label=now.label,
        payload=content,
        what_changed=old.changes_to(now),
    )
