"""All records that the fold remembers, and whether each is live: a function of what was accepted, free of readers.

A record's end always carries the record's own label: a retraction, a replacement or an amendment under another label
has no effect. So liveness needs no mask, and nobody can see half of a history.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from bus.stages.correlate.entry import Entry, Ref, Revision
from bus.stages.correlate.rights import LabelState
from bus.trust.roster import Trust
from schemas.models import DeliveryReason

Key: TypeAlias = tuple[str, Ref]
"""A record's identity over all kinds: (kind, (agency, feed, id))."""


class Life(NamedTuple):
    """What stands of a record: its live revision, or why there is none."""

    revision: Revision | None
    reason: DeliveryReason | None


class View(NamedTuple):
    """What counts at a position: the roster, the last tick, and which revisions a reader may still be given.

    Those accepted at `since` or later, and the one at `arriving`. What no reader has and none can be given any more
    does not act (pictures.md, 2).
    """

    trust: Trust
    tick: int | None = None
    since: int | None = None
    arriving: int | None = None

    def counts(self, entry: Entry, revision: Revision) -> bool:
        """Whether somebody has this revision or may be given it, and its key was good.

        Asked for the slot, not for each reader: one agency's `accepted_at` ascends, and ingest refuses what is covered
        already, so what an old retraction or replacement acts on is older still and can't be given to anyone anew.
        """
        if self.trust.is_tainted(revision.key_id, revision.accepted_at):
            return False
        return revision is entry.shown or self.may_enter(revision)

    def may_enter(self, revision: Revision) -> bool:
        """Whether a reader who has not got this revision may: it arrives now, or was accepted within the window."""
        return revision.position == self.arriving or self.since is None or revision.accepted_at >= self.since


class Act(NamedTuple):
    """What one revision of a record does to another: a retraction, up to a revision of that, or a replacement."""

    entry: Entry
    revision: Revision
    up_to: int


Acts: TypeAlias = dict[Key, dict[int, Act]]
"""By the record that is acted on, and the position of the revision that acts."""


class Store:
    """Entries by identity, with the retractions and replacements that name each."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: dict[Key, Entry] = {}
        self._retractions: Acts = {}
        self._replacements: Acts = {}

    def __iter__(self) -> Iterator[Entry]:
        """All entries, in any order."""
        return iter(self._entries.values())

    def __len__(self) -> int:
        """How many records are remembered."""
        return len(self._entries)

    def get(self, kind: str, ref: Ref) -> Entry | None:
        """The entry of this identity, if it is remembered."""
        return self._entries.get((kind, ref))

    def put(self, entry: Entry) -> None:
        """Remember an entry as it stands."""
        self._entries[entry.key] = entry
        for revision in entry.revisions:
            self._enter(entry, revision)

    def absorb(self, kind: str, ref: Ref, label: LabelState, revision: Revision, view: View) -> Entry | None:
        """Remember one accepted revision; None where it counts for nothing: an amendment that changes the label.

        Tainted revisions bind nobody to their label: a thief's first revision doesn't lock the author out.
        """
        entry = self._entries.get((kind, ref))
        if entry is None:
            key = kind, ref
            entry = self._entries[key] = Entry(key, label)
        elif entry.label is not label:
            if self._top(entry, view) is not None:
                return None
            for old in entry.revisions:
                self._leave(old)
            entry.revisions = ()
            entry.label = label
        entry.add(revision)
        self._enter(entry, revision)
        return entry

    def prune(self, entry: Entry, before: int) -> None:
        """Drop revisions that can never count again, and what they did to others."""
        kept: list[Revision] = []
        dropped: list[Revision] = []
        for revision in entry.revisions:
            (kept if revision.accepted_at >= before or revision is entry.shown else dropped).append(revision)
        if not dropped:
            return
        for old in dropped:
            self._leave(old)
        entry.revisions = tuple(kept)

    def forget(self, entry: Entry) -> None:
        """Drop a record whose time is over, and what it did to others."""
        del self._entries[entry.key]
        for revision in entry.revisions:
            self._leave(revision)

    def touched(self, entry: Entry) -> list[Key]:
        """The entry and every record, remembered or not, whose life may hang on it, sorted.

        A retraction may take away a replacing event, and so give back what that one replaced. It goes no further: what
        is itself replaced goes on to replace.
        """
        named = self._named(entry)
        behind: set[Key] = set()
        for key in named if entry.kind == "retraction" else ():
            if (one := self._entries.get(key)) is not None:
                behind |= self._named(one)
        return sorted({entry.key} | named | behind)

    def life(self, entry: Entry, view: View) -> Life:
        """The record's live revision, or why it has none."""
        top = self._top(entry, view)
        if top is None:
            return Life(None, DeliveryReason.TAINTED)
        reason = self.ended(entry.key, entry.label, top, view)
        is_over = top.leaves_at is not None and view.tick is not None and top.leaves_at <= view.tick
        if reason is None and is_over:
            reason = DeliveryReason.EXPIRED
        return Life(top if reason is None else None, reason)

    def ended(self, key: Key, label: LabelState, revision: Revision, view: View) -> DeliveryReason | None:
        """Why a revision under this label is taken away by its author, if it is; the record need not be remembered."""
        if self._retracted(key, label, revision, view):
            return DeliveryReason.AUTHOR_RETRACTED
        return DeliveryReason.REPLACED if self._replaced(key, label, view) else None

    def _named(self, entry: Entry) -> set[Key]:
        """Every record that some revision of this one acts on."""
        return {named for revision in entry.revisions for _, named, _ in self._acts(revision)}

    def _acts(self, revision: Revision) -> Iterable[tuple[Acts, Key, int]]:
        """Which records this revision acts on, each with the index that remembers it, and up to which revision."""
        for target in revision.targets:
            yield self._retractions, (target.kind, target.ref), target.up_to_revision
        for ref in revision.replaces:
            yield self._replacements, ("event", ref), 0

    def _enter(self, entry: Entry, revision: Revision) -> None:
        for index, named, up_to in self._acts(revision):
            acting = index.setdefault(named, {})
            before = acting.get(revision.position)
            acting[revision.position] = Act(entry, revision, up_to if before is None else max(up_to, before.up_to))

    def _leave(self, revision: Revision) -> None:
        for index, named, _ in self._acts(revision):
            acting = index.get(named, {})
            acting.pop(revision.position, None)
            if not acting:
                index.pop(named, None)

    @staticmethod
    def _top(entry: Entry, view: View) -> Revision | None:
        """The highest revision that counts."""
        for revision in reversed(entry.revisions):
            if view.counts(entry, revision):
                return revision
        return None

    def _retracted(self, key: Key, label: LabelState, revision: Revision, view: View) -> bool:
        return any(
            act.up_to >= revision.number and self._stands(act, label, view)
            for act in self._retractions.get(key, {}).values()
        )

    def _replaced(self, key: Key, label: LabelState, view: View) -> bool:
        """Whether a replacing event stands; one that merely expired still stands, one that was retracted does not."""
        return any(
            act.entry.key != key
            and self._stands(act, label, view)
            and not self._retracted(act.entry.key, label, act.revision, view)
            for act in self._replacements.get(key, {}).values()
        )

    def _stands(self, act: Act, label: LabelState, view: View) -> bool:
        """Whether this is what the acting record says last, under the label of what it acts on."""
        return act.entry.label is label and self._top(act.entry, view) is act.revision
