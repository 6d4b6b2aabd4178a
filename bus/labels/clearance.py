"""What a reader may read: compiled from the roster's entry against the policies in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from bus.errors import Reason, Refusal, refuse
from bus.labels.policy import Policy

if TYPE_CHECKING:
    from schemas.models import Clearance as ClearanceEntry


class Grant(NamedTuple):
    """What is held under one policy: a downward-closed set of levels and the need tags."""

    levels: frozenset[str]
    need: frozenset[str]


@dataclass(frozen=True, slots=True)
class Clearance:
    """A reader's clearance; `not_after` (UTC ms, exclusive) None: without end."""

    subject: str
    grants: Mapping[str, Grant]
    audiences: frozenset[str]
    realms: frozenset[str]
    not_after: int | None

    @classmethod
    def compile(cls, entry: "ClearanceEntry", policies: Mapping[str, Policy]) -> "Clearance | Refusal":
        """Compile a roster's entry (schemas.models.Clearance).

        A list of levels that is not downward closed is refused: {SECRET} without CONFIDENTIAL would show in a fused
        SECRET product what its CONFIDENTIAL source denied. A policy that is not in force grants nothing.
        """
        grants: dict[str, Grant] = {}
        for given in entry.policies:
            policy = policies.get(given.policy)
            if policy is None:
                continue
            if given.policy in grants:
                return _bad("policies", "each policy once")
            levels = frozenset(given.levels)
            if not levels <= policy.levels.keys():
                return _bad("policies.levels", "levels of the policy")
            if {level.rank for level in policy.levels.values() if level.name in levels} != set(range(len(levels))):
                return _bad("policies.levels", "a downward-closed list: with a level also every lower one")
            if not policy.need.issuperset(given.need):
                return _bad("policies.need", "RESTRICTIVE tags of the policy")
            grants[given.policy] = Grant(levels, frozenset(given.need))
        if any(not policy.groups.keys().isdisjoint(entry.audiences) for policy in policies.values()):
            return _bad("audiences", "what the reader is, not a group: labels hold members")
        return cls(
            entry.subject,
            MappingProxyType(grants),
            frozenset(entry.audiences),
            frozenset(entry.realms),
            entry.not_after,
        )


def _bad(place: str, expected: str) -> Refusal:
    return refuse(Reason.BAD_FIELD, f"clearance.{place}", expected)
