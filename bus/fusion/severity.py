"""How grave, apart from how sure: harm by type, scale by figures, and who was hit."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bus.fusion.counts import Figure
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


def harm_of(code: str, table: SeverityTable) -> int:
    """The harm of a type: that of the longest branch in the table which holds it."""
    for branch in lineage(code):
        if branch in table.harm:
            return table.harm[branch]
    return table.harm_otherwise


def _scale(figures: Sequence[Figure], table: SeverityTable) -> tuple[int, Figure | None]:
    """The highest step that a figure reaches; a stock says how many there are, not how many were hit."""
    scale, reached = 0, None
    for figure in figures:
        likely = figure.likely
        if likely is None or figure.basis == STOCK:
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
