"""From one roster to the next, its keys: rotated, revoked, and the roots themselves; each change a pure function.

A key that was entered stays (bus/trust/succession.py): it ends by a date or by revocation. Roots have no dates: the
next roster names others, and both the old and the new ones sign it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from bus.errors import Reason, Refusal
from bus.operate.rosters import Change, entry_of
from bus.trust.keys import PublicKey
from bus.units import DAY_MS
from schemas.models import AgencyEntry, KeyEntry, RootKey, Roots, Roster

OVERLAP_MS: Final = 14 * DAY_MS
"""What a publisher has signed and not yet sent, cut off for a fortnight, is still good under the old key."""


def in_force(entry: AgencyEntry, now: int) -> tuple[KeyEntry, ...]:
    """The agency's keys that are neither revoked nor past their end, in the roster's order."""
    return tuple(
        key for key in entry.keys if key.revoked_at is None and (key.valid_until is None or key.valid_until > now)
    )


def with_successors(agency: str, new: Sequence[KeyEntry], ends_at: int) -> Change:
    """Enter new keys, and let those in force when the new ones begin end at `ends_at` (UTC ms), none later than now."""

    def change(entry: AgencyEntry) -> AgencyEntry:
        over = {key.key_id for key in in_force(entry, min(key.valid_from for key in new))}
        keys = [_ending(key, ends_at) if key.key_id in over else key for key in entry.keys]
        return entry.model_copy(update={"keys": (*keys, *new)})

    return _changed(agency, change)


def with_revocation(agency: str, key_ids: frozenset[str], now: int, compromised_since: int | None) -> Change:
    """Revoke keys; what is known of an earlier theft only ever moves earlier."""

    def revoked(key: KeyEntry) -> KeyEntry:
        if key.key_id not in key_ids:
            return key
        since = [at for at in (key.compromised_since, compromised_since) if at is not None]
        return key.model_copy(
            update={"revoked_at": key.revoked_at or now, "compromised_since": min(since, default=None)}
        )

    return _changed(agency, lambda entry: entry.model_copy(update={"keys": tuple(map(revoked, entry.keys))}))


def both(first: Change, second: Change) -> Change:
    """One change after the other, in one roster."""

    def change(roster: Roster) -> Roster | Refusal:
        found = first(roster)
        return found if isinstance(found, Refusal) else second(found)

    return change


def with_roots(
    *, enter: PublicKey | None = None, leave: frozenset[str] = frozenset(), threshold: int | None = None
) -> Change:
    """Let a root key in, others out, and another number of them be asked for (None: as many as before)."""

    def change(roster: Roster) -> Roster | Refusal:
        kept = [root for root in roster.roots.keys if root.key_id not in leave]
        new = [] if enter is None else [RootKey(key_id=enter.key_id, public=enter.raw)]
        asked = roster.roots.threshold if threshold is None else threshold
        if not 1 <= asked <= len(kept) + len(new):
            return Refusal(
                Reason.BAD_FIELD,
                "roots.threshold",
                f"1 to {len(kept) + len(new)}, as many as there are root keys afterwards",
                "Enter another root key first (`tocsin key new root`), or say a smaller --threshold.",
            )
        return roster.model_copy(update={"roots": Roots(keys=(*kept, *new), threshold=asked)})

    return change


def _ending(key: KeyEntry, ends_at: int) -> KeyEntry:
    ends = max(ends_at, key.valid_from + 1)
    return key.model_copy(update={"valid_until": ends if key.valid_until is None else min(ends, key.valid_until)})


def _changed(agency: str, change: Callable[[AgencyEntry], AgencyEntry]) -> Change:
    """Of any agency: the bus's own keys wear out like all others."""

    def whole(roster: Roster) -> Roster | Refusal:
        old = entry_of(roster, agency)
        if isinstance(old, Refusal):
            return old
        new = change(old)
        return roster.model_copy(update={"agencies": tuple(new if one is old else one for one in roster.agencies)})

    return whole
