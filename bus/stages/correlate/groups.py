"""Values that readers have, grouped: who was told the same shares one value, so memory does not grow with readers."""

from functools import lru_cache
from typing import TypeAlias

Groups: TypeAlias = tuple[tuple[int, int], ...]
"""Disjoint (value, mask of readers)."""


def drop(groups: Groups, mask: int) -> Groups:
    """Take these readers out."""
    return tuple((value, left) for value, had in groups if (left := had & ~mask))


@lru_cache(maxsize=4096)
def put(groups: Groups, mask: int, value: int) -> Groups:
    """Give these readers one value, instead of what they had; memoised, so that equal groups are held once."""
    if not mask:
        return groups
    if len(groups) == 1 and groups[0][1] | mask == mask:
        return ((value, mask),)
    kept = drop(groups, mask)
    for index, (other, had) in enumerate(kept):
        if other == value:
            return (*kept[:index], (value, had | mask), *kept[index + 1 :])
    return (*kept, (value, mask))


def value_of(groups: Groups, bit: int) -> int | None:
    """What this reader has."""
    for value, mask in groups:
        if mask >> bit & 1:
            return value
    return None


def covered(groups: Groups) -> int:
    """All readers that have a value."""
    mask = 0
    for _, had in groups:
        mask |= had
    return mask


def split(groups: Groups, mask: int, absent: int) -> list[tuple[int, int]]:
    """These readers by their value; who has none counts as `absent`."""
    found = [(value, hit) for value, had in groups if (hit := had & mask)]
    rest = mask & ~covered(groups)
    return [*found, (absent, rest)] if rest else found
