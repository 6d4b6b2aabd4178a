"""The correlate stage against the naive oracle, over whole histories: what differs, and where."""

import random
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

import pytest

from bus.client.picture import Picture
from bus.stages.correlate.stage import Correlate
from schemas.codec import decode_trusted
from schemas.models import Delivery
from schemas.registry import newest
from tests.support.histories import History, history
from tests.support.oracle import Oracle
from tests.support.replay import Deliveries, Replay, merge

RESTART_SHARE = 0.3
MOST_BATCHED = 9


class Difference(NamedTuple):
    """Where the stage and the oracle part: in which run, at which position, and what each says to a reader."""

    how: str
    position: int
    said: dict[str, tuple[list[str], list[str]]]

    def __str__(self) -> str:
        """Reader by reader: the stage's deliveries (-), the oracle's (+)."""
        lines = [f"{self.how}, position {self.position}"]
        for reader, (stage, oracle) in sorted(self.said.items()):
            lines += [f"{reader}:", *(f"  - {one}" for one in stage), *(f"  + {one}" for one in oracle)]
        return "\n".join(lines)


Plant = Callable[[pytest.MonkeyPatch], None]
"""Puts a bug into the stage."""


def told(seed: int, draw: Callable[[int], History] = history) -> tuple[History, list[Deliveries]]:
    """The history that is drawn from a seed, with what the oracle says of it; computed once per process."""
    return _told(seed, draw)


@cache
def _told(seed: int, draw: Callable[[int], History]) -> tuple[History, list[Deliveries]]:
    run = draw(seed)
    return run, expected(run)


def is_found(
    plant: Plant, seeds: Iterable[int], monkeypatch: pytest.MonkeyPatch, draw: Callable[[int], History] = history
) -> bool:
    """Whether the stage, with this bug, differs from the oracle in the history of one of the seeds."""
    for seed in seeds:
        run, said = told(seed, draw)
        with monkeypatch.context() as patch:
            plant(patch)
            if next(differences(run, said, random.Random(seed)), None) is not None:
                return True
    return False


def expected(run: History) -> list[Deliveries]:
    """What the oracle says for each position."""
    oracle = Oracle(run.world.pin, run.world.bus)
    return [oracle.step(position, value) for position, value in enumerate(run.values)]


def differences(
    run: History, said: list[Deliveries], chance: random.Random, stage: type[Correlate] = Correlate
) -> Iterator[Difference]:
    """The first difference of each way to run: position by position, with restarts, in batches."""
    yield from _first("one by one", run, said, Replay(run.world, stage=stage), lambda: False)
    restarts = Replay(run.world, stage=stage)
    yield from _first("with restarts", run, said, restarts, lambda: chance.random() < RESTART_SHARE)
    yield from _batched(run, said, Replay(run.world, stage=stage), chance)


def _first(
    how: str, run: History, said: list[Deliveries], replay: Replay, restarts: Callable[[], bool]
) -> Iterator[Difference]:
    for position, value in enumerate(run.values):
        delivered = replay.step(value)
        if delivered != said[position]:
            yield _difference(how, position, delivered, said[position])
            return
        if restarts():
            again = replay.restart()
            if again:
                yield _difference(f"{how}, after a restart", position, again, {})
                return


def _batched(run: History, said: list[Deliveries], replay: Replay, chance: random.Random) -> Iterator[Difference]:
    start = 0
    while start < len(run.values):
        end = min(len(run.values), start + chance.randint(1, MOST_BATCHED))
        delivered = replay.step(*run.values[start:end])
        together: Deliveries = {}
        for one in said[start:end]:
            merge(together, one)
        if delivered != together:
            yield _difference(f"in batches, from {start}", end - 1, delivered, together)
            return
        start = end


def _difference(how: str, position: int, stage: Deliveries, oracle: Deliveries) -> Difference:
    readers = [reader for reader in {*stage, *oracle} if stage.get(reader) != oracle.get(reader)]
    said = {
        reader: ([line(one) for one in stage.get(reader, ())], [line(one) for one in oracle.get(reader, ())])
        for reader in readers
    }
    return Difference(how, position, said)


def line(value: bytes) -> str:
    """One delivery in one line; its body and chain only by their beginning."""
    one = decode_trusted(newest("delivery"), value)
    body = "-" if one["body"] is None else str(hash(one["body"]) & 0xFFFFFF)
    parts = [one["sequence"], one["revision"], one["change"], one["reason"], one["kind"], one["ref"][:24]]
    more = [one["what_changed"], one["replaces"], one["superseded_by"], body, one["chain"].hex()[:6]]
    return " ".join(str(part) for part in (*parts, *more))


def pictures(deliveries: Deliveries) -> dict[str, dict[tuple[str, str], tuple[bytes, bool]]]:
    """What each reader has in the end, as a subscriber folds it: (kind, ref) → (signed bytes, closed or not)."""
    found = {}
    for reader, values in deliveries.items():
        picture = Picture()
        for value in values:
            picture.apply(Delivery.model_validate(decode_trusted(newest("delivery"), value)), 0)
        found[reader] = {(str(kind), ref): (held.body, held.closed) for (kind, ref), held in picture.held.items()}
    return found
