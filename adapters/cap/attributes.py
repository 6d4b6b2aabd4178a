"""What CAP says and no field of an event holds, as `cap.<element>`; codes as `cap.<element>.<name of their list>`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from adapters.cap.markup import Element, first, kids, line, pairs, texts

PREFIX: Final = "cap."
MAX_KEY_CHARS: Final = 128
MAX_VALUE_CHARS: Final = 8192
MAX_ATTRIBUTES: Final = 256
MAX_BYTES: Final = 49_152
"""All of them together: envelope 256 KiB, less texts and shape."""

CUT: Final = "an attribute is cut to 8192 characters"
LEFT_OUT: Final = "an attribute is left out: there are too many, or they are too long together"

_ALERT: Final = (
    *("identifier", "sender", "sent", "msgType", "source", "scope", "restriction", "code", "note", "references"),
    "incidents",
)
_INFO: Final = (
    *("event", "category", "responseType", "urgency", "severity", "certainty", "audience", "effective", "onset"),
    *("expires", "senderName", "web"),
)
_AREA: Final = ("areaDesc", "circle", "altitude", "ceiling")

Said = tuple[str, str]


def attributes(alert: Element, infos: Sequence[Element], more: Iterable[Said], notes: Counter[str]) -> dict[str, str]:
    """Everything said, several values of one key on lines of their own; `more` comes first."""
    whole: dict[str, dict[str, None]] = {}
    for key, value in chain(more, _of_alert(alert), *(_of_info(info) for info in infos)):
        whole.setdefault(PREFIX + key, {})[value] = None
    found: dict[str, str] = {}
    size = 0
    for key, values in whole.items():
        joined = "\n".join(values)
        notes.update([CUT] * (len(joined) > MAX_VALUE_CHARS))
        joined = joined[:MAX_VALUE_CHARS]
        size += len(key.encode()) + len(joined.encode())
        if len(found) == MAX_ATTRIBUTES or size > MAX_BYTES:
            notes[LEFT_OUT] += 1
            size -= len(key.encode()) + len(joined.encode())
            continue
        found[key] = joined
    return found


def _of_alert(alert: Element) -> Iterator[Said]:
    return _plain(alert, _ALERT)


def _of_info(info: Element) -> Iterator[Said]:
    yield from _plain(info, _INFO)
    yield from _coded(info, "eventCode")
    yield from _coded(info, "parameter")
    for resource in kids(info, "resource"):
        said = (first(resource, named) for named in ("mimeType", "uri", "resourceDesc"))
        if whole := line(" ".join(said)):
            yield "resource", whole
    for area in kids(info, "area"):
        yield from _plain(area, _AREA)
        yield from _coded(area, "geocode")


def _plain(element: Element, named: Iterable[str]) -> Iterator[Said]:
    return ((each, value) for each in named for value in texts(element, each))


def _coded(element: Element, named: str) -> Iterator[Said]:
    for pair in pairs(element, named):
        if pair.value:
            # Names of lists are anything, often URNs: they are kept as they are, on one line.
            yield (f"{named}.{pair.name}" if pair.name else named)[:MAX_KEY_CHARS], pair.value
