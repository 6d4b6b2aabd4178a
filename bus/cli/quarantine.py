"""`tocsin quarantine`: what was refused, and why; judged anew, sent again, dropped."""

from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import Opened, opened
from bus.cli.output import Output, moment, refusal_json
from bus.errors import NotFoundError, UsageError
from bus.names import BUS

if TYPE_CHECKING:
    from bus.operate.quarantine import Choice, Histogram, Outcome, Prospect

SCREEN: Final = 30
"""Rows that a person is shown unless they ask for more."""


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("quarantine", "What ingest refused, with the reason, and the bytes as they were received")
    parser = group.add("ls", _ls, "List what was refused and waits, and how often, for each agency and reason")
    _filters(parser)
    parser.add_argument("--all", action="store_true", help="also what was sent again or dropped since")
    parser.add_argument("--last", metavar="N", type=int, help=f"only the last N (default: {SCREEN}; with --json all)")
    parser.add_argument("--summary", action="store_true", help="only how often, for each agency and reason")
    parser = group.add("show", _show, "Show one refused submission: place, expectation, remedy, frame; no content")
    parser.add_argument("id", metavar="ID", help="as `quarantine ls` lists it")
    parser.add_argument("--save", metavar="FILE", help="also write the bytes, as received, into a new file")
    parser = group.add("retry", _retry, "Send again, unchanged, what ingest would accept now")
    _choice(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what would become of it; nothing is sent")
    parser.add_argument(
        "--force", action="store_true", help="also what would be refused again, or was, for the same reason, before"
    )
    parser = group.add("drop", _drop, "Say that nothing is to be done about it; the bytes stay till they are too old")
    _choice(parser)
    parser.add_argument("--because", metavar="TEXT", required=True, help="why, for those who audit")


def _filters(parser: ArgumentParser) -> None:
    parser.add_argument("--agency", metavar="AGENCY", help="of this agency only")
    parser.add_argument("--reason", metavar="REASON", help="for this reason only")


def _choice(parser: ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="*", help="as `quarantine ls` lists it; or else filters")
    _filters(parser)
    parser.add_argument("--all", action="store_true", help="all that waits, of every agency")


def _ls(args: Namespace, output: Output) -> int:
    from dataclasses import asdict

    from bus.operate.quarantine import Histogram, rejected

    if args.last is not None and args.last < 0:
        raise UsageError("--last counts from 0", "`--last 20` lists the last twenty.")
    bound = args.last if args.last is not None or output.as_json else SCREEN
    histogram, listed = Histogram(), deque[Any](maxlen=0 if args.summary else bound)
    with opened(args) as bus:
        for one in rejected(bus.log, _agencies(args, bus)):
            if args.reason in {None, one.reason} and (args.all or one.waits):
                histogram.count(one)
                listed.append(one)
    if output.as_json:
        for item in [line._asdict() for line in histogram.lines()] if args.summary else map(asdict, listed):
            output.item(item)
        return DONE
    _say_histogram(output, histogram)
    if listed:
        output.line()
        output.table(
            ["ID", "AT", "STATE", "REASON", "PLACE", "EXPECTED"],
            [(one.id, moment(one.at), one.state, one.reason, one.place, one.expected) for one in listed],
        )
    total = sum(line.times for line in histogram.lines())
    if not args.summary and len(listed) < total:
        output.note(f"the last {len(listed)} of {total} (--last N shows more, --json all)")
    return DONE


def _say_histogram(output: Output, histogram: "Histogram") -> None:
    output.table(
        ["AGENCY", "REASON", "TIMES", "WAITING", "FIRST", "LAST"],
        [
            (line.agency, line.reason, line.times, line.waiting, moment(line.first_at), moment(line.last_at))
            for line in histogram.lines()
        ],
    )


def _show(args: Namespace, output: Output) -> int:
    from dataclasses import asdict

    from bus.operate.quarantine import find

    with opened(args) as bus:
        found = find(bus.log, _names(bus), args.id)
    if found is None:
        raise NotFoundError(f"nothing was refused under {args.id}", "`tocsin quarantine ls` lists what was.")
    one, data = found
    if args.save is not None:
        _save(args.save, data)
    if output.as_json:
        output.document(asdict(one))
        return DONE
    output.line(f"refused   {one.id}, {moment(one.at)}")
    output.line(f"state     {one.state}")
    output.line(f"reason    {one.reason} at {one.place}")
    output.line(f"expected  {one.expected}")
    output.line(f"remedy    {one.remedy}")
    output.line(f"type      {one.payload_type or 'unreadable'}")
    output.line(f"keys      {', '.join(one.key_ids) or '-'}")
    output.line(f"bytes     {one.size_bytes}, SHA-256 {one.sha256}")
    return DONE


def _retry(args: Namespace, output: Output) -> int:
    from bus.operate import Desk
    from bus.operate.quarantine import retry

    with opened(args, writing=not args.dry_run) as bus:
        control = Desk(bus.home, bus.log).control
        choice = _chosen(args, bus)
        told = retry(bus.log, control, choice, dry_run=args.dry_run)
    left = [prospect for prospect, sent in told if not sent]
    if output.as_json:
        for prospect, sent in told:
            output.item(_told(prospect, sent=sent))
    else:
        _say_told(output, told, is_dry=args.dry_run)
    if args.dry_run:
        return DONE if all(_would_send(one.outcome) for one in left) else NO
    return NO if left else DONE


def _would_send(outcome: "Outcome") -> bool:
    return outcome in {"ACCEPTED", "KNOWN"}


def _told(prospect: "Prospect", *, sent: bool) -> dict[str, Any]:
    refusal = prospect.refusal
    return {
        "id": prospect.row.id,
        "sha256": prospect.row.sha256,
        "was": prospect.row.reason,
        "outcome": prospect.outcome,
        "refused": None if refusal is None else refusal_json(refusal),
        "sent": sent,
    }


def _say_told(output: Output, told: "Sequence[tuple[Prospect, bool]]", *, is_dry: bool) -> None:
    from collections import Counter

    words = {
        "ACCEPTED": "would be accepted",
        "KNOWN": "accepted meanwhile: no second effect",
        "REFUSED": "would be refused again",
        "STUCK": "was sent again before, and refused for the same reason",
        "SETTLED": "was sent again or dropped before",
    }
    rows = [
        (one.row.id, one.row.reason, words[one.outcome], one.refusal.reason if one.refusal else "", sent)
        for one, sent in told[:SCREEN]
    ]
    output.table(["ID", "WAS", "NOW", "REASON", "SENT"], rows)
    if len(told) > SCREEN:
        output.note(f"the first {SCREEN} of {len(told)} (--json lists all)")
    for refusal in dict.fromkeys(one.refusal for one, _ in told if one.refusal is not None):
        output.refused("still refused", refusal)
    counts = Counter(words[one.outcome] for one, _ in told)
    sent = sum(sent for _, sent in told)
    output.line(", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing waits")
    if is_dry:
        output.line("nothing is sent: a dry run")
        return
    output.line(f"{sent} sent again" + ("; `tocsin run` judges them" if sent else ""))
    if sent < len(told):
        output.note("what is not sent waits as before: --force sends it all the same, `tocsin quarantine drop` ends it")


def _drop(args: Namespace, output: Output) -> int:
    from bus.operate.quarantine import drop

    with opened(args, writing=True) as bus:
        choice = _chosen(args, bus)
        dropped = drop(bus.log, choice, args.because)
    if output.as_json:
        for row in dropped:
            output.item({"id": row.id, "sha256": row.sha256, "reason": row.reason, "because": args.because})
        return DONE
    output.line(f"{len(dropped)} dropped; `tocsin tail audit` shows who did, and why")
    return DONE


def _names(bus: Opened) -> list[str]:
    from bus.operate import Desk

    return [one.name for one in Desk(bus.home, bus.log).roster.agencies if one.name != BUS]


def _agencies(args: Namespace, bus: Opened) -> tuple[str, ...]:
    """The agencies that are meant."""
    names = _names(bus)
    if args.agency is not None and args.agency not in names:
        raise NotFoundError(f"the roster has no agency {args.agency}", "`tocsin agency ls` lists the agencies.")
    return tuple(names) if args.agency is None else (args.agency,)


def _chosen(args: Namespace, bus: Opened) -> "Choice":
    from bus.operate.quarantine import Choice

    filtered = args.agency is not None or args.reason is not None or args.all
    if filtered == bool(args.ids):
        raise UsageError(
            "name either rows by their ids, or filters",
            "`--agency A`, `--reason R`, both, or `--all` choose what waits.",
        )
    agencies = _agencies(args, bus)
    if args.ids:
        agencies = tuple(name for name in agencies if any(one.startswith(f"{name}/") for one in args.ids))
    choice = Choice(agencies, frozenset(args.ids), args.reason, getattr(args, "force", False))
    if choice.ids:
        _check_ids(bus, choice)
    return choice


def _check_ids(bus: Opened, choice: "Choice") -> None:
    """All that is named is there, before anything is done."""
    from bus.operate.quarantine import rejected

    missing = choice.ids.difference(row.id for row in rejected(bus.log, choice.agencies))
    if missing:
        named = ", ".join(sorted(missing))
        raise NotFoundError(f"nothing was refused under {named}", "`tocsin quarantine ls --all` lists what was.")


def _save(name: str, data: bytes) -> None:
    """Write a new file; an old one is never written over."""
    from pathlib import Path

    try:
        with Path(name).open("xb") as file:
            file.write(data)
    except OSError as fault:
        raise UsageError(
            f"{name} can't be written: {fault.strerror}", "Name a new file in a folder of yours."
        ) from fault
