"""The roster in force, as a state machine: who may sign for what, and which roster may follow (after TUF).

It begins with a pin, the digest of the first roster, which everyone takes from the authority by another way. From then
on version N + 1 needs the thresholds of the roots of N and of its own. An expired roster still says who may sign the
next one, and nothing else ends it.

Nothing here reads a clock: `at` is the log's append time (UTC ms), never the author's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from bus.errors import Reason, Refusal, refuse
from bus.trust.frame import Envelope
from bus.trust.keys import PublicKey, verify
from bus.trust.succession import find_flaw, or_never, owned_keys
from schemas.models import AgencyEntry, FeedEntry, KeyEntry, Roster
from schemas.payload import parse_payload_type

KIND: Final = "roster"
ALL_FEEDS: Final = "*"


class Key(NamedTuple):
    """A key that may sign, and whose it is."""

    key_id: str
    agency: str
    public: PublicKey


class _Entry(NamedTuple):
    """What the roster says of a key, ready to be asked: half-open times, and far ones for those left out."""

    key: Key
    feeds: frozenset[str]
    valid_from: int
    valid_until: int
    refused_from: int
    """When it was revoked or compromised, whichever is earlier."""
    tainted_from: int
    suspended: bool


_Roots = Mapping[str, PublicKey]


class _Tables(NamedTuple):
    """What the roster says, by what it is asked for."""

    roots: _Roots
    keys: Mapping[str, _Entry]
    agencies: Mapping[str, AgencyEntry]
    feeds: Mapping[tuple[str, str], FeedEntry]


_EMPTY: Final = _Tables(*[MappingProxyType({})] * 4)


@dataclass(frozen=True, slots=True)
class Trust:
    """What the pin and the rosters accepted so far say. Immutable: a roster that is accepted makes the next one."""

    pin: bytes
    roster: Roster | None = None
    _tables: _Tables = field(default=_EMPTY, compare=False, repr=False)

    @classmethod
    def pinned(cls, pin: bytes) -> "Trust":
        """The beginning: nobody may sign anything but the roster of this digest."""
        return cls(pin)

    @property
    def version(self) -> int:
        """Of the roster in force; 0 before the first."""
        return 0 if self.roster is None else self.roster.version

    @property
    def expires_at(self) -> int:
        """From when on the roster is too old to act on (UTC ms); 0 before the first."""
        return 0 if self.roster is None else self.roster.expires_at

    @property
    def agencies(self) -> tuple[AgencyEntry, ...]:
        """All agencies, suspended ones too, in the roster's order."""
        return () if self.roster is None else self.roster.agencies

    def agency(self, name: str) -> AgencyEntry | None:
        """One agency."""
        return self._tables.agencies.get(name)

    def feed(self, agency: str, feed: str) -> FeedEntry | None:
        """One feed of an agency."""
        return self._tables.feeds.get((agency, feed))

    def expired(self, at: int) -> bool:
        """Whether nothing may be done under this roster any more but accept the next; so too before the first."""
        return at >= self.expires_at

    def judge_key(self, key_id: str, feed: str, at: int) -> Key | Refusal:
        """The key, if it may sign for this feed what the log appended at `at`."""
        entry = self._tables.keys.get(key_id)
        if entry is None:
            return refuse(Reason.UNKNOWN_KEY, "signatures[0].key_id", "a key of the roster in force")
        if at >= entry.refused_from:
            return refuse(Reason.KEY_REVOKED, "signatures[0].key_id", "a key that is neither revoked nor compromised")
        if entry.suspended or not entry.valid_from <= at < entry.valid_until:
            return refuse(Reason.KEY_NOT_VALID, "signatures[0].key_id", "a valid key of an agency in good standing")
        if feed not in entry.feeds and ALL_FEEDS not in entry.feeds:
            return refuse(Reason.KEY_OUT_OF_SCOPE, "signatures[0].key_id", "a key whose scope holds the feed")
        return entry.key

    def is_tainted(self, key_id: str, at: int) -> bool:
        """Whether what was accepted at `at` under this key may be a thief's; ask the newest roster."""
        entry = self._tables.keys.get(key_id)
        return entry is not None and at >= entry.tainted_from

    def thefts(self, agency: str) -> tuple[tuple[str, int], ...]:
        """An agency's keys that were stolen, by id, each with the time since when (UTC ms); sorted."""
        entry = self.agency(agency)
        keys = () if entry is None else entry.keys
        return tuple(sorted((key.key_id, key.compromised_since) for key in keys if key.compromised_since is not None))

    def judge_roster(self, envelope: Envelope) -> Refusal | None:
        """Why these bytes are not to be decoded as the next roster: neither pin nor roots in force vouch for them."""
        named = parse_payload_type(envelope.payload_type)
        if isinstance(named, Refusal):
            return named
        if named.kind != KIND:
            return refuse(Reason.UNKNOWN_TYPE, "payload type", "a roster's")
        if self.roster is None:
            vouched = envelope.digest == self.pin
            return None if vouched else refuse(Reason.NOT_AUTHORITY, "envelope", "the roster that is pinned")
        if len(_signers(envelope, self._tables.roots)) < self.roster.roots.threshold:
            return refuse(Reason.THRESHOLD_NOT_MET, "signatures", "as many roots in force as their threshold asks for")
        return None

    def accept(self, envelope: Envelope, roster: Roster, at: int) -> "Trust | Refusal":
        """What holds from this roster on, or why it may not follow; `roster` is what the caller decoded from it."""
        refusal = self.judge_roster(envelope)
        if refusal is not None:
            return refusal
        if roster.version != self.version + 1:
            return refuse(Reason.VERSION_GAP, "body.version", f"the version {self.version + 1}")
        if at >= roster.expires_at:
            return refuse(Reason.EXPIRED, "body.expires_at", "a time to come")
        refusal = find_flaw(roster, self.roster) or self._judge_signers(envelope, roster)
        return refusal if refusal is not None else _in_force(self.pin, roster)

    def _judge_signers(self, envelope: Envelope, roster: Roster) -> Refusal | None:
        """The new roots' threshold; and no signature may stand there that says nothing."""
        new = _public(roster)
        if len(_signers(envelope, new)) < roster.roots.threshold:
            return refuse(Reason.THRESHOLD_NOT_MET, "signatures", "as many new roots as their threshold asks for")
        if len(_signers(envelope, {**self._tables.roots, **new})) < len(envelope.signatures):
            return refuse(Reason.BAD_SIGNATURE, "signatures", "good signatures of old or new roots only")
        return None


