"""The authority's desk for keys: rotated, revoked, and the roots that sign rosters.

`root` names the keys that sign rosters, `authority` and `bus` the bus's own; all others are agencies'. Without a key
the authority and the bus could do nothing: a revocation gives them the next one in the same roster.
"""

from contextlib import nullcontext
from typing import Final, NamedTuple

from bus.errors import Reason, Refusal
from bus.log.protocol import Log
from bus.names import AUTHORITY, BUS, ROOT
from bus.operate.desk import Desk
from bus.operate.rosters import Change, key_entry
from bus.operate.rotation import OVERLAP_MS, both, in_force, with_revocation, with_roots, with_successors
from bus.operate.taint import Signed, signed_by
from bus.trust.keys import PublicKey
from bus.trust.succession import owned_keys
from schemas.models import AgencyEntry, KeyEntry, Roster

_LEAST_ID: Final = 8
"""Digits of a key's id that name it: by chance two keys of a roster share them once in 10⁶ rosters of 90 keys."""


class Rotation(NamedTuple):
    """New keys, by id; and until when those before are good (UTC ms), None where they are out at once."""

    holder: str
    new: tuple[str, ...]
    old: tuple[str, ...]
    ends_at: int | None


class Revocation(NamedTuple):
    """Which keys of whom, from when on (UTC ms), what that does to what was accepted, and what is left."""

    holder: str
    keys: tuple[str, ...]
    compromised_since: int | None
    signed: Signed
    new: tuple[str, ...]
    left: tuple[str, ...]
    """The holder's keys in force afterwards."""


class KeyDesk:
    """What a desk does with keys."""

    def __init__(self, desk: Desk, log: Log) -> None:
        """At this desk; `log` holds the receipts that say what a key has signed."""
        self._desk = desk
        self._log = log

    def rotate(self, holder: str, overlap_ms: int = OVERLAP_MS) -> Rotation | Refusal:
        """Give a holder the next keys, one for each scope; those in force are good for the overlap still."""
        with self._desk.at_work():
            if holder == ROOT:
                return self._next_root()
            entry = self._desk.agency(holder)
            if isinstance(entry, Refusal):
                return entry
            now = self._desk.now()
            old = in_force(entry, now)
            if not old:
                return _no_key(holder)
            new = self._successors(holder, old, now)
            done = self._desk.publish(with_successors(holder, new, now + overlap_ms))
        if isinstance(done, Refusal):
            return done
        return Rotation(holder, _ids(new), _ids(old), now + overlap_ms)

    def revoke(
        self, named: str, compromised_since: int | None = None, *, dry_run: bool = False
    ) -> Revocation | Refusal:
        """Revoke a key (by the beginning of its id) or all keys of a holder; says what that does, or would do."""
        with nullcontext() if dry_run else self._desk.at_work():
            roster, now = self._desk.roster, self._desk.now()
            root = next((key.key_id for key in roster.roots.keys if _names(named, key.key_id)), None)
            if named == ROOT or root is not None:
                return self._revoke_root(root, dry_run=dry_run)
            chosen = _chosen(roster, named)
            if isinstance(chosen, Refusal):
                return chosen
            entry, keys = chosen
            flaw = _untimely(keys, now, compromised_since)
            if flaw is not None:
                return flaw
            return self._revoke(entry, keys, now, compromised_since, dry_run=dry_run)

    def _revoke(
        self, entry: AgencyEntry, keys: tuple[KeyEntry, ...], now: int, since: int | None, *, dry_run: bool
    ) -> Revocation | Refusal:
        ids = frozenset(_ids(keys))
        left = tuple(key for key in in_force(entry, now) if key.key_id not in ids)
        change = with_revocation(entry.name, ids, now, since)
        new: list[KeyEntry] = []
        if entry.name in (AUTHORITY, BUS) and not left and not dry_run:
            new = self._successors(entry.name, keys, now)
            change = both(with_successors(entry.name, new, now), change)
        signed = Signed() if entry.name == BUS else signed_by(self._log, entry.name, ids, since)
        if not dry_run:
            done = self._desk.publish(change)
            if isinstance(done, Refusal):
                return done
        return Revocation(entry.name, _ids(keys), since, signed, _ids(new), _ids((*left, *new)))

    def new_root(self, threshold: int | None = None) -> Rotation | Refusal:
        """Let one more root key in; `threshold`: how many signatures a roster needs from then on."""
        with self._desk.at_work():
            public = self._desk.unused_root().public
            done = self._desk.publish(with_roots(enter=public, threshold=threshold))
        return done if isinstance(done, Refusal) else Rotation(ROOT, (public.key_id,), (), None)

    def _next_root(self) -> Rotation | Refusal:
        """One root key follows another: the oldest goes."""
        oldest = self._desk.roster.roots.keys[0].key_id
        public = self._desk.unused_root().public
        done = self._desk.publish(with_roots(enter=public, leave=frozenset({oldest})))
        return done if isinstance(done, Refusal) else Rotation(ROOT, (public.key_id,), (oldest,), None)

    def _revoke_root(self, named: str | None, *, dry_run: bool) -> Revocation | Refusal:
        """A root key goes; where no roster could be signed without it, another comes in its place."""
        roots = self._desk.roster.roots
        gone = roots.keys[0].key_id if named is None and len(roots.keys) == 1 else named
        if gone is None:
            ids = ", ".join(key.key_id for key in roots.keys)
            return Refusal(Reason.BAD_FIELD, "key", f"one of the root keys {ids}", "Name the one to be revoked.")
        left = tuple(key.key_id for key in roots.keys if key.key_id != gone)
        new: tuple[PublicKey, ...] = ()
        if not dry_run:
            new = () if len(left) >= roots.threshold else (self._desk.unused_root().public,)
            change: Change = with_roots(enter=next(iter(new), None), leave=frozenset({gone}))
            done = self._desk.publish(change)
            if isinstance(done, Refusal):
                return done
        ids_of_new = tuple(key.key_id for key in new)
        return Revocation(ROOT, (gone,), None, Signed(), ids_of_new, (*left, *ids_of_new))

    def _successors(self, holder: str, old: tuple[KeyEntry, ...], now: int) -> list[KeyEntry]:
        """A new key for each scope of the old ones."""
        made: list[KeyEntry] = []
        for feeds in dict.fromkeys(key.feeds for key in old):
            made.append(key_entry(self._desk.unused_key(holder, frozenset(_ids(made))).public, feeds, now))
        return made


