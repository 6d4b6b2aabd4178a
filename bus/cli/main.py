"""`tocsin`: parse, run one command, and turn whatever happens into an exit code and a plain message."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bus.cli.exits import DONE, INTERRUPTED, NO, TROUBLE, USAGE
from bus.cli.output import Output, UnwritableError
from bus.cli.parser import build
from bus.errors import NotFoundError, TocsinError, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us: nothing else may take its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character gets its escape; lone surrogates of odd file names too.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    output = Output(as_json="--json" in (sys.argv[1:] if argv is None else argv))
    try:
        status = _run(argv, output)
        output.flush()
    except (BrokenPipeError, UnwritableError) as fault:
        # Nothing is left to say to stdout. Where its reader has gone, `| head` for one, that is nobody's fault.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        output.as_json = False
        return DONE if isinstance(fault, BrokenPipeError) else _say(output, fault)
    return status


def _version(_args: argparse.Namespace, output: Output) -> int:
    from importlib.metadata import version

    output.line(f"tocsin {version('tocsin')}")
    return DONE


def _help(args: argparse.Namespace, _output: Output) -> int:
    args.shows.print_help(sys.stderr)
    raise UsageError("no command was named", "`tocsin --help` lists them.")


def _run(argv: Sequence[str] | None, output: Output) -> int:
    try:
        args = build().parse_args(argv)
        status: int = (_version if args.version else args.run or _help)(args, output)
    except (BrokenPipeError, SystemExit, UnwritableError):
        raise
    except KeyboardInterrupt:
        output.fault("stopped", "Run the same command again to go on.", INTERRUPTED, retriable=True)
        return INTERRUPTED
    except TocsinError as fault:
        return _say(output, fault)
    except Exception as fault:  # noqa: BLE001 - never a traceback: the type and place of a bug, without its values
        return _bug(output, fault)
    return status


def _say(output: Output, fault: TocsinError) -> int:
    """A fault in one line, its advice in the next."""
    status = _status(fault)
    output.fault(str(fault), fault.advice, status, retriable=fault.retriable)
    if status == TROUBLE and fault.retriable and "again" not in fault.advice:
        output.note("  Trying again can help.")
    return status


def _status(fault: TocsinError) -> int:
    if isinstance(fault, UsageError) or _is_missing_home(fault):
        return USAGE
    return NO if isinstance(fault, NotFoundError) or _is_taken(fault) else TROUBLE


def _is_missing_home(fault: TocsinError) -> bool:
    from bus.home import HomeMissingError

    return isinstance(fault, HomeMissingError)


def _is_taken(fault: TocsinError) -> bool:
    from bus.log.faults import Owned

    return isinstance(fault, Owned)


def _bug(output: Output, fault: Exception) -> int:
    import traceback

    frames = traceback.extract_tb(fault.__traceback__)
    places = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(frames[-5:]))
    what = f"a bug of Tocsin: {type(fault).__name__} at {places}"
    advice = "Please report this line; it holds no content. What was acknowledged is kept."
    output.fault(what, advice, TROUBLE, retriable=False)
    return TROUBLE
