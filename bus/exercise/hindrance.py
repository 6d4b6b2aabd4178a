"""What stands against playing a story in a real home: all of it, before anything is written.

An exercise only adds records of its own realm. What would touch more than that is refused: another clearance or a
suspension changes what an agency reads of the real world, and a heartbeat what operators hear of a real feed.
"""

from collections.abc import Iterator

from bus.client import Authority, signing_key
from bus.clock import now_ms
from bus.errors import NotFoundError, UsageError
from bus.exercise.player import signing
from bus.exercise.story import Clear, Heartbeat, Story, Suspend, Wait
from bus.home import Home
from bus.log.protocol import Log


class HindranceError(UsageError):
    """The story can't be played in this home."""


def check_home(story: Story, home: Home, log: Log, count: int, most_wait_ms: int) -> None:
    """Raise what stands against playing the first `count` steps here."""
    authority = Authority(log, home.pin())
    found = [
        *_acts(story, count, most_wait_ms),
        *_agencies(story, authority),
        *_keys(story, home, authority),
    ]
    if found:
        raise HindranceError(
            f"{story.exercise} can't be played in this home: {'; '.join(found)}", _advice(story, count)
        )


def _acts(story: Story, count: int, most_wait_ms: int) -> Iterator[str]:
    waits_ms = 0
    for number, step in enumerate(story.step[:count], 1):
        for act in step.act:
            if isinstance(act, Clear | Suspend | Heartbeat):
                yield f"step {number} ({act.do}) would change more than the exercise's own records"
            elif isinstance(act, Wait):
                waits_ms += act.length
        if step.silent is not None:
            yield f"step {number} asks which feeds are late, and real ones may be"
        if waits_ms > most_wait_ms:
            yield f"step {number} has waited {waits_ms // 1000} s by then, {most_wait_ms // 1000} s are allowed"
            return


def _agencies(story: Story, authority: Authority) -> Iterator[str]:
    for one in story.agency:
        entry = authority.trust.agency(one.name)
        if entry is None:
            yield f"it has no agency {one.name}"
        elif entry.suspended:
            yield f"{one.name} is suspended"
        elif story.exercise not in entry.clearance.realms:
            yield f"{one.name} has no clearance for the realm {story.exercise}"
        else:
            feeds = {feed.name for feed in entry.feeds}
            yield from (f"{one.name} has no feed {feed.name}" for feed in one.feed if feed.name not in feeds)


def _keys(story: Story, home: Home, authority: Authority) -> Iterator[str]:
    for by, feed in signing(story):
        entry = authority.trust.agency(by)
        if entry is not None and not entry.suspended and any(one.name == feed for one in entry.feeds):
            try:
                signing_key(home, authority, by, feed, now_ms())
            except NotFoundError as fault:
                yield str(fault)


def _advice(story: Story, count: int) -> str:
    """How far it can be played as it is, and what else helps."""
    last = next(
        (
            number
            for number, step in enumerate(story.step[:count])
            if step.silent is not None or any(isinstance(act, Clear | Suspend | Heartbeat | Wait) for act in step.act)
        ),
        count,
    )
    parts = [f"`--until {last}` plays the steps before" if 0 < last < count else ""]
    parts += ["`--max-wait` lets time pass", "without `--home` it is played in a home of its own"]
    return "; ".join(part for part in parts if part) + "."
