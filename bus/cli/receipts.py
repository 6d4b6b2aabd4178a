"""`tocsin receipts`: what became of an agency's submissions."""

from argparse import Namespace

from bus.cli.commands import Commands, as_agency
from bus.cli.exits import DONE
from bus.cli.home import opened
from bus.cli.output import Output, moment
from bus.errors import NotFoundError


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("receipts", "What became of an agency's submissions")
    parser = group.add("ls", _ls, "List receipts, oldest first")
    as_agency(parser)
    parser.add_argument("--rejected", action="store_true", help="only what was refused")
    parser.add_argument("--last", metavar="N", type=int, help="only the last N of them")


def _ls(args: Namespace, output: Output) -> int:
    from bus.client import read_receipts
    from bus.log.faults import NoTopicError
    from schemas.models import Verdict

    with opened(args) as bus:
        try:
            receipts = [receipt for _, receipt in read_receipts(bus.log, args.agency)]
        except NoTopicError as none:
            raise NotFoundError(
                f"this bus has no agency {args.agency}", "`tocsin agency ls` lists the agencies."
            ) from none
    found = [one for one in receipts if not args.rejected or one.verdict is Verdict.REJECTED]
    if args.last is not None:
        found = found[max(0, len(found) - args.last) :]
    if output.as_json:
        for one in found:
            output.item(one.model_dump())
        return DONE
    output.table(
        ["AT", "VERDICT", "KIND", "RECORD", "REVISION", "REASON", "PLACE", "EXPECTED"],
        [
            (
                moment(one.accepted_at),
                one.verdict.value,
                one.kind,
                f"{one.feed}/{one.id}" if one.id else one.digest[:16],
                one.revision,
                one.reason,
                one.place,
                one.expected,
            )
            for one in found
        ],
    )
    return DONE
