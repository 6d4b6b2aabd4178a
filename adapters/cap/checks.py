"""What the standard asks of an alert beyond its schema (formats.md, section 5), as findings in the document's order."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from adapters.cap import area
from adapters.cap.markup import Element, children, first, kids, moment, name, text, texts, version
from adapters.cap.profile import check_profile
from adapters.cap.references import check_references
from adapters.cap.rules import Broken, Rule, broken
from adapters.cap.schema import TIMES, check_alert

MAX_FINDINGS: Final = 16
_OFFENDING: Final = re.compile(r"[\s,<&]")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_MIME: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(\s*;.{0,200})?")
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,200}>|&(#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z]{2,10});")
_PLAIN: Final = ("event", "headline", "description", "instruction", "audience", "contact")
_TOLD: Final = ("headline", "description", "instruction")


def findings(alert: Element, profile: str | None = None) -> list[Broken]:
    """All that is broken in an alert, what refuses it first.

    1 the schema of its version 2 the message 3 its references 4 infos, resources and areas 5 the profile. What the
    schema refuses is not looked at further: the other rules take its shape for granted.
    """
    found = list(islice(_nested(alert), MAX_FINDINGS)) or list(check_alert(alert)) or _beyond(alert, profile)
    return sorted(found, key=lambda one: one.is_remark)


def _beyond(alert: Element, profile: str | None) -> list[Broken]:
    """Steps 2 to 5: all remarks, and as many refusals as anybody reads."""
    infos = (_info(info) for info in kids(alert, "info"))
    steps = chain(_message(alert), check_references(alert), *infos, _languages(alert), check_profile(alert, profile))
    found: list[Broken] = []
    refusals = 0
    for one in steps:
        found.append(one)
        refusals += not one.is_remark
        if refusals == MAX_FINDINGS:
            break
    return found


def _nested(alert: Element) -> Iterator[Broken]:
    for element in alert.iterdescendants():
        if isinstance(element.tag, str) and version(element) is not None:
            yield broken(Rule.NESTED_ALERT, element, "no alert within another")


def _message(alert: Element) -> Iterator[Broken]:
    for named, rule in (("identifier", Rule.IDENTIFIER_CHARACTERS), ("sender", Rule.SENDER_CHARACTERS)):
        for element in kids(alert, named):
            if not text(element) or _OFFENDING.search(text(element)):
                yield broken(rule, element, "a name without blanks, commas, < and &")
    for element in kids(alert, "restriction"):
        if text(element) and first(alert, "scope") != "Restricted":
            yield broken(Rule.RESTRICTION_SCOPE, element, "a restriction only where the scope is Restricted")
    yield from _times(alert)
    kind = first(alert, "msgType")
    if not texts(alert, "references"):
        if kind == "Cancel":
            yield broken(Rule.REFERENCE_MISSING, alert, "the messages that are cancelled, in <references>")
        elif kind == "Update":
            yield broken(Rule.UPDATE_OF_NOTHING, alert, "the messages that are updated, in <references>")
    if kind == "Update" and not kids(alert, "info"):
        yield broken(Rule.INFO_MISSING, alert, "an info that says what is new; to take an alert back send a Cancel")


def _times(element: Element) -> Iterator[Broken]:
    for child in children(element):
        if name(child) not in TIMES:
            continue
        if moment(text(child)) is None:
            yield broken(Rule.BAD_TIME, child, "a time with seconds and an offset, as 2024-05-17T16:05:00-00:00")
        elif text(child).endswith(("Z", "+00:00")):
            yield broken(Rule.UTC_AS_PLUS, child, "-00:00 as the offset of UTC")


def _info(info: Element) -> Iterator[Broken]:
    for element in kids(info, "language"):
        if not _LANGUAGE.fullmatch(text(element)):
            yield broken(Rule.BAD_LANGUAGE, element, "a language tag such as en-US or zh-Hans-HK")
    yield from _times(info)
    for named in _PLAIN:
        for element in kids(info, named):
            if _TAG.search(text(element)):
                yield broken(Rule.TEXT_MARKUP, element, "plain text, without HTML")
    for element in kids(info, "web"):
        if text(element) and not _SCHEME.fullmatch(text(element)):
            yield broken(Rule.URI_NOT_ABSOLUTE, element, "an absolute URI")
    for resource in kids(info, "resource"):
        yield from _resource(resource)
    for place in kids(info, "area"):
        yield from _area(place)


def _resource(resource: Element) -> Iterator[Broken]:
    for element in kids(resource, "mimeType"):
        if not _MIME.fullmatch(text(element)):
            yield broken(Rule.MIME_TYPE, element, "a media type such as image/png")
    for element in kids(resource, "uri"):
        # A relative one names the content that stands beside it.
        if text(element) and not _SCHEME.fullmatch(text(element)) and not first(resource, "derefUri"):
            yield broken(Rule.URI_NOT_ABSOLUTE, element, "an absolute URI, or the content in derefUri")


def _area(place: Element) -> Iterator[Broken]:
    for element in kids(place, "polygon"):
        if text(element) and isinstance(found := area.polygon(element), Broken):
            yield found
    for element in kids(place, "circle"):
        if text(element) and isinstance(round_ := area.circle(element), Broken):
            yield round_
    yield from _heights(place)
    if not any(texts(place, named) or kids(place, "geocode") for named in ("polygon", "circle")):
        yield broken(Rule.AREA_WITHOUT_PLACE, place, "a polygon, circle or geocode")


def _heights(place: Element) -> Iterator[Broken]:
    heights = {}
    for named in ("altitude", "ceiling"):
        for element in kids(place, named):
            if not text(element):
                continue
            heights[named] = area.height(element)
            if heights[named] is None:
                yield broken(Rule.ALTITUDE_FORM, element, "a number of feet above mean sea level")
    altitude, ceiling = heights.get("altitude"), heights.get("ceiling")
    if altitude is not None and altitude < 0:
        yield broken(Rule.ALTITUDE_NEGATIVE, place, "an altitude of 0 feet or more")
    if "ceiling" in heights and "altitude" not in heights:
        yield broken(Rule.CEILING_WITHOUT_ALTITUDE, place, "an altitude beside the ceiling")
    elif altitude is not None and ceiling is not None and ceiling < altitude:
        yield broken(Rule.CEILING_BELOW_ALTITUDE, place, "a ceiling at or above the altitude")


def _languages(alert: Element) -> Iterator[Broken]:
    """A text that stands in two languages alike was not translated."""
    seen: dict[tuple[str, str], str] = {}
    for info in kids(alert, "info"):
        language = first(info, "language") or "en-US"
        for named in _TOLD:
            if (said := first(info, named)) and seen.setdefault((named, said), language) != language:
                element = kids(info, named)[0]
                yield broken(Rule.SAME_TEXT_TWO_LANGUAGES, element, "a text of its own in each language")
