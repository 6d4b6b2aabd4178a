"""A campaign: a field of all processes, hit at many moments, drained in peace, and judged."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tests.chaos.conductor import EVERYDAY, Conductor, Pace
from tests.chaos.field import STAGES, Actor, Field, Record, every_actor
from tests.chaos.folds import replayed
from tests.chaos.judge import Finding, Fold, Judgement, judge
from tests.chaos.moments import Moment
from tests.chaos.processes import Life
from tests.chaos.scene import Scene
from tests.chaos.slate import Shared


class Outcome(NamedTuple):
    """What was done to the processes, and what came of it."""

    record: Record
    judgement: Judgement
    planted: int
    """How often a planted bug has acted."""

    @property
    def findings(self) -> list[Finding]:
        """Promises that were not kept; also that a process ended which was not killed."""
        return [*self.judgement.findings, *(Finding(0, trouble) for trouble in self.record.troubles)]


def wage(  # noqa: PLR0913 - what a campaign is made of
    scene: Scene,
    moments: Mapping[Actor, Sequence[Moment]],
    *,
    pace: Pace = EVERYDAY,
    plant: str | None = None,
    life: Life | None = None,
    fold: Fold = replayed,
    watch: Callable[[Field], None] = lambda _: None,
) -> Outcome:
    """Run everybody, hit those who have moments, end in peace, and judge."""
    apart = not moments.keys().isdisjoint(STAGES)
    with Field(scene, random.Random(scene.seed), plant, life) as field:
        everybody = {
            actor: moments.get(actor, ()) for actor in dict.fromkeys((*every_actor(scene, apart=apart), *moments))
        }
        Conductor(field, everybody, pace, watch).run()
        field.drain()
        record = field.record
    with scene.slate() as slate:
        planted = slate[Shared.PLANTED]
    return Outcome(record, judge(scene, fold), planted)
