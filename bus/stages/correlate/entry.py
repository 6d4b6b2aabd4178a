"""One author's record under its identity: its revisions, and who has it.

Masks are bitmasks of the slot's readers: bit i stands for reader i. What readers have differs by reader; whether a
record is live does not, because everything that ends a record (retraction, replacement, taint, expiry) carries
exactly the record's own label.
"""

from bisect import insort
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from bus.stages.correlate.groups import Groups, drop, put, value_of
from bus.stages.correlate.rights import LabelState

Ref: TypeAlias = tuple[str, str, str]
"""An identity within one kind: (agency, feed, id)."""

Key: TypeAlias = tuple[str, tuple[str, ...]]
"""What a reader has or had: (kind, reference) of a record, or ("alert", (alert_id,))."""


class Target(NamedTuple):
    """What a retraction takes away: one record of its own agency, up to a revision."""

    kind: str
    ref: Ref
    up_to_revision: int


IDLE: Final = "IDLE"
"""The relation of a bond that acts for nobody: its link is delivered, and that is all."""


class Bond(NamedTuple):
    """What a link says of the events that it names: its relation, or IDLE."""

    relation: str
    refs: tuple[Ref, ...]


class Revision(NamedTuple):
    """One accepted revision of a record, and what the fold must know of it without reading it again.

    `leaves_at` is the time (UTC ms) from which it is expired. Of `replaces`, `targets` and `bond` only the one of the
    record's kind is ever filled.
    """

    number: int
    position: int
    digest: bytes
    accepted_at: int
    first_at: int
    key_id: str
    curated: bool = False
    leaves_at: int | None = None
    replaces: tuple[Ref, ...] = ()
    targets: tuple[Target, ...] = ()
    bond: Bond | None = None


@dataclass(slots=True)
class Tally:
    """How often each reader was told of something, and since when it is closed or gone for whom (the tick, UTC ms).

    A count survives RETRACTED. Who has a count and no `since` has the thing open.
    """

    counts: Groups = ()
    since: Groups = ()

    def ended(self, mask: int, at: int) -> None:
        """It closed or went for these readers."""
        self.since = put(self.since, mask, at)

    def reopened(self, mask: int) -> None:
        """It is open again for these readers."""
        self.since = drop(self.since, mask)

    def forget(self, mask: int) -> None:
        """These readers were never told, from now on."""
        self.counts, self.since = drop(self.counts, mask), drop(self.since, mask)

    def count(self, bit: int) -> int:
        """How many deliveries this reader had about it."""
        return value_of(self.counts, bit) or 0

    def told(self, mask: int) -> list[tuple[int, int]]:
        """Count one more delivery to these readers; returns the new counts, each with its readers."""
        now: dict[int, int] = {}
        rest = mask
        for count, had in self.counts:
            if hit := had & mask:
                now[count + 1] = now.get(count + 1, 0) | hit
                rest &= ~hit
        if rest:
            now[1] = rest
        for count, hit in now.items():
            self.counts = put(self.counts, hit, count)
        return list(now.items())


@dataclass(slots=True, eq=False)
class Entry:
    """A record's identity with its revisions, ascending, and the masks of who has it.

    `has`: the record is in the reader's picture. `closed`: of those, it will not be matched again. `open`: the mask
    that the graph was told, `has & ~closed`. `shown`: the revision that all in `has` were given.
    """

    key: tuple[str, Ref]
    label: LabelState
    revisions: tuple[Revision, ...] = ()
    shown: Revision | None = None
    has: int = 0
    closed: int = 0
    open: int = 0
    tally: Tally = field(default_factory=Tally)

    @property
    def kind(self) -> str:
        """event, retraction or link."""
        return self.key[0]

    @property
    def ref(self) -> Ref:
        """Its identity within its kind."""
        return self.key[1]

    @property
    def name(self) -> str:
        """The reference as deliveries spell it: `agency/feed/id`."""
        return "/".join(self.ref)

    def add(self, revision: Revision) -> None:
        """Keep one more revision; ingest lets a lower number in only where the higher ones are tainted."""
        revisions = list(self.revisions)
        insort(revisions, revision, key=lambda one: (one.number, one.position))
        self.revisions = tuple(revisions)
