"""What a message refers to: `sender,identifier,sent`, in CAP 1.0 `identifier/sender`, separated by blanks."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from adapters.cap.markup import Element, first, kids, moment, text, version
from adapters.cap.rules import Broken, Rule, broken

PARTS: Final = 3
MAX_REFERENCES: Final = 1024
"""As many as one retraction can name."""


class Reference(NamedTuple):
    """An earlier message."""

    sender: str
    identifier: str
    sent: int | None
    """UTC ms; CAP 1.0 does not say it."""


def references(alert: Element) -> list[Reference]:
    """What an alert refers to, each once, those that are none left out."""
    found = (_read(alert, word) for element in kids(alert, "references") for word in text(element).split())
    return list(dict.fromkeys(each for each in found if each is not None))


def check_references(alert: Element) -> Iterator[Broken]:
    """A reference has its form, and names an earlier message that is another one."""
    sent = moment(first(alert, "sent"))
    sender, identifier = first(alert, "sender"), first(alert, "identifier")
    if sum(len(text(element).split()) for element in kids(alert, "references")) > MAX_REFERENCES:
        yield broken(Rule.REFERENCE_FORM, alert, f"at most {MAX_REFERENCES} earlier messages")
        return
    form = "identifier/sender" if version(alert) == "1.0" else "sender,identifier,sent"
    for element in kids(alert, "references"):
        for word in text(element).split():
            found = _read(alert, word)
            if found is None:
                yield broken(Rule.REFERENCE_FORM, element, f"{form} of each earlier message, with blanks between")
            elif found.identifier == identifier and (found.sent or sent) == sent:
                yield broken(Rule.REFERENCE_CIRCULAR, element, "another message than this one")
            elif found.sent is not None and sent is not None and found.sent > sent:
                yield broken(Rule.REFERENCE_POSTDATED, element, "messages sent before this one")
            elif found.sender != sender:
                yield broken(Rule.REFERENCE_OF_ANOTHER_SENDER, element, "the message's own sender")


def _read(alert: Element, word: str) -> Reference | None:
    if version(alert) == "1.0":
        identifier, slash, sender = word.partition("/")
        return Reference(sender, identifier, None) if slash and identifier and sender else None
    parts = word.split(",")
    if len(parts) != PARTS or not all(parts) or (sent := moment(parts[2])) is None:
        return None
    return Reference(parts[0], parts[1], sent)
