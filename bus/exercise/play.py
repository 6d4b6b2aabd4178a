"""Playing a whole exercise, in numbered steps.

Apart, in a home and with a clock of its own: 1 found the home and admit everyone 2 copy it, once more for each of
`unseen` 3 play 4 play each copy without the reports that must not be noticed, and compare, byte for byte, what those
were told who must not notice.

In a real home: 1 look for what stands against it, before anything is written 2 play 3 withdraw what still stands, also
where the exercise was interrupted. Nothing is played without: there is only one such home.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

from bus.config import Settings
from bus.exercise.ground import Ground, OwnGround, RealGround, quiet
from bus.exercise.hindrance import check_home
from bus.exercise.player import Player
from bus.exercise.score import Finding, Result, StepResult
from bus.exercise.story import Story, Unseen
from bus.home import Home
from bus.log.protocol import Log

Progress: TypeAlias = Callable[[str], None]
Outboxes: TypeAlias = Mapping[str, list[tuple[bytes, bytes]]]


class _Played(NamedTuple):
    """One playing: its steps, and what each agency was told in all."""

    steps: tuple[StepResult, ...]
    verified: tuple[Finding, ...]
    outboxes: Outboxes


def play_apart(
    story: Story, *, keep: Path | None = None, until: int | None = None, progress: Progress | None = None
) -> Result:
    """Play in a home of its own: a temporary one, or at `keep`, which is new or empty and stays."""
    started = time.perf_counter()
    count = len(story.step) if until is None else min(until, len(story.step))
    with quiet(), tempfile.TemporaryDirectory(prefix="tocsin-exercise-") as folder:
        first = keep or Path(folder) / "home"
        OwnGround.found(first, story)
        copies = [Path(folder) / f"without-{number}" for number in range(len(story.unseen))]
        for copy in copies:
            shutil.copytree(first, copy)
        played = _apart(first, story, count, frozenset(), progress or _silent)
        whole = list(played.verified)
        for unseen, copy in zip(story.unseen, copies, strict=True):
            without = _apart(copy, story, count, frozenset(unseen.reports), _silent)
            whole += _compared(unseen, played.outboxes, without.outboxes)
    (progress or _silent)("")
    return Result(
        story,
        None if keep is None else str(keep),
        played.steps,
        tuple(whole),
        len(story.step) - count,
        time.perf_counter() - started,
    )


def play_in(  # noqa: PLR0913 - what a real home is made of, and what is asked
    story: Story,
    home: Home,
    log: Log,
    settings: Settings,
    *,
    until: int | None = None,
    most_wait_ms: int = 0,
    progress: Progress | None = None,
) -> Result:
    """Play in a real home, with the agencies that it has; what was published is withdrawn in the end."""
    started = time.perf_counter()
    count = len(story.step) if until is None else min(until, len(story.step))
    check_home(story, home, log, count, most_wait_ms)
    ground = RealGround(home, log, settings)
    with quiet(), _player(ground, story, frozenset()) as player:
        try:
            steps = tuple(_steps(player, story, count, progress or _silent))
        except BaseException:
            player.withdraw()
            raise
        verified = tuple(player.verified())
        player.withdraw()
        whole = (*verified, *player.left())
    (progress or _silent)("")
    return Result(
        story,
        str(home.path),
        steps,
        whole,
        len(story.step) - count,
        time.perf_counter() - started,
    )


def _apart(path: Path, story: Story, count: int, without: frozenset[str], progress: Progress) -> _Played:
    with OwnGround.open(path, story) as ground, _player(ground, story, without) as player:
        steps = tuple(_steps(player, story, count, progress))
        return _Played(steps, tuple(player.verified()), {one.name: player.outbox(one.name) for one in story.agency})


@contextmanager
def _player(ground: Ground, story: Story, without: frozenset[str]) -> Iterator[Player]:
    began = datetime.fromtimestamp(ground.now_ms() / 1000, UTC)
    player = Player(ground, story, f"{story.exercise}-{began:%Y%m%dT%H%M%SZ}", without)
    try:
        player.open()
        yield player
    finally:
        player.close()


def _steps(player: Player, story: Story, count: int, progress: Progress) -> Iterator[StepResult]:
    for number, step in enumerate(story.step[:count], 1):
        progress(f"{number} of {count}  {step.title}")
        yield player.step(number)


def _compared(unseen: Unseen, played: Outboxes, without: Outboxes) -> Iterator[Finding]:
    """Whether who must not notice was told the same, byte for byte."""
    reports = ", ".join(unseen.reports)
    for agency in unseen.by:
        told, other = played[agency], without[agency]
        pairs = zip(told, other, strict=False)
        at = next((number for number, (one, two) in enumerate(pairs, 1) if one != two), min(len(told), len(other)) + 1)
        same = told == other
        expected = f"{len(other)} deliveries, byte for byte as if {reports} had never been"
        seen = "the same" if same else f"another from delivery {at} on; {len(told)} in all"
        yield Finding(0, agency, "unseen", f"cannot tell that {reports} is there", expected, seen, same)


def _silent(_line: str) -> None:
    """Say nothing of the progress."""
