"""What became of a published file, as it is told: each row's outcome, why what was refused was, and what to do."""

from argparse import Namespace
from typing import TYPE_CHECKING, Final

from bus.cli.exits import DONE, NO
from bus.cli.home import Opened
from bus.cli.output import Output, refusal_json
from bus.cli.publishing import Result
from bus.cli.translating import refused_json, say_notes, say_refused

if TYPE_CHECKING:
    from bus.client import Publication
    from bus.errors import Refusal

SHOWN: Final = 20
"""A screen's worth."""


def report(  # noqa: PLR0913, PLR0917 - the parts of one story
    args: Namespace, output: Output, bus: Opened, name: str, result: Result, withdrawn: "Publication | None" = None
) -> int:
    """What became of each row; the first refusals in full."""
    from bus.client import Outcome

    done = result.done
    taken = {outcome: done.count(outcome, "retraction") for outcome in (Outcome.NEW, Outcome.AMENDED)}
    counts = {outcome.value.lower(): done.count(outcome) - taken.get(outcome, 0) for outcome in Outcome}
    refused = [refused_json(one) for one in result.refused]
    refused += [{"id": line.id, **refusal_json(line.refusal)} for line in done.refused if line.refusal]
    counts |= {"retracted": sum(taken.values()), "refused": len(refused)}
    failed = bool(done.refused) or result.flawed or bool(withdrawn and withdrawn.refused)
    if output.as_json:
        snapshot = {"missing": result.missing, "withdrawn": withdrawn.sent if withdrawn else 0} if args.snapshot else {}
        line = {"format": result.name, "sent": done.sent, "outcomes": counts, "refused": refused, **snapshot}
        if args.watch is None:
            output.document(line)
        else:
            output.item({"file": name, **line})
        return NO if failed else DONE
    say_refused(output, name, result.translation)
    say_notes(output, name, result.translation)
    _say_why(output, bus, done)
    _say_unsent(output, counts)
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    output.line(f"{name} ({result.name}): {said or 'no records'}; {done.sent} sent as {args.agency}/{args.feed}")
    if args.snapshot:
        output.line(
            f"{len(result.missing)} of {result.standing} gone from it; {withdrawn.sent if withdrawn else 0} withdrawn"
        )
    return NO if failed else DONE


def _say_unsent(output: Output, counts: dict[str, int]) -> None:
    """What was not sent though it is no repeat, each with the way to send it."""
    if counts["withdrawn"]:
        output.note(f"{counts['withdrawn']} were retracted before: --reinstate would publish them anew")
    if counts["reverted"]:
        output.note(
            f"{counts['reverted']} return to what an earlier revision said, as in an older file: they were not sent"
        )
        output.note("  If it is no mistake, --reinstate publishes them as the newest.")
    if counts["awaited"]:
        output.note(f"{counts['awaited']} take away what was not published; it will not be, should it come")


def _say_why(output: Output, bus: Opened, done: "Publication") -> None:
    """Each reason once, with the records that it befell: what is wrong with a label is wrong with every row."""
    ids: dict[Refusal, list[str]] = {}
    for line in done.refused:
        if line.refusal is not None:
            ids.setdefault(line.refusal, []).append(line.id)
    for refusal, befell in list(ids.items())[:SHOWN]:
        more = f" and {len(befell) - 1} more" if len(befell) > 1 else ""
        output.refused(befell[0] + more, refusal)
        bus.explain(output, refusal)
    if len(ids) > SHOWN:
        output.note(f"{len(ids) - SHOWN} more reasons (--json lists all)")
