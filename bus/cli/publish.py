"""`tocsin publish`: convert, sign, submit what is new or changed."""

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bus.cli.commands import Commands, as_agency
from bus.cli.exits import DONE, NO, USAGE
from bus.cli.home import Opened, opened
from bus.cli.output import Output, refusal_json
from bus.cli.translating import (
    has_errors,
    options,
    read_input,
    refused_json,
    say_loss,
    say_notes,
    say_refused,
    translate,
    translation_flags,
    whole_file,
)

if TYPE_CHECKING:
    from adapters import Draft, Translation
    from bus.client import Publication, Publisher
    from bus.errors import Refusal

    Plan = dict[str, Any] | Refusal


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add("publish", _publish, "Convert a file, sign and submit what is new or changed in it")
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    as_agency(parser, "the agency that publishes")
    parser.add_argument("--feed", metavar="FEED", required=True, help="the agency's feed")
    parser.add_argument(
        "--format", metavar="FORMAT", help="as `tocsin adapters` lists them (default: the one that fits)"
    )
    translation_flags(parser)
    parser.add_argument("--label", metavar="LABEL", help="who may read it (default: the feed's default label)")
    parser.add_argument("--exercise", metavar="NAME", help="all of it belongs to this exercise")
    parser.add_argument("--reinstate", action="store_true", help="publish what was retracted anew")
    parser.add_argument("--dry-run", action="store_true", help="send nothing; say who would see it")


def _publish(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal

    data = read_input(args.file)
    name, found = translate(data, options(args), args.format)
    if whole_file(found):
        say_refused(output, args.file, found)
        if output.as_json:
            output.document({"format": name, "sent": 0, "refused": [refused_json(one) for one in found.refused]})
        return USAGE
    with opened(args, writing=True) as bus, bus.publisher(args.agency, args.feed) as publisher:
        plans = list(_plans(args, bus, publisher, found))
        if args.dry_run or all(isinstance(plan, Refusal) and plan.reason == "LABEL_BELOW_FLOOR" for plan in plans):
            return _rehearse(args, output, bus, plans, (name, found))
        drafts = _counted(found.drafts, output, len(found.drafts))
        done = publisher.publish(drafts, args.feed, args.label, exercise=args.exercise, reinstate=args.reinstate)
        output.progress("")
        status = _report(args, output, bus, (name, found), done)
        if done.sent:
            for plan in plans:
                _say_unread(output, plan)
        return status


def _counted(drafts: Iterable["Draft"], output: Output, total: int) -> Iterator["Draft"]:
    """Show, on a terminal, how far a long file is."""
    for number, draft in enumerate(drafts, 1):
        if number % 500 == 0:
            output.progress(f"{number} of {total} records")
        yield draft


def _report(
    args: Namespace, output: Output, bus: Opened, translated: "tuple[str, Translation]", done: "Publication"
) -> int:
    """What became of each row; the first refusals in full."""
    from bus.client import Outcome

    name, found = translated
    counts = {outcome.value.lower(): done.count(outcome) for outcome in Outcome}
    failed = bool(done.refused) or has_errors(found)
    if output.as_json:
        refused: list[dict[str, Any]] = [refused_json(one) for one in found.refused]
        refused += [{"id": line.id, **refusal_json(line.refusal)} for line in done.refused if line.refusal]
        counts["refused"] = len(refused)
        output.document({"format": name, "sent": done.sent, "outcomes": counts, "refused": refused})
        return NO if failed else DONE
    say_refused(output, args.file, found)
    say_notes(output, args.file, found)
    _say_why(output, bus, done)
    counts["refused"] += len(found.refused)
    if counts["withdrawn"]:
        output.note(f"{counts['withdrawn']} were retracted before: --reinstate would publish them anew")
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    output.line(f"{args.file} ({name}): {said or 'no records'}; {done.sent} sent as {args.agency}/{args.feed}")
    return NO if failed else DONE


def _say_why(output: Output, bus: Opened, done: "Publication") -> None:
    """Each reason once, with the records that it befell: what is wrong with a label is wrong with every row."""
    ids: dict[Refusal, list[str]] = {}
    for line in done.refused:
        if line.refusal is not None:
            ids.setdefault(line.refusal, []).append(line.id)
    for refusal, befell in list(ids.items())[:20]:
        more = f" and {len(befell) - 1} more" if len(befell) > 1 else ""
        output.refused(befell[0] + more, refusal)
        bus.explain(output, refusal)
        if refusal.reason == "REALM_MISMATCH":
            output.note("  `--exercise NAME` names the exercise that the records belong to.")
    if len(ids) > 20:  # noqa: PLR2004 - a screen's worth
        output.note(f"{len(ids) - 20} more reasons (--json lists all)")


def _rehearse(
    args: Namespace, output: Output, bus: Opened, planned: "Sequence[Plan]", translated: "tuple[str, Translation]"
) -> int:
    """Say under which label it would be sent, and who would read that; nothing is sent."""
    name, found = translated
    plans = []
    for plan in planned:
        if not isinstance(plan, dict):
            output.refused("nothing is sent", plan)
            bus.explain(output, plan)
            if output.as_json:
                empty = {"dry_run": True, "plans": []} if args.dry_run else {"sent": 0}
                output.document({"format": name, **empty, "refused": [refusal_json(plan)]})
            return NO
        plans.append(plan)
    if output.as_json:
        refused = [refused_json(one) for one in found.refused]
        output.document({"format": name, "dry_run": True, "plans": plans, "refused": refused})
        return NO if has_errors(found) else DONE
    say_refused(output, args.file, found)
    say_loss(output, found)
    for plan in plans:
        output.line(f"{plan['records']} records; what of them is new or changed would be sent as {plan['label']}")
        output.line(f"  readers: {', '.join(plan['readers']) or 'none'}")
        _say_unread(output, plan)
    return NO if has_errors(found) else DONE


def _plans(args: Namespace, bus: Opened, publisher: "Publisher", found: "Translation") -> "Iterator[Plan]":
    """For each realm of the file: how many records, under which label, and who may read that."""
    from bus.clock import now_ms
    from bus.errors import Refusal
    from bus.operate import Desk
    from bus.operate.readers import readers_of, under_floor

    control, feed = Desk(bus.home, bus.log).control, bus.feed(args.agency, args.feed)
    for status in sorted({draft.status for draft in found.drafts}) or ["ACTUAL"]:
        terms = publisher.terms(args.feed, args.label, status, args.exercise)
        if isinstance(terms, Refusal):
            yield terms
            continue
        low = under_floor(control, feed, terms.label)
        if low is not None:
            yield low
            continue
        count = sum(draft.status == status for draft in found.drafts)
        readers = readers_of(control, terms.label, now_ms())
        yield {"records": count, "label": terms.label.text, "readers": readers}


def _say_unread(output: Output, plan: "Plan") -> None:
    """A mistyped exercise or a label that nobody holds goes nowhere, and nobody would notice."""
    if isinstance(plan, dict) and not plan["readers"]:
        output.note(f"no agency is cleared for {plan['label']}: so nobody reads it")
        output.note("  `tocsin agency show NAME` lists what an agency reads, and the realms that it takes part in.")
