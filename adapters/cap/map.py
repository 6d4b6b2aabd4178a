"""One alert to its events: one draft for each group of its infos (`:2`, `:3` and on).

CAP has no field for victims or perpetrators, hence none is filled. `expires` says how long the message holds: it bounds
`when`, and is never `expires_at`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from lxml import etree

from adapters.cap.attributes import Said, attributes
from adapters.cap.group import DEFAULT_LANGUAGE, MAX_EVENTS, groups
from adapters.cap.kinds import CREDIBILITY, nature_of, types_of
from adapters.cap.markup import Element, first, line, moment, texts
from adapters.cap.place import where
from adapters.cap.references import references
from adapters.cap.times import when
from adapters.ids import draft_id, original, public_id
from adapters.refusals import Code, RowError
from adapters.translation import Body, Draft
from bus.errors import Refusal
from schemas.models import Event, validate

FORMAT: Final = "cap"
STATUS: Final = MappingProxyType({"Actual": "ACTUAL", "Exercise": "EXERCISE", "Test": "TEST"})
MAX_ALSO: Final = 16
MAX_UMBRELLAS: Final = 32
LANGUAGE_UNKNOWN: Final = "und"
ODD_LANGUAGE: Final = "a language that is not spelled as BCP 47 has it: its text stands under und"

_BCP47: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?")
_UNSLUGGED: Final = re.compile(r"[^a-z0-9._-]+")
_INCIDENT: Final = re.compile(r'"([^"]{1,128})"|(\S{1,128})')


class Record(NamedTuple):
    """A draft, or what is wrong with it, and the infos that it is made of."""

    made: Draft | RowError
    infos: tuple[Element, ...] = ()


def alert_id(identifier: str) -> str:
    """The id of what an alert became; its further events have `:2` to `:99` behind it."""
    return draft_id(FORMAT, identifier, room=len(f":{MAX_EVENTS}"))


def events(alert: Element, more: Sequence[Said], notes: Counter[str]) -> Iterator[Record]:
    """The events of an alert, each a draft or what is wrong with it; `more`: attributes that are not CAP's own."""
    found = groups(alert)
    if found is None:
        yield Record(RowError(Code.BAD_VALUE, "info", f"at most {MAX_EVENTS} events in an alert"))
        return
    try:
        mapper = Mapper(alert, more, notes)
    except RowError as error:
        yield Record(error)
        return
    for number, infos in enumerate(found, 1):
        try:
            yield Record(mapper.draft(infos, number), infos)
        except RowError as error:
            yield Record(error, infos)


class Mapper:
    """Turns the events of one alert, which keeps the rules, into drafts."""

    def __init__(self, alert: Element, more: Sequence[Said], notes: Counter[str]) -> None:
        """Keep what is the same for each event.

        Raises:
            RowError: the alert has no canonical form.
        """
        self._alert = alert
        self._more = more
        self._notes = notes
        self._id = alert_id(first(alert, "identifier"))
        self._sent = moment(first(alert, "sent")) or 0
        self._status = STATUS[first(alert, "status")]
        self._before = references(alert)
        self._original = original(FORMAT, canonical(alert))
        ids = replaced_ids(alert) if first(alert, "msgType") == "Update" else ()
        self._replaces = tuple(each for each in ids if each != self._id)

    def draft(self, infos: tuple[Element, ...], number: int) -> Draft:
        """The draft of an event; the alert's first has the alert's own id.

        Raises:
            RowError: the event can't be one.
        """
        types = types_of(infos)
        body: Body = {
            "nature": nature_of(infos, self._sent),
            "type": types[0],
            "where": where(infos, self._notes),
            "source": _source(self._alert, infos, self._sent, number),
            "original": self._original,
            "attributes": attributes(self._alert, infos, self._more, self._notes),
        }
        for name, value in (
            ("also", types[1 : MAX_ALSO + 1]),
            ("when", when(infos, self._sent, self._before, self._notes)),
            ("part_of", _umbrellas(self._alert)),
            ("texts", _texts(infos, self._notes)),
        ):
            if value:
                body[name] = value
        checked = validate(Event, body)
        if isinstance(checked, Refusal):
            raise RowError(Code.BAD_VALUE, checked.place, checked.expected)
        id_ = self._id if number == 1 else f"{self._id}:{number}"
        return Draft("event", id_, self._status, self._sent, body, self._replaces, party(self._alert))


