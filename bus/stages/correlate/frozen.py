"""Closed alerts: context and id are frozen; what changes them is only that a member falls, and it falls for good.

A member falls when its revision is tainted, when its record is retracted or replaced, and for a reader who may no
longer read it. Expiry, amendments and links don't touch a closed alert.
"""

from collections.abc import Iterable

from bus.fusion.alert import build, payload
from bus.stages.correlate.alerts import gone, make_variant, reasons
from bus.stages.correlate.bonds import Tie
from bus.stages.correlate.groups import bits
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.records import Moves
from bus.stages.correlate.shelf import Member, Variant
from bus.stages.correlate.state import State
from schemas.models import Change, DeliveryReason


class Frozen:
    """Keeps the closed alerts of readers to what they may still have."""

    def __init__(self, state: State) -> None:
        """Work on the fold's state."""
        self._state = state

    def refresh(self, moves: Moves) -> list[Notice]:
        """After records left: look at the closed alerts that they were in."""
        touched: dict[Variant, int] = {}
        for ref, left in moves.left.items():
            for variant in self._state.closed.of_member(ref):
                for mask, _ in left:
                    if hit := variant.mask & mask:
                        touched[variant] = touched.get(variant, 0) | hit
        return self._refresh(touched.items(), moves)

    def refresh_all(self, moves: Moves) -> list[Notice]:
        """After rights, a roster or a policy changed: look at every closed alert."""
        return self._refresh([(variant, variant.mask) for variant in self._state.closed], moves)

    def _refresh(self, touched: Iterable[tuple[Variant, int]], moves: Moves) -> list[Notice]:
        notices = []
        for variant, mask in touched:
            groups: dict[tuple[tuple[Member, ...], tuple[Tie, ...]], int] = {}
            for bit in bits(mask):
                left = self._left(variant, bit)
                groups[left] = groups.get(left, 0) | 1 << bit
            for (members, ties), who in groups.items():
                if (members, ties) != (variant.members, variant.ties):
                    notices += self._fall(variant, members, ties, who, moves)
        return notices

    def _left(self, variant: Variant, bit: int) -> tuple[tuple[Member, ...], tuple[Tie, ...]]:
        """What this reader may still have of a closed alert."""
        state, trust = self._state, self._state.control.trust
        members = []
        for member in variant.members:
            entry = state.store.get("event", member.ref)
            is_tainted = trust.is_tainted(member.revision.key_id, member.revision.accepted_at)
            if entry is not None and entry.has >> bit & 1 and not is_tainted:
                members.append(member)
        return tuple(members), tuple(tie for tie in variant.ties if tie.readable() >> bit & 1)

    def _why(self, old: Variant, moves: Moves) -> list[tuple[int, DeliveryReason]]:
        """Why the founder falls, if it does: its record left, or stays and the revision that was cited is tainted."""
        left, cited = moves.left.get(old.founder, []), old.members[0].revision
        if self._state.control.trust.is_tainted(cited.key_id, cited.accepted_at):
            return [*left, (-1, DeliveryReason.TAINTED)]
        return left

    def _fall(
        self, old: Variant, members: tuple[Member, ...], ties: tuple[Tie, ...], mask: int, moves: Moves
    ) -> list[Notice]:
        state = self._state
        state.closed.take(old, mask)
        nodes = [state.node(state.entry(member.ref), member.revision) for member in members]
        related = [tie.related() for tie in ties]
        parameters = state.control.parameters
        draft = build(nodes, related, parameters, state.join, frozen_id=old.alert_id) if nodes else None
        if draft is None:
            found = reasons(self._why(old, moves), mask, is_merged=False)
            return [gone(state, old.alert_id, who, reason) for reason, who in found]
        now = make_variant(state, draft, members, ties)
        now.variant, content = payload(draft)
        notices = []
        if denied := mask & ~now.label.mask:
            notices.append(gone(state, old.alert_id, denied, DeliveryReason.RIGHT_LOST))
        if permitted := mask & now.label.mask:
            state.closed.put(now, permitted)
            tally, what = state.tally(old.alert_id), old.changes_to(now)
            notices.append(
                Notice(
                    permitted,
                    Change.UPDATE,
                    "alert",
                    old.alert_id,
                    tally,
                    label=now.label,
                    payload=content,
                    what_changed=what,
                )
            )
        return notices
