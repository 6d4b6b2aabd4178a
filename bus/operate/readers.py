"""Who would read something: asked before it is sent."""

from bus.errors import Reason, Refusal, refuse
from bus.labels import Label, Permit, expand, permits
from bus.labels.spelling import read
from bus.stages.control import Control
from schemas.models import FeedEntry


def complete(control: Control, spelled: str, author: str | None, at: int) -> Label | Refusal:
    """The label that a person means, ready to be signed."""
    parts = read(spelled)
    if isinstance(parts, Refusal):
        return parts
    policy = control.policies.get(parts.policy)
    if policy is None:
        return refuse(Reason.BAD_LABEL, "label", f"one of the policies in force: {', '.join(sorted(control.policies))}")
    return expand(policy, spelled, at, author)


def words_of(control: Control) -> list[str]:
    """What a label can be made of, a line per policy in force."""
    lines = []
    for name, policy in sorted(control.policies.items()):
        tags = ((" //NEED ", policy.need), (" //CONTROL ", policy.controls))
        parts = [f";{kind}{' | '.join(sorted(known))}" for kind, known in tags if known]
        lines.append(f"{name} {' | '.join(policy.levels)}{''.join(parts)}")
    return lines


def under_floor(control: Control, feed: FeedEntry, label: Label) -> Refusal | None:
    """Why ingest would refuse this label in this feed, if it lies below the floor."""
    if control.reaches(label, feed.floor):
        return None
    return refuse(Reason.LABEL_BELOW_FLOOR, "label", f"at least the feed's floor, {feed.floor}")


def readers_of(control: Control, label: Label, at: int) -> list[str]:
    """The agencies that may read this label now, in order."""
    policy = control.policies[label.policy]
    return sorted(
        name
        for name, clearance in control.clearances.items()
        if isinstance(
            permits(
                policy,
                clearance,
                label,
                at,
                roster_version=control.roster_version,
                policy_version=control.policy_versions[label.policy],
            ),
            Permit,
        )
    )
