"""The long campaign: `python -m tests.chaos.soak`, by default 1,000 kills and 1,000,000 events on real homes.

It goes in rounds. Each founds a home, lets long-lived publishers fill it while processes are killed, stopped and failed
at drawn moments and the clock leaps, ends in peace, and is judged by the oracle of the everyday tests; so each round is
told in the memory of one. In every second one ingest and correlate run as two processes. A folder keeps what each round
came to: the same command goes on after the last whole one. It prints the seed and all figures; where a promise was
broken it keeps that round's home, says what was found, and exits with 1.
"""

import argparse
import json
import random
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Final, NamedTuple

from bus.cli.bar import bar
from bus.cli.exits import DONE, INTERRUPTED, NO
from bus.cli.output import Output
from tests.chaos.campaign import Outcome, wage
from tests.chaos.conductor import Pace
from tests.chaos.field import STAGES, THE_BUS, Actor, Field
from tests.chaos.judge import Counts
from tests.chaos.moments import ANYWHERE, CORRELATE, INGEST, ONCE, PUBLISHER, SUBSCRIBER, TICK, UPKEEP, Blow, Moment
from tests.chaos.processes import Life
from tests.chaos.scene import AGENCIES, make_scene
from tests.chaos.slate import Shared

KILLS: Final = 1_000
EVENTS: Final = 1_000_000
ROUND: Final = 20_000
"""Records of a round: a bus that starts anew has all of them to restore, a hundred times in a long soak."""
BLOCK: Final = 250
_EACH: Final = 0.94 * BLOCK
"""Records that a block comes to, on average."""
BACKLOG: Final = 3_000
"""Publishers wait while so many records are to be judged or delivered."""
LIFE: Final = Life(
    settings=(("TICK_INTERVAL_S", 5), ("RETAIN_INTERVAL_S", 5), ("INGEST_WORKERS", 0)), often=False, verifies=False
)
_LIMIT_S: Final = 1_800.0
_SHARES: Final[Mapping[str, float]] = {"bus": 0.6, "publisher": 0.2, "subscriber": 0.2}
"""Who is hit how often."""
_DEEPEST: Final = 4


class Round(NamedTuple):
    """What one round came to, as it is kept."""

    number: int
    seconds: float
    counts: Counts
    kills: dict[str, int]
    stops: int
    faults: int
    missed: int
    recoveries_s: list[float]
    memory_bytes: dict[str, int]


class Part(NamedTuple):
    """What one round is to bring."""

    number: int
    kills: int
    events: int


def moments(chance: random.Random, kills: int, *, apart: bool) -> dict[Actor, list[Moment]]:
    """So many kills: of every role, at places and at any time; some stops and faults before them."""
    buses = STAGES if apart else (THE_BUS,)
    drawn: dict[Actor, list[Moment]] = {}
    for role in chance.choices(list(_SHARES), list(_SHARES.values()), k=kills):
        actor = chance.choice(buses) if role == "bus" else (role, chance.choice(AGENCIES))
        drawn.setdefault(actor, []).append(_moment(chance, actor))
    return drawn


def _moment(chance: random.Random, actor: Actor) -> Moment:
    if chance.random() < 0.3:
        return Moment(ANYWHERE, chance.randint(50, 2_500), chance.choice((Blow.KILL,) * 4 + (Blow.STOP,)))
    stages = {"ingest": (*INGEST, *TICK), "correlate": CORRELATE, "bus": (*INGEST, *CORRELATE, *TICK)}
    places = {"publisher": PUBLISHER, "subscriber": SUBSCRIBER}.get(actor[0]) or (*stages[actor[0]], *UPKEEP)
    place = chance.choice(places)
    deepest = 1 if place in ONCE or "retain" in place else _DEEPEST
    if place.endswith((".reading", ".fold", ".read", ".booked", ".signed", ".settling")):
        deepest = BLOCK
    blow = Blow.KILL
    if place.endswith(".process"):
        blow = chance.choice((Blow.KILL, Blow.FAULT))
    elif actor[0] in ("bus", "ingest", "correlate") and chance.random() < 0.05:
        blow = Blow.STOP
    return Moment(place, chance.randint(1, deepest), blow)


def play(folder: Path, seed: int, part: Part, watch: Callable[[Field], None]) -> Outcome:
    """One round, in a folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    scene = make_scene(folder, seed * 10_000 + part.number, block=BLOCK, spread=True)
    drawn = moments(random.Random(f"{seed}/{part.number}"), part.kills, apart=part.number % 2 == 1)
    pace = Pace(with_each_life=0, backlog=BACKLOG, total=ceil(part.events / (_EACH * len(AGENCIES))), limit_s=_LIMIT_S)
    return wage(scene, drawn, pace=pace, life=LIFE, watch=watch)


def next_part(options: argparse.Namespace, rounds: Sequence[Round]) -> Part | None:
    """The share of the next round in what is missing; None where nothing is."""
    events = options.events - sum(one.counts.acknowledged for one in rounds)
    kills = options.kills - _kills(rounds)
    if events <= 0 and kills <= 0:
        return None
    left = max(1, ceil(events / options.round))
    return Part(len(rounds), max(0, ceil(kills / left)), min(options.round, max(events, BLOCK)))


def kept(path: Path) -> list[Round]:
    """The rounds that are done."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [Round(**(one | {"counts": Counts(**one["counts"])})) for one in map(json.loads, lines)]


