"""Whether a roster is one that may follow: consistent in itself, and taking back nothing that the one before revoked.

The roots sign it, and still it is checked: a slip of the pen must not lock everyone out, or give a key two owners.

A key that was entered once stays for good, with its agency: it ends by `valid_until` or by revocation, never by being
left out. So no later roster can give it to another agency, and what it signed is verified as what it was. An agency
that has had a key stays too, suspended where it has left.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from bus.errors import Reason, Refusal, refuse
from bus.trust.keys import PublicKey
from schemas.models import KeyEntry, Roster
from schemas.models.control import RootKey

_NEVER: Final = 2**63
"""Later than every time."""

_Owned = Mapping[str, tuple[str, KeyEntry]]
"""The roster's keys by id, each with the agency that owns it."""


def owned_keys(roster: Roster) -> dict[str, tuple[str, KeyEntry]]:
    """All agencies' keys; of a key that stands twice, the last."""
    return {key.key_id: (agency.name, key) for agency in roster.agencies for key in agency.keys}


def find_flaw(roster: Roster, before: Roster | None) -> Refusal | None:
    """The first rule that the roster breaks, or None; `before`: the roster in force."""
    owned = {} if before is None else owned_keys(before)
    flaws = chain(_of_roots(roster), _of_agencies(roster), _of_keys(roster), _of_succession(owned_keys(roster), owned))
    return next(flaws, None)


def _of_roots(roster: Roster) -> Iterator[Refusal]:
    roots = roster.roots
    yield from _of_names((root.key_id for root in roots.keys), "roots.keys", "key_id")
    for index, root in enumerate(roots.keys):
        yield from _of_identity(root, f"roots.keys[{index}]")
    if roots.threshold > len(roots.keys):
        yield _bad("roots.threshold", "at most as many as there are root keys")


def _of_agencies(roster: Roster) -> Iterator[Refusal]:
    yield from _of_names((agency.name for agency in roster.agencies), "agencies", "name")
    for index, agency in enumerate(roster.agencies):
        place = f"agencies[{index}]"
        if agency.clearance.subject != agency.name:
            yield _bad(f"{place}.clearance.subject", "the agency's name")
        yield from _of_names((feed.name for feed in agency.feeds), f"{place}.feeds", "name")


def _of_keys(roster: Roster) -> Iterator[Refusal]:
    """One key, one agency; and dates in their order."""
    seen: set[str] = set()
    for number, agency in enumerate(roster.agencies):
        for index, key in enumerate(agency.keys):
            place = f"agencies[{number}].keys[{index}]"
            if key.key_id in seen:
                yield _bad(f"{place}.key_id", "a key that stands once in the roster")
            seen.add(key.key_id)
            yield from _of_identity(key, place)
            if key.valid_until is not None and key.valid_until <= key.valid_from:
                yield _bad(f"{place}.valid_until", "a time after valid_from")
            if key.compromised_since is not None and key.compromised_since > or_never(key.revoked_at):
                yield _bad(f"{place}.compromised_since", "a time not after revoked_at")
            if key.compromised_since is not None and key.revoked_at is None:
                yield _bad(f"{place}.revoked_at", "a time, where compromised_since is given")


def _of_succession(after: _Owned, before: _Owned) -> Iterator[Refusal]:
    """Each key stays, with its owner; what was revoked stays so, from the same time on or an earlier one."""
    for key_id, (owner, old) in before.items():
        found = after.get(key_id)
        if found is None:
            yield _bad("agencies.keys", f"the key {key_id} with {owner}: end it by valid_until, or revoke it")
            continue
        agency, new = found
        if agency != owner:
            yield _bad("agencies.keys", f"the key {key_id} with the agency that owned it before")
        if or_never(new.revoked_at) > or_never(old.revoked_at):
            yield _bad("agencies.keys.revoked_at", f"the key {key_id} revoked no later than before")
        if or_never(new.compromised_since) > or_never(old.compromised_since):
            yield _bad("agencies.keys.compromised_since", f"the key {key_id} compromised no later than before")


def _of_identity(key: KeyEntry | RootKey, place: str) -> Iterator[Refusal]:
    """The key's bytes are a key that can verify, and its id is theirs."""
    public = PublicKey.from_bytes(key.public)
    if isinstance(public, Refusal):
        yield _bad(f"{place}.public", public.expected)
    elif public.key_id != key.key_id:
        yield _bad(f"{place}.key_id", "the id of the key's bytes")


def _of_names(names: Iterable[str], place: str, field: str) -> Iterator[Refusal]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield _bad(f"{place}[{index}].{field}", "each only once")
        seen.add(name)


def or_never(at: int | None) -> int:
    """A time that was left out never comes."""
    return _NEVER if at is None else at


def _bad(place: str, expected: str) -> Refusal:
    return refuse(Reason.BAD_FIELD, f"body.{place}", expected)
