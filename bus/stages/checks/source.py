"""Check 8, the source: what it did not agree to stays out, what could endanger it stands high enough."""

from bus.errors import Reason, Refusal, refuse
from bus.stages.checks.case import Case

NO_ONWARD = "NO-ONWARD"
"""The control that tells a reader not to pass it on."""


def judge_source(case: Case) -> Refusal | None:
    """NO_CONSENT, and BAD_LABEL where the label does not say what the source demands."""
    source = case.content.body.get("source")
    if source is None:
        return None
    if source["consent"] == "REFUSED":
        return refuse(Reason.NO_CONSENT, "body.source.consent", "nothing that the source refused to have passed on")
    if source["at_risk"] or source["consent"] == "LIMITED":
        place = "body.source.at_risk" if source["at_risk"] else "body.source.consent"
        floor = case.feed.protected_floor
        if floor is None:
            return refuse(Reason.NO_CONSENT, place, "a feed that has a protected floor")
        if not case.reaches(floor):
            return refuse(Reason.NO_CONSENT, place, "a label at or above the feed's protected floor")
    if source["onward"] == "NONE" and NO_ONWARD not in case.label.controls:
        return refuse(Reason.BAD_LABEL, "header.label", f"the control {NO_ONWARD}: body.source.onward is NONE")
    return None
