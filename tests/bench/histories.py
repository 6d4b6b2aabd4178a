"""Thousands of random histories: the correlate stage against the naive oracle at every position, in parallel processes.

`python -m tests.bench.histories --histories 5000 [--first 0] [--processes 2] [--roster]`. Each history runs record by
record, with restarts, and in batches; the first difference of each is printed, and the exit code is 1 where there is
one. With `--roster` the authority is never idle in them: keys, rights, suspensions, feeds. Every twentieth is long.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final, NamedTuple

from schemas.codec import decode_trusted
from schemas.registry import newest
from tests.support.compared import differences, expected
from tests.support.histories import history
from tests.support.roster_histories import roster_history

LONG_STEPS: Final = 90
"""A long history: others have up to 60 steps, with `--roster` 70."""
LONG_EVERY: Final = 20


class Tried(NamedTuple):
    """One history: how long it was, what the oracle delivered, and what the stage did otherwise."""

    seed: int
    records: int
    deliveries: Counter[str]
    differences: list[str]


def try_history(seed: int, *, roster: bool = False) -> Tried:
    """Run one history in every way."""
    steps = LONG_STEPS if seed % LONG_EVERY == 0 else None
    run = roster_history(seed, steps) if roster else history(seed, steps)
    said = expected(run)
    counted: Counter[str] = Counter()
    for delivered in said:
        for value in (value for values in delivered.values() for value in values):
            one = decode_trusted(newest("delivery"), value)
            counted[f"{one['kind']} {one['change']} {one['reason'] or ''}".strip()] += 1
    found = [str(one) for one in differences(run, said, random.Random(seed))]
    return Tried(seed, len(run.values), counted, found)


def main() -> int:
    """Run the histories and print figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--roster", action="store_true", help="histories in which the authority acts at every third step"
    )
    options = parser.parse_args()
    started, bad, records = time.monotonic(), 0, 0
    counted: Counter[str] = Counter()
    tried_one = partial(try_history, roster=options.roster)
    with ProcessPoolExecutor(options.processes) as pool:
        seeds = range(options.first, options.first + options.histories)
        for done, tried in enumerate(pool.map(tried_one, seeds, chunksize=4), 1):
            records += tried.records
            counted.update(tried.deliveries)
            bad += bool(tried.differences)
            for one in tried.differences:
                print(f"seed {tried.seed}: {one}", flush=True)
            if done % 500 == 0:
                print(f"{done} histories, {bad} differ, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{options.histories} histories, {records} records, {bad} differ, {time.monotonic() - started:.0f} s")
    for name, number in sorted(counted.items()):
        print(f"{number:10} {name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
