"""`tocsin publish`: convert, sign, submit what is new or changed. `tocsin resume`: send what an interruption left."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bus.cli.commands import Commands, as_agency
from bus.cli.exits import DONE, NO, USAGE
from bus.cli.home import Opened, opened
from bus.cli.output import Output, refusal_json
from bus.cli.published import SHOWN, report
from bus.cli.publishing import Job, Result, Unreadable
from bus.cli.translating import read_input, refused_json, say_loss, say_refused, translation_flags
from bus.errors import UsageError

if TYPE_CHECKING:
    from bus.client import Publication, Publisher
    from bus.errors import Refusal

    Plan = dict[str, Any] | Refusal


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add("publish", _publish, "Convert a file, sign and submit what is new or changed in it")
    parser.add_argument("file", metavar="FILE", nargs="?", help="a file, or - for standard input")
    as_agency(parser, "the agency that publishes")
    parser.add_argument("--feed", metavar="FEED", required=True, help="the agency's feed")
    parser.add_argument(
        "--format", metavar="FORMAT", help="as `tocsin adapters` lists them (default: the one that fits)"
    )
    translation_flags(parser)
    parser.add_argument("--label", metavar="LABEL", help="who may read it (default: the feed's default label)")
    parser.add_argument("--exercise", metavar="NAME", help="all of it belongs to this exercise")
    parser.add_argument(
        "--reinstate", action="store_true", help="publish anew what was retracted, or returns to an earlier content"
    )
    parser.add_argument("--dry-run", action="store_true", help="send nothing; say who would see it")
    parser.add_argument(
        "--watch", metavar="DIR", help="instead of FILE: publish each file that comes into this folder, until stopped"
    )
    parser.add_argument(
        "--snapshot", action="store_true", help="the file speaks for all of its format in this feed: list what is gone"
    )
    parser.add_argument(
        "--retract-missing", action="store_true", help="with --snapshot: withdraw what is gone (absence alone does not)"
    )
    parser.add_argument(
        "--allow-mostly-gone", action="store_true", help="with --retract-missing: even where more than half is gone"
    )
    parser = commands.add("resume", _resume, "Send what an interrupted or prevented publish left in the spool")
    as_agency(parser, "the agency that publishes")


def _publish(args: Namespace, output: Output) -> int:
    _check_usage(args)
    if args.watch is not None:
        from bus.cli.publish_watch import watch

        return watch(args, output)
    data = read_input(args.file)
    with opened(args, writing=True) as bus, _remembering(args, output, bus) as publisher:
        bus.feed(args.agency, args.feed)
        bus.exercise(args.exercise)
        job = Job(args, output, bus, publisher)
        try:
            result = job.publish(data, rehearse=args.dry_run)
        except Unreadable as fault:
            say_refused(output, args.file, fault.found)
            if output.as_json:
                refused = [refused_json(one) for one in fault.found.refused]
                output.document({"format": fault.name, "sent": 0, "refused": refused})
            return USAGE
        if args.dry_run or result.barred:
            return _rehearsed(args, output, bus, result)
        withdrawn = _withdraw(args, output, job, result)
        status = report(args, output, bus, args.file, result, withdrawn)
        if result.done.sent:
            for plan in result.plans.values():
                _say_unread(output, plan)
        return NO if args.retract_missing and result.missing and withdrawn is None else status


@contextmanager
def _remembering(args: Namespace, output: Output, bus: Opened) -> "Iterator[Publisher]":
    """The publisher; where its memory was lost, what is unchanged can't be told from what is new, and that is said."""
    from bus.log.faults import NoTopicError
    from bus.log.topics import topic

    with bus.publisher(args.agency, args.feed) as publisher:
        with suppress(NoTopicError):
            if not any(publisher.memory.records()) and bus.log.end(topic("receipts", args.agency)):
                output.note(f"this home does not remember what {args.agency} has published before:")
                output.note("  what the bus holds already is sent once more, as an amendment.")
        yield publisher


