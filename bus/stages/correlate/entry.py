"""One author's record under its identity: its revisions, and who has it.

Masks are bitmasks of the slot's readers: bit i stands for reader i. What readers have differs by reader; whether a record is live does not,
because everything that ends a record (retraction, replacement, taint, expiry) carries exactly the record's own label.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from bus.stages.correlate.rights import LabelState

type Ref = tuple[str, str, str]
"""An identity within one kind: (agency, feed, id)."""

DAY_MS = 86_400_000


class Target(NamedTuple):
    """What a retraction takes away: one record of its own agency, up to a revision."""

    kind: str
    ref: Ref
    up_to_revision: int


class Bond(NamedTuple):
    """What a link says of the events it names."""

    relation: str
    refs: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Revision:
    """One accepted revision of a record, and what the fold must know of it without reading it again.

    `valid` is the roster's verdict at the record's own position; `leaves_at` the time (UTC ms) from which it is expired. Of `replaces`,
    `targets` and `bond` only the one of the record's kind is ever filled.
    """

    number: int
    position: int
    digest: bytes
    accepted_at: int
    first_at: int
    key_id: str
    valid: bool
    curated: bool = False
    leaves_at: int | None = None
    replaces: tuple[Ref, ...] = ()
    targets: tuple[Target, ...] = ()
    bond: Bond | None = None


@dataclass(slots=True, eq=False)
class Entry:
    """A record's identity with all its revisions, ascending, and the masks of who has it.

    `has`: the record is in the reader's picture. `closed`: of those, it will not be matched again. `ever`: it was delivered at least once.
    `open`: the mask that the graph was told, always `has & ~closed` of a live event. `shown`: the revision that all in `has` were given.
    """

    kind: str
    ref: Ref
    label: LabelState
    revisions: list[Revision] = field(default_factory=list)
    shown: Revision | None = None
    has: int = 0
    closed: int = 0
    ever: int = 0
    open: int = 0
    closed_at: int = 0

    @property
    def name(self) -> str:
        """The reference as deliveries spell it: `agency/feed/id`."""
        return "/".join(self.ref)

    def add(self, revision: Revision) -> None:
        """Keep one more revision; ingest lets a lower number in only where the higher ones are tainted."""
        self.revisions.append(revision)
        self.revisions.sort(key=lambda r: (r.number, r.position))

    def last_accepted_at(self) -> int:
        """When the latest of its revisions was accepted (UTC ms)."""
        return max(r.accepted_at for r in self.revisions)
