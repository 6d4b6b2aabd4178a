"""Who really said it: reports of one source are one origin, however many agencies pass them on.

Two reports are one origin where they share a public record, a declared origin, a picture or film, or their text. An
agency that passes an alert of this bus on adds nothing of its own: else the bus would confirm itself.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from bus.fusion.node import Node, by_key

ALERT_REFERENCES: Final = ("bus/alerts/", "tocsin-alert:")
"""How a record names an alert of this bus that it rests on: by event reference, or by alert id."""

RECORD: Final = "same public record"
DECLARED: Final = "same declared origin"
MEDIA: Final = "same picture or film"
TEXT: Final = "same text"


def is_echo(node: Node) -> bool:
    """Whether the report rests on an alert of this bus, known here or not."""
    return any(source.startswith(ALERT_REFERENCES) for source in node.derived_from)


def bonds(node: Node) -> Iterator[tuple[str, object]]:
    """What ties a report to its origin, each with its kind."""
    for source in node.derived_from:
        yield RECORD, source
    if node.origin is not None:
        yield DECLARED, node.origin
    for digest in node.media:
        yield MEDIA, digest
    if node.text_digest is not None:
        yield TEXT, node.text_digest


def origin_groups(members: Sequence[Node]) -> list[tuple[Node, ...]]:
    """The reports by origin, without echoes: groups by their first key, each sorted by key."""
    own = sorted((node for node in members if not is_echo(node)), key=by_key)
    parent = list(range(len(own)))
    first: dict[tuple[str, object], int] = {}
    for index, node in enumerate(own):
        for bond in bonds(node):
            a, b = _root(parent, first.setdefault(bond, index)), _root(parent, index)
            # The smaller index stays the root, so that groups come out in the order of their first member.
            parent[max(a, b)] = min(a, b)
    groups: dict[int, list[Node]] = {}
    for index, node in enumerate(own):
        groups.setdefault(_root(parent, index), []).append(node)
    return [tuple(group) for group in groups.values()]


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = index = parent[parent[index]]
    return index