def keep(path: Path, one: Round) -> None:
    """Write down what a round came to."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(one._asdict() | {"counts": one.counts._asdict()}) + "\n")


def done(number: int, seconds: float, outcome: Outcome) -> Round:
    """What is kept of a round."""
    record = outcome.record
    return Round(
        number,
        seconds,
        outcome.judgement.counts,
        dict(record.blows()),
        record.blows(Blow.STOP).total(),
        record.blows(Blow.FAULT).total(),
        len(record.missed),
        record.recoveries_s,
        dict(record.memory_bytes),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is missing, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--events", type=int, default=EVENTS, help="records that are acknowledged")
    parser.add_argument("--round", type=int, default=ROUND, help="records in each home (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="what is kept and played (default: .soak/<the other options>)")
    options = parser.parse_args(arguments)
    named = f"{options.seed}-{options.kills}-{options.events}-{options.round}"
    folder: Path = options.folder or Path(".soak") / named
    folder.mkdir(parents=True, exist_ok=True)
    output = Output(as_json=False)
    rounds = kept(folder / "rounds.jsonl")
    if rounds:
        output.note(f"going on after {len(rounds)} rounds in {folder}")
    try:
        broken = go_on(options, folder, rounds, output)
    except KeyboardInterrupt:
        output.note("stopped; the same command goes on after the last whole round")
        broken = None
    if broken is not None:
        return broken
    for line in report(options.seed, rounds):
        output.line(line)
    return DONE if next_part(options, rounds) is None else INTERRUPTED


def go_on(options: argparse.Namespace, folder: Path, rounds: list[Round], output: Output) -> int | None:
    """Play one round after the other, and keep each; an exit code where a promise was broken."""
    while (part := next_part(options, rounds)) is not None:
        started = time.monotonic()
        with _shown(output, part, options) as watch:
            outcome = play(folder / "round", options.seed, part, watch)
        if outcome.findings:
            output.line(f"seed {options.seed}, round {part.number}: a promise was broken; see {folder / 'round'}")
            for finding in outcome.findings:
                output.line(f"  {finding}")
            return NO
        one = done(part.number, time.monotonic() - started, outcome)
        rounds.append(one)
        keep(folder / "rounds.jsonl", one)
        shutil.rmtree(folder / "round")
        output.note(
            f"round {one.number}: {_kills([one])} kills, {one.counts.acknowledged:,} acknowledged, {one.seconds:.0f} s"
        )
    return None


def report(seed: int, rounds: Sequence[Round]) -> list[str]:
    """All figures."""
    if not rounds:
        return [f"seed {seed}: no whole round yet"]
    counts = Counts(*map(sum, zip(*(one.counts for one in rounds), strict=True)))
    kills = sum((Counter(one.kills) for one in rounds), Counter[str]())
    recoveries = sorted(second for one in rounds for second in one.recoveries_s)
    memory = {role: max(one.memory_bytes.get(role, 0) for one in rounds) for one in rounds for role in one.memory_bytes}
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = sum(one.seconds for one in rounds)
    taken = ", ".join(f"{role} {each / 1e6:.0f}" for role, each in sorted(memory.items()))
    lines = [
        f"seed {seed}: {len(rounds)} rounds, 0 lost, 0 doubled",
        f"  kills         {kills.total():>11,}",
        f"  stops, faults {sum(one.stops for one in rounds):>11,}{sum(one.faults for one in rounds):>11,}",
        f"  moments that did not come {sum(one.missed for one in rounds):,}",
        *(f"  {name:<14}{number:>11,}" for name, number in counts._asdict().items()),
        f"  recovery, s   {_spread(recoveries)}",
        f"  memory, MB    {taken}; the oracle {most / 1e6:.0f}",
        f"  seconds       {seconds:>11,.0f}, {counts.acknowledged / seconds:,.0f} records/s with everything",
        "kills by place",
    ]
    return lines + [f"  {place:<28}{number:>6,}" for place, number in sorted(kills.items())]


def _spread(seconds: Sequence[float]) -> str:
    """Of sorted times."""
    if not seconds:
        return "none was measured"
    at = {"median": 0.5, "95 %": 0.95, "longest": 1.0}
    named = (f"{name} {seconds[round(share * (len(seconds) - 1))]:.2f}" for name, share in at.items())
    return f"{', '.join(named)}, of {len(seconds):,}"


def _kills(rounds: Sequence[Round]) -> int:
    return sum(sum(one.kills.values()) for one in rounds)


@contextmanager
def _shown(output: Output, part: Part, options: argparse.Namespace) -> Iterator[Callable[[Field], None]]:
    """A bar on a terminal: of this round, for what publishers were granted is soon published."""
    with bar(output) as progress:

        def watch(field: Field) -> None:
            granted = min(part.events, field.slate[Shared.GRANTED] * BLOCK * len(AGENCIES))
            what = f"round {part.number} of {ceil(options.events / options.round)}, {len(field.record.hits)} blows"
            progress(what, granted, part.events)

        yield watch


if __name__ == "__main__":
    sys.exit(main())
