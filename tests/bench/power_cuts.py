"""Power cuts by the thousand: `python -m tests.bench.power_cuts --rounds 40 --seed 1`.

A bus at work is recorded down to its writes and syncs. Then its power is cut after each of them, with what was not
synced dropped, kept, and torn; and after some of them publishers and bus go on (tests/support/power_cuts.py). Ends with
1 where anything acknowledged is lost or anything is broken. `--synchronous NORMAL` plants a mode in which losses are to
be found.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.support.homes import make_home
from tests.support.power_cuts import LOG, Cuts, go_on, laid_out, recorded, work

AGENCIES = ("aa", "bb")
REPORTS = 3


def main() -> int:
    """Record, cut everywhere, and say what was found."""
    parser = argparse.ArgumentParser(description="Power cuts of a bus at work.")
    parser.add_argument("--rounds", type=int, default=40, help="of publishing, 3 reports each")
    parser.add_argument("--restarts", type=int, default=100, help="after how many of the cuts all go on")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--synchronous", metavar="MODE", help="plant another mode of syncing than the bus's own")
    args = parser.parse_args()
    shared = Path("/dev/shm")  # noqa: S108 - only faster
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        return _cut(Path(name), args)


def _cut(folder: Path, args: argparse.Namespace) -> int:
    started = time.monotonic()
    home = make_home(folder / "home")
    with recorded(home, "recording", synchronous=args.synchronous) as made:
        work(home, AGENCIES, args.rounds, REPORTS)
    operations = len(made.disk.operations)
    changes = {name: made.changes(name) for name in made.commits}
    print(f"seed {args.seed}: {operations} operations of the disk, {changes[LOG]} commits of the log, all: {changes}")
    cuts = Cuts(made, folder / "cut", args.seed)
    cuts.everywhere(thoroughly=True)
    tried = ", ".join(f"{number} {fate}" for fate, number in sorted(cuts.tally.tried.items()))
    lost, broken = len(cuts.tally.losses), len(cuts.tally.broken)
    print(f"cut after each operation: {tried}; {lost} with losses, {broken} broken")
    for where in (*cuts.tally.losses[:10], *cuts.tally.broken[:10]):
        print(f"  {where}")
    if not (lost or broken):
        places = set(random.Random(args.seed).sample(range(1, operations + 1), min(args.restarts, operations)))
        for place, files in Cuts(made, folder / "cut", args.seed).homes(places):
            go_on(laid_out(home, folder / "again", files), AGENCIES, args.rounds, REPORTS)
            print(f"\rafter operation {place} of {operations} all went on", end="", file=sys.stderr)
        print(f"\nafter {len(places)} cuts publishers and bus went on: each report stands once, chains hold")
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if lost or broken else 0


if __name__ == "__main__":
    sys.exit(main())