def party(alert: Element) -> str:
    """Whose an alert is: identifiers are their sender's own. What its references say of senders is spelled anyhow."""
    return first(alert, "sender").casefold()


def canonical(alert: Element) -> bytes:
    """The alert as its author wrote it, whatever carried it (Exclusive XML Canonicalization, without comments).

    Raises:
        RowError: it has none.
    """
    alone = deepcopy(alert)  # without the namespaces of its carrier that it does not use
    alone.tail = None
    try:
        return etree.tostring(alone, method="c14n", exclusive=True, with_comments=False)
    except etree.C14NError as fault:
        raise RowError(Code.BAD_VALUE, "alert", "names of namespaces that are absolute URIs") from fault


def replaced_ids(alert: Element) -> tuple[str, ...]:
    """Ids of what an alert refers to, by identifier alone: senders spell themselves differently in references."""
    return tuple(dict.fromkeys(alert_id(each.identifier) for each in references(alert)))


def _source(alert: Element, infos: Sequence[Element], sent: int, number: int) -> dict[str, Any]:
    sender = first(alert, "sender")
    # An identifier is its sender's own: only with the sender it is one in the world.
    public = public_id(FORMAT, f"{sender},{first(alert, 'identifier')}")
    named = list(dict.fromkeys(line(each) for info in infos for each in texts(info, "senderName"))) or [sender]
    source: dict[str, Any] = {
        "discipline": "OFFICIAL",
        "origin": f"public:{_UNSLUGGED.sub('-', sender.casefold()).strip('-')[:128] or 'cap'}",
        "derived_from": [public] if number == 1 else [f"{public}:{number}", public],
        "reported_at": sent,
        "attribution": "; ".join(named)[:1024],
        "onward": "OPEN" if first(alert, "scope") in {"Public", ""} else "NONE",
        "consent": "NOT_NEEDED",
    }
    if infos and (credibility := CREDIBILITY.get(first(infos[0], "certainty"))) is not None:
        source["credibility"] = credibility
    return source


def _umbrellas(alert: Element) -> list[str]:
    """Incidents, in the sender's own naming: another's incident of the same name is another one."""
    said = " ".join(texts(alert, "incidents"))
    names = (quoted or bare for quoted, bare in _INCIDENT.findall(said))
    whole = (f"{first(alert, 'sender')}:{'_'.join(each.split())}" for each in names)
    return list(dict.fromkeys(f"cap-incident:{each}" for each in whole if len(each) <= 128))[:MAX_UMBRELLAS]  # noqa: PLR2004


def _texts(infos: Iterable[Element], notes: Counter[str]) -> list[dict[str, str]]:
    """One text for each language; what several infos say in one language is joined."""
    said: dict[str, dict[str, dict[str, None]]] = {}
    for info in infos:
        spoken = said.setdefault(_language(first(info, "language"), notes), {})
        for named, words in (
            ("headline", first(info, "headline") or first(info, "event")),
            ("description", first(info, "description")),
            ("instruction", first(info, "instruction")),
        ):
            if words:
                spoken.setdefault(named, {})[words] = None
    return [
        {"language": language, **{named: "\n\n".join(parts) for named, parts in spoken.items()}}
        for language, spoken in said.items()
        if spoken
    ]


def _language(tag: str, notes: Counter[str]) -> str:
    first_, hyphen, rest = (tag or DEFAULT_LANGUAGE).partition("-")
    spelled = first_.lower() + hyphen + rest
    if _BCP47.fullmatch(spelled):
        return spelled
    notes[ODD_LANGUAGE] += 1
    return LANGUAGE_UNKNOWN
