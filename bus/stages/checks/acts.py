"""Check 8, what each kind may do: links, retractions and replacements reach no further than their author's hand."""

from bus.errors import Reason, Refusal, refuse
from bus.stages.checks.case import Case


def judge_act(case: Case) -> Refusal | None:
    """The first rule of its kind that a message, valid by its model, breaks."""
    body = case.content.body
    match case.claim.type.kind:
        case "link":
            return _judge_relation(body["relation"], is_analyst=case.feed.analyst)
        case "retraction":
            return _judge_reach(case, [named["feed"] for named in body["retracts"]], "body.retracts")
        case "event" if body["replaces"]:
            return _judge_replaces(case)
    return None


def _judge_relation(relation: str, *, is_analyst: bool) -> Refusal | None:
    if relation == "VERSION_OF":
        return refuse(Reason.BAD_FIELD, "body.relation", "SAME, DIFFERENT or RELATED: this bus takes no versions yet")
    if relation in ("SAME", "DIFFERENT") and not is_analyst:
        return refuse(Reason.BAD_FIELD, "body.relation", "RELATED, unless the roster flags the feed as an analyst's")
    return None


def _judge_replaces(case: Case) -> Refusal | None:
    header, replaces = case.content.header, case.content.body["replaces"]
    for number, named in enumerate(replaces):
        if (named["feed"], named["id"]) == (header["feed"], header["id"]):
            return refuse(Reason.BAD_FIELD, f"body.replaces[{number}]", "another event than this one")
    return _judge_reach(case, [named["feed"] for named in replaces], "body.replaces")


def _judge_reach(case: Case, feeds: list[str], place: str) -> Refusal | None:
    """A key takes records away only from feeds for which it may sign."""
    good = {case.feed.name}
    for number, feed in enumerate(feeds):
        if feed not in good:
            if not case.may_sign_for(feed):
                return refuse(Reason.KEY_OUT_OF_SCOPE, f"{place}[{number}].feed", "a feed in the signing key's scope")
            good.add(feed)
    return None
