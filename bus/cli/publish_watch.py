"""`tocsin publish --watch`: each file that comes into a folder, until it is stopped.

A file is done with by its content and the terms of the command, which the publisher remembers: a restart repeats
nothing, and a file that is no good is told of once and left where it is. Trouble of the log stops nothing: what was
signed waits in the spool, and the file is taken up again.
"""

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bus.cli.exits import DONE
from bus.cli.home import opened
from bus.cli.output import Output
from bus.cli.published import report
from bus.cli.publishing import Job, Unreadable
from bus.cli.stopping import until_signalled
from bus.cli.translating import options, refused_json, say_refused
from bus.errors import TocsinError, UsageError

if TYPE_CHECKING:
    from bus.cli.home import Opened
    from bus.client.folder import Found

_LOOK_S = 1.0


def watch(args: Namespace, output: Output) -> int:
    """Publish what comes into the folder."""
    from adapters.sheet import MAX_FILE_BYTES
    from bus.client.folder import Folder

    folder, terms = Folder(Path(args.watch), MAX_FILE_BYTES), _terms(args)
    with until_signalled() as stop, opened(args, writing=True) as bus, bus.publisher(args.agency, args.feed):
        bus.feed(args.agency, args.feed)
        bus.exercise(args.exercise)
        folder.check()
        output.note(f"watching {args.watch}; Ctrl-C or SIGTERM stops it")
        while not stop.is_set():
            try:
                for found in folder.finished(time.time_ns()):
                    _take(args, output, bus, found, found.digest(terms))
                    output.flush()
                    if stop.is_set():
                        break
            except TocsinError as fault:
                if not fault.retriable:
                    raise
                output.note(f"{fault}; tried again")
            stop.wait(_LOOK_S)
    output.note("stopped; the same command goes on where it was")
    return DONE


def _take(args: Namespace, output: Output, bus: "Opened", found: "Found", digest: bytes) -> None:
    """Publish one file, if it is not done with, under the keys and policies of now; remember that it is."""
    with bus.publisher(args.agency, args.feed) as publisher:
        if publisher.memory.has_file(digest):
            return
        name = found.path.name
        try:
            result = Job(args, output, bus, publisher).publish(found.data)
            for plan in result.plans.values() if result.barred else ():
                output.refused(name, plan)  # type: ignore[arg-type]
            report(args, output, bus, name, result)
        except Unreadable as fault:
            say_refused(output, name, fault.found)
            refused = [refused_json(one) for one in fault.found.refused]
            _say(output, {"file": name, "format": fault.name, "sent": 0, "refused": refused})
        except UsageError as fault:  # no format fits, or more than one
            output.note(f"{name}: {fault}")
            output.note(f"  {fault.advice}")
            _say(output, {"file": name, "format": None, "sent": 0, "error": str(fault), "advice": fault.advice})
        except TocsinError:
            raise
        except Exception as fault:  # noqa: BLE001 - a partner's adapter may raise anything; the others' files go on
            output.note(f"{name}: its adapter is broken, {type(fault).__name__}")
            _say(output, {"file": name, "format": None, "sent": 0, "error": type(fault).__name__, "advice": ""})
        with publisher.memory.transaction():
            publisher.memory.finish_file(digest)


def _say(output: Output, line: dict[str, Any]) -> None:
    if output.as_json:
        output.item(line)


def _terms(args: Namespace) -> bytes:
    """What decides, beside its content, what becomes of a file: a newer Tocsin may understand more."""
    from importlib.metadata import version

    given = [(name, value if isinstance(value, bytes) else value.encode()) for name, value in options(args).items()]
    terms = (version("tocsin"), args.feed, args.format, args.label, args.exercise, args.reinstate, sorted(given))
    return repr(terms).encode()
