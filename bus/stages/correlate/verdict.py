"""Who may publish what, repeated at the record's own position: an ingest with an older roster may have let it in.

What fails here is never visible. What does not depend on the roster, ingest has decided for good.
"""

from collections.abc import Mapping
from sys import intern
from typing import Any, Final

from bus.errors import Refusal
from bus.stages.control import Control
from bus.stages.correlate.bonds import BINDING
from bus.stages.correlate.entry import IDLE, Bond, Ref, Revision, Target
from bus.stages.correlate.step import AcceptedStep
from schemas.models import FeedEntry

KINDS: Final = frozenset({"event", "retraction", "link"})
"""What is delivered. Heartbeats end in receipts, control records stand in `control`."""
LIMITED: Final = "LIMITED"
EXPECTED: Final = "EXPECTED"


def identity(step: AcceptedStep) -> Ref:
    """Whose record it is."""
    return intern(step.header["agency"]), intern(step.header["feed"]), step.header["id"]


def judge(step: AcceptedStep, control: Control) -> Revision | None:
    """What the fold keeps of a record, or None where it may not be visible under the roster and policies in force."""
    agency, name, _ = identity(step)
    feed = control.trust.feed(agency, name)
    key = control.trust.judge_key(step.key_id, name, step.accepted_at)
    if feed is None or isinstance(key, Refusal) or key.agency != agency:
        return None
    if not _reaches_floor(step, feed, control):
        return None
    return revise(step, feed)


def revise(step: AcceptedStep, feed: FeedEntry | None) -> Revision:
    """What the fold keeps of a record; `feed` None: nobody asks any more what its feed may do."""
    body, kind = step.body, step.kind
    return Revision(
        number=step.header["revision"],
        position=step.position,
        digest=step.digest,
        accepted_at=step.accepted_at,
        first_at=step.first_at,
        key_id=intern(step.key_id),
        curated=feed is not None and feed.curated,
        leaves_at=_leaves_at(step) if kind == "event" else None,
        replaces=_replaces(step) if kind == "event" else (),
        targets=_targets(step) if kind == "retraction" else (),
        bond=_bond(body, feed) if kind == "link" else None,
    )


def _reaches_floor(step: AcceptedStep, feed: FeedEntry, control: Control) -> bool:
    label = control.label(step.header["label"])
    if isinstance(label, Refusal) or not control.reaches(label, feed.floor):
        return False
    if feed.protected_floor is None or step.kind != "event" or not _is_protected(step.body["source"]):
        return True
    return control.reaches(label, feed.protected_floor)


def _is_protected(source: Mapping[str, Any]) -> bool:
    return bool(source["at_risk"]) or source["consent"] == LIMITED


def _leaves_at(step: AcceptedStep) -> int | None:
    """From when on it is expired: after `expires_at`, and for EXPECTED after `when.end`."""
    ends = [step.header["expires_at"]]
    when = step.body["when"]
    if step.body["nature"] == EXPECTED and when is not None:
        ends.append(when["end"])
    return min((end for end in ends if end is not None), default=None)


def _replaces(step: AcceptedStep) -> tuple[Ref, ...]:
    return tuple((step.header["agency"], one["feed"], one["id"]) for one in step.body["replaces"])


def _targets(step: AcceptedStep) -> tuple[Target, ...]:
    agency = step.header["agency"]
    return tuple(
        Target(one["kind"], (agency, one["feed"], one["id"]), one["up_to_revision"]) for one in step.body["retracts"]
    )


def _bond(body: Mapping[str, Any], feed: FeedEntry | None) -> Bond:
    """What a link says; SAME and DIFFERENT only from an analyst's feed, else it acts for nobody."""
    is_idle = body["relation"] in BINDING and not (feed is not None and feed.analyst)
    return Bond(
        IDLE if is_idle else body["relation"],
        tuple(sorted((one["agency"], one["feed"], one["id"]) for one in body["events"])),
    )
