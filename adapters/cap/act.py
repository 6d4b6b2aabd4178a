"""Messages that take others back, and those that are no event at all.

Cancel takes back all that it refers to. Error tells that a message was rejected, mostly by a receiver: it takes back
only where its note says so, and only its own sender's. Ack, System and Draft are refused, and never made a test.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from adapters.cap.map import STATUS, alert_id, party
from adapters.cap.markup import Element, first, kids, moment
from adapters.cap.references import references
from adapters.cap.rules import Broken, Rule, broken
from adapters.translation import Body, Draft

MAX_NOTE_CHARS: Final = 8192
USES: Final = frozenset({"identifier", "sender", "sent", "status", "msgType", "references", "note"})
"""What a retraction takes from a message; its infos say nothing that another field would hold."""


class Sayings(NamedTuple):
    """How a note takes an alert back (tables/errors.toml)."""

    says: re.Pattern[str]
    denied: re.Pattern[str]


@cache
def sayings() -> Sayings:
    """Read the table."""
    data = tomllib.loads(files("adapters.cap").joinpath("tables", "errors.toml").read_text("utf-8"))
    says = "|".join(re.escape(each) for each in data["says"])
    denials = "|".join(re.escape(each) for each in data["denials"])
    return Sayings(
        re.compile(rf"(?<!\w)(?:{says})", re.IGNORECASE),
        re.compile(rf"(?:(?<!\w)(?:{denials})|n't)\s+(?:\w+\s+){{0,2}}$", re.IGNORECASE),
    )


def out_of_scope(alert: Element) -> Broken | None:
    """Why a message is no event of any kind; None where it is one, or where its schema has to speak first."""
    for element in kids(alert, "status"):
        if first(alert, "status") in {"System", "Draft"}:
            return broken(Rule.STATUS_OUT_OF_SCOPE, element, "a status of Actual, Exercise or Test")
    for element in kids(alert, "msgType"):
        if first(alert, "msgType") == "Ack":
            return broken(Rule.ACK_OUT_OF_SCOPE, element, "an Alert, Update or Cancel")
    return None


def is_act(alert: Element) -> bool:
    """Whether a message takes others back, or at least rejects them."""
    return first(alert, "msgType") in {"Cancel", "Error"}


def retraction(alert: Element) -> Draft:
    """The draft of a Cancel, or of an Error that takes back.

    Raises:
        RowError: it takes nothing back.
    """
    is_error = first(alert, "msgType") == "Error"
    taken = references(alert)
    if is_error:
        taken = [each for each in taken if each.sender == first(alert, "sender")]
        if not taken or not takes_back(first(alert, "note")):
            expected = "a note that says that messages of this sender are withdrawn"
            raise broken(Rule.ERROR_OUT_OF_SCOPE, alert, expected).error()
    ids = dict.fromkeys(alert_id(each.identifier) for each in taken)
    body: Body = {
        "retracts": [{"kind": "event", "id": each} for each in ids],
        "reason": "ERROR" if is_error else "WITHDRAWN",
    }
    if note := first(alert, "note")[:MAX_NOTE_CHARS]:
        body["note"] = note
    own = alert_id(first(alert, "identifier"))
    sent = moment(first(alert, "sent"))
    return Draft("retraction", own, STATUS[first(alert, "status")], sent, body, party=party(alert))


def takes_back(note: str) -> bool:
    """Whether a note says that what it is about no longer holds."""
    known = sayings()
    return any(not known.denied.search(note[: found.start()]) for found in known.says.finditer(note))
