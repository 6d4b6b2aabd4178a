"""What the oracle remembers of one reader, and how a delivery to it is numbered, counted and chained.

Part of the naive oracle: section 1, what a reader has and what is closed; section 4, sequence, revision and chain.
"""

import hashlib
from dataclasses import dataclass, field

from bus.fusion.alert import AlertDraft, Related
from schemas.codec import encode
from schemas.models import Change, DeliveryReason
from schemas.registry import newest
from tests.support.oracle_prefix import Key, Said
from tests.support.oracle_stories import Story


@dataclass
class Had:
    """A record that the reader has, at the revision that it was given."""

    said: Said
    closed_at: int | None = None


@dataclass
class Closed:
    """A closed alert: members frozen at the revision that they had, related frozen."""

    members: list[Said]
    related: tuple[Related, ...]
    draft: AlertDraft
    closed_at: int
    seal: object


@dataclass(eq=False)
class Picture:
    """All that the oracle remembers of one reader."""

    reader: str
    chain: bytes
    has: dict[Key, Had] = field(default_factory=dict)
    alerts: dict[str, Story] = field(default_factory=dict)
    closed: dict[str, Closed] = field(default_factory=dict)
    seals: dict[str, object] = field(default_factory=dict)
    """Of each open alert, which thefts of the bus's keys were known when it was signed."""
    revisions: dict[tuple[str, str], int] = field(default_factory=dict)
    gone_at: dict[tuple[str, str], int] = field(default_factory=dict)
    """The last tick when something was taken away, for which the revision counter survives."""
    sequence: int = 0
    tick: int = 0
    outbox: list[bytes] = field(default_factory=list)

    def position_of(self, key: Key) -> int | None:
        """The position of the revision that the reader has."""
        return self.has[key].said.position if key in self.has else None

    def deliver(  # noqa: PLR0913 - the fields of a delivery
        self,
        change: Change,
        kind: str,
        ref: str,
        *,
        reason: DeliveryReason | None = None,
        body: bytes | None = None,
        what: tuple[str, ...] = (),
        replaces: str | None = None,
        superseded_by: str | None = None,
    ) -> None:
        """Section 4: number it, count the revision of what it is about, and continue the chain."""
        self.sequence += 1
        self.revisions[kind, ref] = self.revisions.get((kind, ref), 0) + 1
        self.gone_at.pop((kind, ref), None)
        if change is Change.RETRACTED:
            self.gone_at[kind, ref] = self.tick
        delivery = {
            "sequence": self.sequence,
            "revision": self.revisions[kind, ref],
            "change": change,
            "reason": reason,
            "kind": kind,
            "ref": ref,
            "what_changed": what,
            "replaces": replaces,
            "superseded_by": superseded_by,
            "body": body,
        }
        unchained = encode(newest("delivery"), delivery | {"chain": bytes(32)})[:-33]
        self.chain = hashlib.sha256(self.chain + hashlib.sha256(unchained).digest()).digest()
        self.outbox.append(encode(newest("delivery"), delivery | {"chain": self.chain}))
