"""The account of an alert's elements: each element of CAP is a column, each draft or refusal a row."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

from adapters.cap.markup import PAIRS, Element, children, name, pair, text

FOREIGN: Final = "an element that is none of CAP's"
OTHER: Final = "other elements"
SIGNATURE: Final = "Signature"
_NESTED: Final = frozenset({"info", "resource", "area"})


class Elements(NamedTuple):
    """The table: what is read, and why other elements are not."""

    read: tuple[str, ...]
    drop: MappingProxyType[str, str]


@cache
def elements() -> Elements:
    """Read the table."""
    data = tomllib.loads(files("adapters.cap").joinpath("tables", "elements.toml").read_text("utf-8"))
    return Elements(tuple(data["read"]), MappingProxyType(data["drop"]))


class Columns(NamedTuple):
    """The elements that a file's alerts have, in the order of the standard."""

    names: tuple[str, ...]
    read: frozenset[int]
    why: dict[int, str]

    def silent(self, alert: Element, infos: Sequence[Element]) -> list[int]:
        """Which of those that are read say nothing in this alert and these of its infos."""
        said = set(_said(alert, "", frozenset(infos)))
        return [at for at in self.read if self.names[at] not in said]


def columns(alerts: Iterable[Element]) -> Columns:
    """The columns of these alerts."""
    known = elements()
    present = {each for alert in alerts for each in _named(alert, "")}
    names = tuple(each for each in (*known.read, *known.drop, OTHER) if each in present)
    read = frozenset(at for at, each in enumerate(names) if each in known.read)
    why = {at: known.drop.get(each, FOREIGN) for at, each in enumerate(names) if at not in read}
    return Columns(names, read, why)


def _named(element: Element, above: str) -> Iterator[str]:
    """The columns of an element's descendants, empty ones too."""
    for child in children(element):
        column = above + name(child)
        if name(child) in _NESTED:
            yield from _named(child, f"{column}.")
        else:
            known = elements()
            yield column if column in known.read or column in known.drop else OTHER


def _said(element: Element, above: str, infos: AbstractSet[Element] | None = None) -> Iterator[str]:
    """The columns in which something stands; of an alert's infos only those given."""
    for child in children(element):
        if name(child) in _NESTED:
            if infos is None or child in infos:
                yield from _said(child, f"{above}{name(child)}.")
        elif name(child) == SIGNATURE or (any(pair(child)) if name(child) in PAIRS else text(child)):
            yield above + name(child)
