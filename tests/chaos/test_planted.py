"""Planted bugs: the oracle of every campaign finds each, and of each it is seen that its code ran."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.chaos.campaign import wage
from tests.chaos.conductor import Pace
from tests.chaos.field import THE_BUS, Actor
from tests.chaos.moments import Blow, Moment
from tests.chaos.plants import PLANTS
from tests.chaos.scene import AGENCIES, make_scene


class Case(NamedTuple):
    """Where processes are hit, so that the bug shows, and the checks of the oracle one of which must find it."""

    moments: dict[Actor, Sequence[Moment]]
    checks: set[int]


def _publishers(*places: str) -> dict[Actor, Sequence[Moment]]:
    return {("publisher", agency): [Moment(place, 2) for place in places] for agency in AGENCIES[:2]}


_KILLED: Final = [Moment("correlate.after", 2), Moment("correlate.after", 2)]
_REPEATED: Final = [Moment("ingest.after", number) for number in (1, 2, 3, 1, 2, 3)]
CASES: Final = {
    "cursor before outputs": Case({THE_BUS: [Moment("ingest.before", 3), Moment("correlate.before", 3)]}, {1, 2, 3, 6}),
    "outputs without transaction": Case(
        {THE_BUS: [Moment("ingest.after", 3), Moment("correlate.after", 3)]}, {2, 3, 4}
    ),
    "no replay memory": Case({THE_BUS: _REPEATED, **_publishers(*["publisher.appended"] * 3)}, {3}),
    "acknowledged before durable": Case({THE_BUS: _KILLED, **_publishers("publisher.acknowledged")}, {1}),
    "forgotten before sent": Case({THE_BUS: _KILLED, **_publishers("publisher.spooled")}, {1}),
    "a submission skipped after an error": Case({THE_BUS: [Moment("ingest.process", 3, Blow.FAULT)]}, {1, 2}),
    "an event skipped after an error": Case({THE_BUS: [Moment("correlate.process", 3, Blow.FAULT)]}, {6}),
    "a sequence that repeats": Case({THE_BUS: _KILLED}, {4, 5}),
    "an alert of now": Case({THE_BUS: _KILLED}, {6}),
}


def test_every_plant_has_its_case() -> None:
    assert CASES.keys() == PLANTS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_planted_bug_is_found(name: str, tmp_path: Path, founded: Path) -> None:
    scene = make_scene(tmp_path, 11, like=founded)
    outcome = wage(scene, CASES[name].moments, plant=name, pace=Pace(with_each_life=2))
    assert outcome.planted > 0, "the plant does not meet the code that it spoils"
    assert CASES[name].checks & {finding.check for finding in outcome.findings}, outcome


@pytest.mark.slow
def test_what_finds_them_finds_nothing_where_nothing_is_planted(tmp_path: Path, founded: Path) -> None:
    """All their moments in one campaign: the very same oracle, and nothing is amiss."""
    scene = make_scene(tmp_path, 11, like=founded)
    together: dict[Actor, list[Moment]] = {}
    for case in CASES.values():
        for actor, moments in case.moments.items():
            together.setdefault(actor, []).extend(moments)
    outcome = wage(scene, together, pace=Pace(with_each_life=2))
    assert not outcome.findings, "\n".join(map(str, outcome.findings))
    assert not outcome.record.missed
    assert outcome.planted == 0
