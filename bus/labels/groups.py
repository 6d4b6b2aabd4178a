"""Groups with dated members: resolved when a label is signed, so that who joins later does not get what came before."""

from collections.abc import Mapping
from typing import NamedTuple

from bus.labels.spelling import Clauses


class Member(NamedTuple):
    """One member and the half-open time of its membership, UTC ms; None: always been, or still is."""

    name: str
    since: int | None = None
    until: int | None = None

    def is_in(self, at: int) -> bool:
        """Whether this is a member at `at`."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


Groups = Mapping[str, tuple[Member, ...]]


def members(groups: Groups, name: str, at: int) -> frozenset[str]:
    """Who is in the group at `at`."""
    return frozenset(member.name for member in groups[name] if member.is_in(at))


def expand_clauses(groups: Groups, clauses: Clauses, at: int) -> Clauses:
    """Each group's name replaced by its members at `at`. A group without members then is nobody, never everybody."""
    return frozenset(
        frozenset(one for token in clause for one in (members(groups, token, at) if token in groups else (token,)))
        for clause in clauses
    )


def fold_clause(groups: Groups, clause: frozenset[str], at: int) -> list[str]:
    """The clause for a reader's eye.

    The largest groups whose members at `at` it holds by their names, then the rest. Never signed.
    """
    names: list[str] = []
    rest = clause
    for found, name in sorted(
        ((members(groups, name, at), name) for name in groups), key=lambda pair: (-len(pair[0]), pair[1])
    ):
        if len(found) > 1 and found <= rest:
            names.append(name)
            rest -= found
    return sorted(names) + sorted(rest)
