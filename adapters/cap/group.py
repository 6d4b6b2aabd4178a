"""Which infos of an alert tell of one event.

Versions in several languages are one event, and so are infos of equal event, codes, grades and times (their texts and
areas are joined); anything else is an event of its own.
"""

from typing import Final, NamedTuple

from adapters.cap.markup import Element, Pair, first, kids, line, pairs, texts

MAX_EVENTS: Final = 99
"""A retraction takes `<id>` and `<id>:2` to `<id>:99` along, and nothing that looks alike."""
DEFAULT_LANGUAGE: Final = "en-US"
"""What CAP says a text is in that does not say it."""


class Key(NamedTuple):
    """What infos of one event have in common, in whichever language."""

    categories: frozenset[str]
    codes: frozenset[Pair]
    grades: tuple[str, ...]
    times: tuple[str, ...]
    responses: frozenset[str]


def groups(alert: Element) -> list[tuple[Element, ...]] | None:
    """Sort the infos into events, in the order of their first ones; an alert without infos is one event.

    None where there are more than `MAX_EVENTS`.
    """
    found: list[tuple[Key, dict[str, str], list[Element]]] = []
    for info in kids(alert, "info"):
        key, language, event = _key(info), first(info, "language") or DEFAULT_LANGUAGE, line(first(info, "event"))
        for known, events, infos in found:
            # The event's name is translated too: only within one language must it be the same.
            if known == key and events.get(language, event) == event:
                events[language] = event
                infos.append(info)
                break
        else:
            found.append((key, {language: event}, [info]))
        if len(found) > MAX_EVENTS:
            return None
    return [tuple(infos) for _, _, infos in found] or [()]


def _key(info: Element) -> Key:
    return Key(
        frozenset(texts(info, "category")),
        frozenset(pairs(info, "eventCode")),
        tuple(first(info, named) for named in ("urgency", "severity", "certainty")),
        tuple(first(info, named) for named in ("effective", "onset", "expires")),
        frozenset(texts(info, "responseType")),
    )
