"""What may come in another order: authors' records between ticks and control records, each agency's in its own."""

import random
from collections.abc import Iterator, Sequence

from schemas.registry import Schema, of_bytes
from tests.support.oracle_prefix import DELIVERED, open_accepted


def is_authors(value: bytes) -> bool:
    """Whether a record of `events` is an author's: neither a tick nor the authority's."""
    schema = of_bytes(value)
    assert isinstance(schema, Schema), schema
    return schema.kind == "accepted" and open_accepted(value).kind in DELIVERED


def is_control(value: bytes) -> bool:
    """Whether a record of `events` is one of the authority's that change what holds."""
    schema = of_bytes(value)
    assert isinstance(schema, Schema), schema
    return schema.kind == "accepted" and open_accepted(value).kind in {"roster", "policy", "parameters"}


def author(value: bytes) -> str:
    """The agency that an author's record is of."""
    return str(open_accepted(value).message["header"]["agency"])


def segments(values: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """The spans [start, end) of authors' records between ticks and control records."""
    start = 0
    for position in range(len(values) + 1):
        if position == len(values) or not is_authors(values[position]):
            if start < position:
                yield start, position
            start = position + 1


def reordered(values: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """The same records in another order."""
    found = list(values)
    for start, end in segments(values):
        queues: dict[str, list[bytes]] = {}
        for value in values[start:end]:
            queues.setdefault(author(value), []).append(value)
        for position in range(start, end):
            name = chance.choice(sorted(queues))
            found[position] = queues[name].pop(0)
            if not queues[name]:
                del queues[name]
    return found