def _signers(envelope: Envelope, roots: _Roots) -> frozenset[str]:
    """Which of these roots have signed; each counts once, however often it stands there."""
    return frozenset(
        one.key_id
        for one in envelope.signatures
        if one.key_id in roots and verify(roots[one.key_id], one.value, envelope.signed)
    )


def _in_force(pin: bytes, roster: Roster) -> Trust:
    """The state that a roster without flaw makes."""
    suspended = {agency.name for agency in roster.agencies if agency.suspended}
    tables = _Tables(
        roots=MappingProxyType(_public(roster)),
        keys=MappingProxyType(
            {id_: _entry(owner, key, owner in suspended) for id_, (owner, key) in owned_keys(roster).items()}
        ),
        agencies=MappingProxyType({agency.name: agency for agency in roster.agencies}),
        feeds=MappingProxyType({(agency.name, one.name): one for agency in roster.agencies for one in agency.feeds}),
    )
    return Trust(pin, roster, tables)


def _entry(owner: str, key: KeyEntry, suspended: bool) -> _Entry:  # noqa: FBT001 - named where it is read
    return _Entry(
        key=Key(key.key_id, owner, PublicKey(key.public)),
        feeds=frozenset(key.feeds),
        valid_from=key.valid_from,
        valid_until=or_never(key.valid_until),
        refused_from=min(or_never(key.revoked_at), or_never(key.compromised_since)),
        tainted_from=or_never(key.compromised_since),
        suspended=suspended,
    )


def _public(roster: Roster) -> dict[str, PublicKey]:
    return {root.key_id: PublicKey(root.public) for root in roster.roots.keys}
