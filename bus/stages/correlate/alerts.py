"""Steps 3 to 6 for open alerts: what a reader's clusters say now, against what it last had.

Only readers and clusters that a step touched are looked at; each distinct cluster is built once for all who see it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bus.fusion.alert import AlertDraft, build, payload
from bus.fusion.entry import Cluster
from bus.fusion.masks import bits
from bus.stages.correlate.bonds import Tie
from bus.stages.correlate.entry import Ref
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.records import Moves
from bus.stages.correlate.shelf import Member, Variant
from bus.stages.correlate.state import MEMORY_MS, State
from schemas.models import Change, DeliveryReason


@dataclass(slots=True)
class Told:
    """What the readers of one step will be told: new states with their payload, and which ids take over from which."""

    fresh: list[tuple[Variant, int, Change, tuple[str, ...], bytes]] = field(default_factory=list)
    gone: list[tuple[Variant, int, DeliveryReason, str | None]] = field(default_factory=list)

    def replaced(self, alert_id: str, mask: int) -> list[tuple[str | None, int]]:
        """For these readers, the least id that vanishes into this alert; None where none does."""
        least: dict[int, str] = {}
        for variant, who, _, into in self.gone:
            for bit in bits(who & mask) if into == alert_id else ():
                least[bit] = min(least.get(bit, variant.alert_id), variant.alert_id)
        groups: dict[str | None, int] = {}
        for bit in bits(mask) if least else ():
            groups[least.get(bit)] = groups.get(least.get(bit), 0) | 1 << bit
        return list(groups.items()) or [(None, mask)]


class Alerts:
    """Compares the open alerts of readers with their clusters."""

    def __init__(self, state: State) -> None:
        """Work on the fold's state."""
        self._state = state

    def compare(self, moves: Moves) -> list[Notice]:
        """What changed for whom, by alert id; `moves` says which records left, and what links touched."""
        state = self._state
        # 3. Re-cluster what was touched.
        moves.mark(state.graph.settle())
        dirty = moves.dirty
        self._recheck_closing(dirty)
        vanishing: dict[Variant, int] = {}
        for ref, mask in dirty.items():
            for variant in state.open.of_member(ref):
                if hit := variant.mask & mask:
                    vanishing[variant] = vanishing.get(variant, 0) | hit
        told = Told()
        for cluster, mask in self._clusters(dirty):
            self._renew(cluster, mask, vanishing, told)
        self._vanish(vanishing, moves, told)
        return sorted(self._notices(told), key=lambda notice: notice.ref)

    def _recheck_closing(self, dirty: Iterable[Ref]) -> None:
        """An event whose own time has come waits for its cluster; when that changes, it is looked at again."""
        state = self._state
        for ref in dirty:
            entry = state.store.get("event", ref)
            if entry is not None and entry.open and entry.shown is not None and state.is_past(entry.shown.first_at):
                state.deadlines.overdue.add(ref)

    def _clusters(self, dirty: dict[Ref, int]) -> list[tuple[Cluster, int]]:
        """Every distinct cluster that was touched, with the readers for whom it was."""
        found: dict[int, tuple[Cluster, int]] = {}
        for ref, mask in dirty.items():
            for seen_by, cluster in self._state.graph.clusters_of(ref):
                if hit := seen_by & mask:
                    _, had = found.get(id(cluster), (cluster, 0))
                    found[id(cluster)] = cluster, had | hit
        return list(found.values())

    def _renew(self, cluster: Cluster, mask: int, vanishing: dict[Variant, int], told: Told) -> None:
        """One cluster's alert for its readers: kept, changed or new."""
        state = self._state
        parameters = state.control.parameters
        # 4. Build the alert: most clusters make none, whatever links tie to them.
        unbound = build(cluster.members, (), parameters, state.join)
        if unbound is None:
            return
        refs = tuple(node.key for node in cluster.members)
        for ties, who in state.bonds.related(refs, mask, state.store):
            related = [tie.related() for tie in ties]
            draft = build(cluster.members, related, parameters, state.join) if ties else unbound
            if draft is None:
                raise AssertionError("what is related takes no alert away")
            # 5. Permit again: who may not read all that the alert names gets none.
            label = state.rights.state(draft.label.text)
            permitted = who & label.mask
            if permitted:
                # 6. Compare with what each reader last had.
                self._settle(self._variant(cluster, ties, draft), payload(draft), permitted, vanishing, told)

    def _variant(self, cluster: Cluster, ties: tuple[Tie, ...], draft: AlertDraft) -> Variant:
        state = self._state
        members = []
        for node in sorted(cluster.members, key=lambda node: (node.first_at, node.key)):
            entry = state.entry(node.key)
            if entry.shown is None:
                raise AssertionError("a member is in the picture")
            members.append(Member(node.key, entry.shown, entry.label))
        return make_variant(state, draft, tuple(members), ties)

    def _settle(
        self, now: Variant, sealed: tuple[str, bytes], mask: int, vanishing: dict[Variant, int], told: Told
    ) -> None:
        state = self._state
        now.variant, content = sealed
        new, changed = mask, 0
        for old in state.open.of_id(now.alert_id):
            common = old.mask & mask
            if not common:
                continue
            new &= ~common
            if old in vanishing:
                vanishing[old] &= ~common
            if not old.reads_as(now):
                changed |= common
                told.fresh.append((now, common, Change.UPDATE, old.changes_to(now), content))
                state.open.take(old, common)
            elif old.ties != now.ties:
                # No byte differs, but once it is closed it falls with other labels, so this is remembered too.
                state.open.take(old, common)
                state.open.put(now.copy(), common)
                state.mark(("alert", (now.alert_id,)), common)
        if new:
            told.fresh.append((now, new, Change.NEW, (), content))
        if new | changed:
            state.open.put(now, new | changed)

    def _vanish(self, vanishing: dict[Variant, int], moves: Moves, told: Told) -> None:
        """Ids that no cluster has any more: where their earliest surviving member is now, and why."""
        state = self._state
        for old, mask in vanishing.items():
            if mask:
                state.open.take(old, mask)
        for old, mask in vanishing.items():
            if mask:
                for into, who in self._heirs(old, mask):
                    for reason, whom in reasons(moves.left.get(old.founder, ()), who, is_merged=into is not None):
                        told.gone.append((old, whom, reason, into))

    def _heirs(self, old: Variant, mask: int) -> list[tuple[str | None, int]]:
        """Per reader, the alert that holds the earliest member that is left of a vanished one, or None."""
        state = self._state
        found: dict[str | None, int] = {}
        for member in old.members:
            entry = state.store.get("event", member.ref)
            alive = mask & entry.open if entry is not None else 0
            mask &= ~alive
            for variant in state.open.of_member(member.ref) if alive else ():
                if hit := variant.mask & alive:
                    found[variant.alert_id] = found.get(variant.alert_id, 0) | hit
                    alive &= ~hit
            if alive:
                found[None] = found.get(None, 0) | alive
        if mask:
            found[None] = found.get(None, 0) | mask
        return list(found.items())

    def _notices(self, told: Told) -> list[Notice]:
        state = self._state
        notices = []
        for variant, mask, change, what, content in told.fresh:
            tally = state.tally(variant.alert_id)
            tally.reopened(mask)
            groups = told.replaced(variant.alert_id, mask) if change is Change.NEW else [(None, mask)]
            for replaces, who in groups:
                notices.append(
                    Notice(
                        who,
                        change,
                        "alert",
                        variant.alert_id,
                        tally,
                        label=variant.label,
                        payload=content,
                        what_changed=what,
                        replaces=replaces,
                    )
                )
        for variant, mask, reason, into in told.gone:
            notices.append(gone(state, variant.alert_id, mask, reason, into))
        return notices


