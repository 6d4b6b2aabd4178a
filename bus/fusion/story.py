"""What the reports of one cluster say together: what it was, when, where, how many, how grave."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from bus.fusion.confidence import DENIES
from bus.fusion.counts import Figure, combine
from bus.fusion.node import Node, by_key
from bus.fusion.origins import is_echo
from bus.fusion.severity import Gravity, gravity
from schemas.models.parameters import SeverityTable
from schemas.taxonomy import gravest

SPAN: Final = "SPAN"


class Story(NamedTuple):
    """The content of an alert; `when` and `where` are spelled as in the schema."""

    type: str
    nature: str
    when: dict[str, int | None] | None
    where: dict[str, Any]
    figures: tuple[Figure, ...]
    gravity: Gravity


def tell(members: Sequence[Node], origins: Sequence[Sequence[Node]], table: SeverityTable) -> Story:
    """The story of these members, given also by origin, the most trusted first."""
    telling = sorted(_telling(members), key=by_key)
    keys = {node.key for node in telling}
    figures = combine([group for origin in origins if (group := [node for node in origin if node.key in keys])])
    nature = telling[0].nature
    return Story(
        gravest(sorted({node.codes[0] for node in telling})),
        nature,
        _when(telling, nature),
        _where(telling),
        figures,
        gravity({code for node in telling for code in node.codes}, figures, table),
    )


def _telling(members: Sequence[Node]) -> Sequence[Node]:
    """Who says what happened: not those who deny it or repeat an alert of this bus, unless there is nobody else."""
    own = [node for node in members if not is_echo(node)]
    return [node for node in own if node.source.claims != DENIES] or own or members


def _when(telling: Sequence[Node], nature: str) -> dict[str, int | None] | None:
    """An incident lies where all intervals overlap, as far as they do; what went on went on through all of them."""
    dated = [(node.start, node.end) for node in telling if node.start is not None]
    if not dated:
        return None
    starts = [start for start, _ in dated]
    ends = [end for _, end in dated if end is not None]
    last = max(ends) if len(ends) == len(dated) else None
    if nature != SPAN:
        start, end = max(starts), min(ends, default=None)
        if end is None or start < end:
            return {"start": start, "end": end}
    return {"start": min(starts), "end": last}


def _where(telling: Sequence[Node]) -> dict[str, Any]:
    """The most precise place, and all countries."""
    placed = sorted((node for node in telling if node.lat is not None), key=lambda node: (node.sigma_km, node.key))
    best = placed[0] if placed else None
    names = [node.where_name for node in (*placed, *telling) if node.where_name]
    return {
        "lat": None if best is None else best.lat,
        "lon": None if best is None else best.lon,
        "uncertainty_km": None if best is None else best.uncertainty_km,
        "countries": sorted({country for node in telling for country in node.countries}),
        "admin": [],
        "name": names[0] if names else None,
        "geometry": None,
    }
