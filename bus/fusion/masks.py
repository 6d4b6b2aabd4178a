"""Readers as bits of a number."""

from functools import lru_cache


@lru_cache(maxsize=4096)
def bits(mask: int) -> tuple[int, ...]:
    """The bit numbers in a mask, ascending; the same few masks are asked for again and again."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return tuple(found)
