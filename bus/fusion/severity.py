"""How grave, apart from how sure: harm by type, scale by figures, and who was hit."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bus.fusion.counts import Figure
from bus.fusion.node import Count
from schemas.models.parameters import SeverityTable
from schemas.taxonomy import lineage

STOCK: Final = "STOCK"


class Gravity(NamedTuple):
    """The level with its parts, and what each part rests on."""

    level: int
    harm: int
    harm_code: str
    scale: int
    scale_figure: Figure | None
    vulnerable: str | None


def gravity(codes: Iterable[str], figures: Sequence[Figure], table: SeverityTable) -> Gravity:
    """The severity of a story of these types (at least one) and figures."""
    harm, harm_code = max(((harm_of(code, table), code) for code in codes), key=lambda graded: (graded[0], graded[1]))
    scale, figure = _scale(figures, table)
    hit = _vulnerable(figures, table) if max(harm, scale) >= table.vulnerable_from else None
    level = min(table.most, max(harm, scale) + (0 if hit is None else table.vulnerable_adds))
    return Gravity(level, harm, harm_code, scale, figure, hit)


def ceiling(codes: Iterable[str], counts: Iterable[Count], table: SeverityTable) -> int:
    """The most that `gravity` can say of a story of these types (at least one) and counts, however they combine.

    A figure of several reports is made of what they state: its likely value is one of theirs. So this is cheap, and
    most events are too light for an alert of their own.
    """
    harm = max([harm_of(code, table) for code in codes])
    least = min([step.at_least for step in table.scale], default=0)
    scale, is_hit = 0, False
    for what, of, unit, basis, low, best, high in counts:
        most = max(low or 0, best or 0, high or 0)
        if basis == STOCK or not (most or least == 0):
            continue
        is_hit = is_hit or (most > 0 and of in table.vulnerable)
        for step in table.scale if most >= least else ():
            if step.level > scale and step.what == what and step.unit in (None, unit) and most >= step.at_least:
                scale = step.level
    grave = max(harm, scale)
    return min(table.most, grave + table.vulnerable_adds if is_hit and grave >= table.vulnerable_from else grave)


def harm_of(code: str, table: SeverityTable) -> int:
    """The harm of a type: that of the longest branch in the table which holds it."""
    for branch in lineage(code):
        if branch in table.harm:
            return table.harm[branch]
    return table.harm_otherwise


def _scale(figures: Sequence[Figure], table: SeverityTable) -> tuple[int, Figure | None]:
    """The highest step that a figure reaches; a stock says how many there are, not how many were hit."""
    scale, reached = 0, None
    least = min([step.at_least for step in table.scale], default=0)
    for figure in figures:
        likely = figure.likely
        if likely is None or likely < least or figure.basis == STOCK:
            continue
        for step in table.scale:
            fits = step.what == figure.what and step.unit in (None, figure.unit)
            if fits and likely >= step.at_least and step.level > scale:
                scale, reached = step.level, figure
    return scale, reached


def _vulnerable(figures: Sequence[Figure], table: SeverityTable) -> str | None:
    """The first vulnerable group of whom some are known to be hit."""
    hit = {figure.of for figure in figures if figure.is_some and figure.basis != STOCK}
    return next((str(group) for group in table.vulnerable if group in hit), None)
