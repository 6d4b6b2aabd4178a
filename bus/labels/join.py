"""What two labels make together: the least label that nobody reads who could not read both.

Not NATO's dominant-label rule: it drops a permissive category when the intersection is empty, and leaks 104 of 512
modelled cases. Release is a set of clauses and the join is their union, so nothing ever drops a clause.
"""

from bus.labels.label import Label, flaw
from bus.labels.policy import Policy
from bus.labels.spelling import MAX_CHARS, Parts


def join(policy: Policy, a: Label, b: Label) -> Label | None:
    """The least upper bound, or None where there is none.

    Other policy, other realm, or a rule of validity forbids it; so does a text that is too long to be signed.
    """
    if a.text == b.text:
        return a if flaw(policy, a) is None else None
    if not (a.policy == b.policy == policy.id and a.realm == b.realm):
        return None
    if a.level not in policy.levels or b.level not in policy.levels:
        return None
    joined = Label.of(
        Parts(
            policy=policy.id,
            level=a.level if policy.levels[a.level].rank >= policy.levels[b.level].rank else b.level,
            need=a.need | b.need,
            release=a.release | b.release,
            recipients=_both(a.recipients, b.recipients),
            controls=a.controls | b.controls,
            origin=a.origin | b.origin,
            realm=a.realm,
            review_after=max((day for day in (a.review_after, b.review_after) if day is not None), default=None),
        )
    )
    return joined if len(joined.text) <= MAX_CHARS and flaw(policy, joined) is None else None


def below_floor(policy: Policy, floor: Label, label: Label) -> bool:
    """Whether the label admits somebody whom the feed's floor does not.

    The floor holds in every realm, so it is taken in the label's own.
    """
    return join(policy, floor.in_realm(label.realm), label) != label


def _both(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    """None is unrestricted, the empty set is nobody: they must not look alike."""
    if a is None:
        return b
    return a if b is None else a & b
