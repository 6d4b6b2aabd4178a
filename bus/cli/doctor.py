"""`tocsin doctor`: each thing that can be wrong with a home, whether it is, and what mends it."""

from argparse import Namespace
from collections import Counter

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import home_path
from bus.cli.output import Output


def add(commands: Commands) -> None:
    """Declare the command."""
    commands.add("doctor", _doctor, "Check the home, each line ok, warn or fail with what mends it; 1 if any fails")


def _doctor(args: Namespace, output: Output) -> int:
    from dataclasses import asdict

    from bus.home import HomeMissingError
    from bus.logs import log_to_stderr
    from bus.operate.doctor import Level, examine

    path = home_path(args)
    if not path.is_dir():
        raise HomeMissingError(f"there is no home at {path}", "Make one with `tocsin init`, or name it with --home.")
    log_to_stderr("ERROR")
    levels: Counter[Level] = Counter()
    for one in examine(path, named=args.home or ""):
        levels[one.level] += 1
        if output.as_json:
            output.item(asdict(one))
            continue
        output.line(f"{one.level:<4}  {one.check:<11}  {one.what}")
        if one.mend:
            output.line(f"{'':19}{one.mend}")
        if one.advice:
            output.line(f"{'':19}{one.advice}")
    if not output.as_json:
        said = ", ".join(f"{levels[level]} {level}" for level in Level if levels[level])
        output.line(said)
    return NO if levels[Level.FAIL] else DONE
