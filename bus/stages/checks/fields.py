"""Check 8: the rules that no schema can say, in the order of their reason codes."""

from dataclasses import replace
from typing import Final

from bus.errors import Reason, Refusal, refuse
from bus.labels import Label
from bus.labels.spelling import PUBLIC, REAL, TEST, read
from bus.names import AUTHORITY
from bus.stages.checks.acts import judge_act
from bus.stages.checks.case import Case
from bus.stages.checks.claim import Claim, Submission
from bus.stages.checks.content import Content
from bus.stages.checks.source import judge_source
from bus.stages.checks.times import judge_times
from bus.stages.control import CONTROL, CONTROL_KINDS, Control
from schemas.models import MESSAGE_OF_KIND, Message, validate

_STATUS_OF_REALM: Final = {REAL: "ACTUAL", TEST: "TEST"}
_EXERCISE: Final = "EXERCISE"


def judge_fields(submission: Submission, claim: Claim, content: Content, control: Control) -> Message | Refusal:
    """The validated message, or the first rule that it breaks."""
    stranger = _judge_author(submission, claim, content)
    if stranger is not None:
        return stranger
    if claim.type.kind in CONTROL_KINDS:
        return _judge_control(claim, content, submission.at)
    case = _case(submission, claim, content, control)
    if isinstance(case, Refusal):
        return case
    message = _validated(claim, content)
    if isinstance(message, Refusal):
        return message
    return (
        judge_act(case)
        or judge_times(content, submission.at)
        or _judge_realm(content, case.label.realm)
        or judge_source(case)
        or message
    )


def _judge_author(submission: Submission, claim: Claim, content: Content) -> Refusal | None:
    owner = AUTHORITY if claim.key is None else claim.key.agency
    if not content.header["agency"] == owner == submission.agency:
        return refuse(Reason.AGENCY_MISMATCH, "header.agency", "the agency that owns the signing key and the topic")
    if content.header["feed"] != claim.type.feed:
        return refuse(Reason.FEED_MISMATCH, "header.feed", "the feed that the payload type names")
    return None


def _case(submission: Submission, claim: Claim, content: Content, control: Control) -> Case | Refusal:
    """What the other rules hold the content against: a feed of the roster, and a label that is allowed there."""
    feed = control.trust.feed(submission.agency, claim.type.feed)
    if feed is None or feed.name == CONTROL:
        return refuse(Reason.FEED_MISMATCH, "header.feed", "a feed that the roster gives this agency")
    label = control.label(content.header["label"])
    if isinstance(label, Refusal):
        return replace(label, place=f"header.{label.place}")
    case = Case(claim, content, feed, label, submission.at, control)
    if not case.reaches(feed.floor):
        return refuse(Reason.LABEL_BELOW_FLOOR, "header.label", "a label at or above the feed's floor")
    return case


def _judge_control(claim: Claim, content: Content, at: int) -> Message | Refusal:
    """The authority's records are for everyone, also before the first policy can say what a label means."""
    parts = read(content.header["label"])
    if isinstance(parts, Refusal):
        return replace(parts, place=f"header.{parts.place}")
    label = Label.of(parts)
    if parts.release != PUBLIC or parts.recipients is not None or label.text != content.header["label"]:
        return refuse(Reason.BAD_LABEL, "header.label", "PUBLIC, in the one spelling: control records are for everyone")
    message = _validated(claim, content)
    if isinstance(message, Refusal):
        return message
    return judge_times(content, at) or _judge_realm(content, label.realm) or message


def _validated(claim: Claim, content: Content) -> Message | Refusal:
    return validate(MESSAGE_OF_KIND[claim.type.kind], content._asdict())


def _judge_realm(content: Content, realm: str) -> Refusal | None:
    """Status, exercise and the label's realm agree; that exercises, and only they, have a name, the model says."""
    header = content.header
    expected = _STATUS_OF_REALM.get(realm, _EXERCISE)
    if header["status"] != expected:
        return refuse(Reason.REALM_MISMATCH, "header.status", f"{expected}, as the label's realm says")
    if expected == _EXERCISE and header["exercise"] != realm:
        return refuse(Reason.REALM_MISMATCH, "header.exercise", "the exercise that the label names")
    return None
