"""Cells of a table: text or nothing, whatever the file's format was."""

import re
from functools import lru_cache
from typing import Final

from adapters.refusals import Code, RowError

Cell = str | None
"""Text as it stands in the file, raw; None where a record lacks the field or says null."""

MAX_FIGURE: Final = 10**12
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,20})?")
_WHOLE: Final = re.compile(r"([0-9]{1,13})(\.0{1,20})?")
_YES: Final = frozenset({"true", "yes", "y"})
_SPACE: Final = re.compile(r"\s+")


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Fold what one editor spells differently from month to month: letter case, and blanks within and around."""
    return _SPACE.sub(" ", text).strip().casefold()


def figure(cell: Cell, field: str, *, comma: bool = False) -> int | None:
    """Read a count of persons or things; empty is unknown. `comma`: as in `degrees`."""
    if cell is None or not (text := cell.strip()):
        return None
    whole = _WHOLE.fullmatch(_pointed(text, comma=comma))
    if whole is None or (value := int(whole[1])) > MAX_FIGURE:
        raise RowError(Code.BAD_VALUE, field, "a whole number, not negative, or nothing")
    return value


def degrees(cell: Cell, field: str, most: float, *, comma: bool = False) -> float | None:
    """Read a latitude or longitude in decimal degrees; empty is unknown. `comma`: decimals follow a comma."""
    if cell is None or not (text := cell.strip()):
        return None
    text = _pointed(text, comma=comma)
    if _DECIMAL.fullmatch(text) is None or abs(value := float(text)) > most:
        sign = "comma" if comma else "point"
        raise RowError(Code.BAD_VALUE, field, f"decimal degrees between -{most:g} and {most:g}, with a decimal {sign}")
    return value


def _pointed(text: str, *, comma: bool) -> str:
    """With a decimal comma a point can only part thousands: "1.000" must never pass for 1, so it is no number."""
    if not comma:
        return text
    return "" if "." in text else text.replace(",", ".")


@lru_cache(maxsize=4096)
def is_positive(text: str) -> bool:
    """Tell whether a cell says yes: a number above zero, or a word for it."""
    text = text.strip()
    return float(text) > 0 if _DECIMAL.fullmatch(text) else text.casefold() in _YES