def gone(state: State, alert_id: str, mask: int, reason: DeliveryReason, into: str | None = None) -> Notice:
    """An alert is taken from these readers."""
    tally = state.tally(alert_id)
    tally.ended(mask, state.now)
    state.deadlines.forgetting.push(state.now + MEMORY_MS, ("alert", (alert_id,)))
    return Notice(mask, Change.RETRACTED, "alert", alert_id, tally, reason, superseded_by=into)


def make_variant(state: State, draft: AlertDraft, members: tuple[Member, ...], ties: tuple[Tie, ...]) -> Variant:
    """The state of an alert as it will be remembered; its id of state is filled in when it is encoded."""
    level, probability = draft.body["severity"]["level"], draft.body["confidence"]["probability"]
    label = state.rights.state(draft.label.text)
    return Variant(draft.alert_id, "", label, members, ties, level, probability, state.seal)


def reasons(
    left: Iterable[tuple[int, DeliveryReason]], mask: int, *, is_merged: bool
) -> list[tuple[DeliveryReason, int]]:
    """Why an id vanished for these readers: why its founder left, else where it went."""
    found = []
    for who, reason in left:
        if hit := who & mask:
            found.append((reason, hit))
            mask &= ~hit
    if mask:
        found.append((DeliveryReason.MERGED if is_merged else DeliveryReason.BELOW_THRESHOLD, mask))
    return found