def _check_usage(args: Namespace) -> None:
    if (args.file is None) == (args.watch is None):
        raise UsageError("publish what?", "Name one FILE, - for standard input, or a folder with --watch.")
    if args.watch is not None and (args.snapshot or args.dry_run):
        raise UsageError(
            "a folder that is watched takes neither --snapshot nor --dry-run", "Publish such a file alone."
        )
    if (args.retract_missing and not args.snapshot) or (args.allow_mostly_gone and not args.retract_missing):
        raise UsageError(
            "what is gone is withdrawn only with --snapshot --retract-missing", "Try with --snapshot alone first."
        )


def _resume(args: Namespace, output: Output) -> int:
    from bus.client import Patience, Spool
    from bus.client.memory import Memory
    from bus.log.topics import topic

    with opened(args, writing=True) as bus:
        bus.log.end(topic("submissions", args.agency))  # nobody else's memory is made
        memory = Memory(bus.home.publisher(args.agency), args.agency, bus.home.pin())
        try:
            batch, patience = bus.settings.publish_batch_records, Patience(bus.settings.publish_patience_s)
            sent = Spool(bus.log, args.agency, memory, batch, patience).flush()
        finally:
            memory.close()
    if output.as_json:
        output.document({"sent": sent})
    else:
        output.line(f"{sent} records that waited were sent" if sent else "nothing waits")
    return DONE


def _withdraw(args: Namespace, output: Output, job: Job, result: Result) -> "Publication | None":
    """Withdraw what is gone, if that is asked for and can't be a mistake; None where nothing was withdrawn."""
    if not args.snapshot:
        return None
    for one in result.missing[:SHOWN]:
        output.note(f"gone from {args.file}: {one}")
    if len(result.missing) > SHOWN:
        output.note(f"and {len(result.missing) - SHOWN} more (--json lists all)")
    if not args.retract_missing or not result.missing:
        return None
    if result.flawed:
        output.note("nothing is withdrawn: rows of the file were refused, and their records may be among these")
        output.note("  Mend them, or withdraw single records with `tocsin retract`.")
        return None
    if len(result.missing) * 2 > result.standing and not args.allow_mostly_gone:
        output.note(
            f"nothing is withdrawn: {len(result.missing)} of {result.standing} records are gone, more than half"
        )
        output.note("  If the file is whole and speaks for all of them, say so with --allow-mostly-gone.")
        return None
    return job.withdraw_missing(result)


def _rehearsed(args: Namespace, output: Output, bus: Opened, result: Result) -> int:
    """Say under which label it would be sent, and who would read that; nothing is sent."""
    plans = []
    for plan in result.plans.values():
        if not isinstance(plan, dict):
            output.refused("nothing is sent", plan)
            bus.explain(output, plan)
            if output.as_json:
                empty = {"dry_run": True, "plans": []} if args.dry_run else {"sent": 0}
                output.document({"format": result.name, **empty, "refused": [refusal_json(plan)]})
            return NO
        plans.append(plan)
    if output.as_json:
        refused = [refused_json(one) for one in result.refused]
        snapshot = {"missing": result.missing} if args.snapshot else {}
        output.document({"format": result.name, "dry_run": True, "plans": plans, "refused": refused, **snapshot})
        return NO if result.flawed else DONE
    say_refused(output, args.file, result.translation)
    say_loss(output, result.translation)
    for plan in plans:
        output.line(f"{plan['records']} records; what of them is new or changed would be sent as {plan['label']}")
        if plan.get("retractions"):
            output.line(f"  and {plan['retractions']} that take others away")
        output.line(f"  readers: {', '.join(plan['readers']) or 'none'}")
        _say_unread(output, plan)
    for one in result.missing:
        output.line(f"gone from it: {one}")
    return NO if result.flawed else DONE


def _say_unread(output: Output, plan: "Plan") -> None:
    """A mistyped exercise or a label that nobody holds goes nowhere, and nobody would notice."""
    if isinstance(plan, dict) and not plan["readers"]:
        output.note(f"no agency is cleared for {plan['label']}: so nobody reads it")
        output.note("  `tocsin agency show NAME` lists what an agency reads, and the realms that it takes part in.")
