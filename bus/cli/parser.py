"""The parser of `tocsin`, put together from the groups of commands.

A group is a module with `add(commands)`, which declares its commands; a command's function takes the arguments and the
output, and returns the exit code. It imports what is heavy in its body.
"""

from typing import Final

from bus.cli import (
    acts,
    adapters,
    agency,
    alerts,
    backup,
    convert,
    demo,
    doctor,
    events,
    exercise,
    init,
    key,
    label,
    log,
    metrics,
    publish,
    quarantine,
    receipts,
    resync,
    run,
    status,
    tail,
    verify,
)
from bus.cli.commands import Commands, Parser, common_flags

GROUPS: Final = (
    demo,
    exercise,
    init,
    agency,
    key,
    adapters,
    convert,
    publish,
    acts,
    receipts,
    run,
    events,
    alerts,
    verify,
    resync,
    label,
    quarantine,
    status,
    doctor,
    tail,
    metrics,
    backup,
    log,
)
"""In the order of a bus's life, which is the order of `tocsin --help`."""

_EPILOG: Final = (
    "Exit codes: 0 done or yes, 1 no (refused, invalid, unhealthy, not found), 2 wrong usage or unreadable input, "
    "3 our own trouble (the message says whether trying again helps)."
)


def build() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="tocsin",
        description="A message bus on which agencies that do not fully trust each other share early warnings.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    common_flags(parser)  # before the command or after it
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    commands = Commands(parser)
    for group in GROUPS:
        group.add(commands)
    return parser
