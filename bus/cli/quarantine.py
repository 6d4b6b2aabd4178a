"""`tocsin quarantine`: what was refused, and why."""

from argparse import Namespace
from collections import Counter

from bus.cli.commands import Commands
from bus.cli.exits import DONE
from bus.cli.home import opened
from bus.cli.output import Output, moment
from bus.errors import NotFoundError
from bus.names import BUS


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("quarantine", "What ingest refused, with the reason, and the bytes as they were received")
    parser = group.add("ls", _ls, "List what was refused, and how often for each reason")
    parser.add_argument("--agency", metavar="AGENCY", help="of this agency only")
    parser.add_argument("--reason", metavar="REASON", help="for this reason only")
    parser = group.add("show", _show, "Show one refused submission: place, expectation, remedy, frame; no content")
    parser.add_argument("id", metavar="ID", help="as `quarantine ls` lists it")
    parser.add_argument("--save", metavar="FILE", help="also write the bytes, as received, into a new file")


def _ls(args: Namespace, output: Output) -> int:
    from dataclasses import asdict

    from bus.operate import Desk
    from bus.operate.quarantine import rejected

    with opened(args) as bus:
        names = [one.name for one in Desk(bus.home, bus.log).roster.agencies if one.name != BUS]
        if args.agency is not None and args.agency not in names:
            raise NotFoundError(f"the roster has no agency {args.agency}", "`tocsin agency ls` lists the agencies.")
        wanted = names if args.agency is None else [args.agency]
        found = [one for one in rejected(bus.log, wanted) if args.reason in {None, one.reason}]
    if output.as_json:
        for one in found:
            output.item(asdict(one))
        return DONE
    output.table(
        ["ID", "AT", "REASON", "PLACE", "EXPECTED"],
        [(one.id, moment(one.at), one.reason, one.place, one.expected) for one in found],
    )
    for reason, times in Counter(one.reason for one in found).most_common():
        output.note(f"{times} x {reason}")
    return DONE


def _show(args: Namespace, output: Output) -> int:
    from dataclasses import asdict

    from bus.operate import Desk
    from bus.operate.quarantine import find

    with opened(args) as bus:
        names = [one.name for one in Desk(bus.home, bus.log).roster.agencies if one.name != BUS]
        found = find(bus.log, names, args.id)
    if found is None:
        raise NotFoundError(f"nothing was refused under {args.id}", "`tocsin quarantine ls` lists what was.")
    one, data = found
    if args.save is not None:
        _save(args.save, data)
    if output.as_json:
        output.document(asdict(one))
        return DONE
    output.line(f"refused   {one.id}, {moment(one.at)}")
    output.line(f"reason    {one.reason} at {one.place}")
    output.line(f"expected  {one.expected}")
    output.line(f"remedy    {one.remedy}")
    output.line(f"type      {one.payload_type or 'unreadable'}")
    output.line(f"keys      {', '.join(one.key_ids) or '-'}")
    output.line(f"bytes     {one.size_bytes}, SHA-256 {one.sha256}")
    return DONE


def _save(name: str, data: bytes) -> None:
    """Write a new file; an old one is never written over."""
    from pathlib import Path

    from bus.errors import UsageError

    try:
        with Path(name).open("xb") as file:
            file.write(data)
    except OSError as fault:
        raise UsageError(
            f"{name} can't be written: {fault.strerror}", "Name a new file in a folder of yours."
        ) from fault