def _chosen(roster: Roster, named: str) -> tuple[AgencyEntry, tuple[KeyEntry, ...]] | Refusal:
    """Whose keys are meant, and which: all that are not revoked, or the one whose id begins so."""
    for entry in roster.agencies:
        if entry.name == named:
            keys = tuple(key for key in entry.keys if key.revoked_at is None)
            return (entry, keys) if keys else _no_key(named)
    found = [(owner, key) for key_id, (owner, key) in owned_keys(roster).items() if _names(named, key_id)]
    if len(found) != 1:
        return Refusal(
            Reason.BAD_FIELD,
            "key",
            f"an agency, or the first {_LEAST_ID} digits or more of one key's id",
            "`tocsin key ls` shows the keys.",
        )
    [(owner, key)] = found
    return next(entry for entry in roster.agencies if entry.name == owner), (key,)


def _untimely(keys: tuple[KeyEntry, ...], now: int, since: int | None) -> Refusal | None:
    """Why these keys can't be revoked with this time of a theft."""
    if since is not None and since > now:
        return Refusal(
            Reason.FROM_THE_FUTURE, "compromised_since", "a time that has passed", "Say when it may have been stolen."
        )
    for key in keys:
        if key.revoked_at is None:
            continue
        if since is None:
            return Refusal(
                Reason.BAD_FIELD,
                "key",
                "a key that is not revoked yet",
                "With --compromised-since TIME it can still be said that it was stolen, or that it was earlier.",
            )
        if since > key.revoked_at or since >= (key.compromised_since or since + 1):
            return Refusal(
                Reason.BAD_FIELD,
                "compromised_since",
                "a time before the revocation, and before what was said of this key",
                "What is known of a theft only moves earlier; nothing that was tainted comes back.",
            )
    return None


def _no_key(holder: str) -> Refusal:
    return Refusal(
        Reason.BAD_FIELD,
        "agency.keys",
        "a key that is in force",
        f"`tocsin key new {holder}` makes one. Of a key that is revoked already (`tocsin key ls {holder}`) it can"
        " still be said that it was stolen: name the key, with --compromised-since.",
    )


def _names(text: str, key_id: str) -> bool:
    return len(text) >= _LEAST_ID and key_id.startswith(text)


def _ids(keys: "tuple[KeyEntry, ...] | list[KeyEntry]") -> tuple[str, ...]:
    return tuple(key.key_id for key in keys)
