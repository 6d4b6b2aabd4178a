"""CAP-CP, the Canadian profile: what it asks of an alert that claims it, or that the option says is one."""

import re
from collections.abc import Iterator
from typing import Final

from adapters.cap.markup import Element, first, kids, pairs, texts
from adapters.cap.references import references
from adapters.cap.rules import Broken, Rule, broken

CAP_CP: Final = "CAP-CP"
PROFILES: Final = (CAP_CP,)
_CLAIM: Final = "profile:CAP-CP"
_VERSION: Final = re.compile(r"profile:CAP-CP:[0-9]+(\.[0-9]+)*")
_EVENT: Final = "profile:CAP-CP:Event:"
_LOCATION: Final = "profile:CAP-CP:Location:"


def check_profile(alert: Element, profile: str | None) -> Iterator[Broken]:
    """Check the profile's rules, where it is claimed or asked for."""
    codes = texts(alert, "code")
    if profile != CAP_CP and not any(code.startswith(_CLAIM) for code in codes):
        return
    if not any(_VERSION.fullmatch(code) for code in codes):
        yield broken(Rule.CP_VERSION_CODE, alert, "the profile's version, as <code>profile:CAP-CP:0.4</code>")
    kind, infos = first(alert, "msgType"), kids(alert, "info")
    if kind in {"Update", "Cancel"} and not references(alert):
        yield broken(Rule.CP_REFERENCE_MISSING, alert, "references in an Update or Cancel")
    if not infos and kind != "Ack":
        yield broken(Rule.CP_INFO_MISSING, alert, "an info, but for an Ack")
    codes_of = [{pair for pair in pairs(info, "eventCode") if pair.name.startswith(_EVENT)} for info in infos]
    for info, events in zip(infos, codes_of, strict=True):
        if not events or events != codes_of[0]:
            yield broken(Rule.CP_EVENT_CODE, info, "the profile's event codes, the same in each language")
        for place in kids(info, "area"):
            if not any(pair.name.startswith(_LOCATION) for pair in pairs(place, "geocode")):
                yield broken(Rule.CP_GEOCODE, place, "a geocode of the profile's locations")
