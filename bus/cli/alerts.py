"""`tocsin alerts`: what the bus concludes from all that one agency may read."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from bus.cli.commands import Commands, as_agency
from bus.cli.exits import DONE
from bus.cli.output import Output, moment
from bus.cli.picture import alert_json, counts_text, find_alert, looked_at, note_unreadable, show, when_text, where_text

if TYPE_CHECKING:
    from bus.client import Picture
    from bus.client.picture import Held
    from schemas.models import Alert, AlertMessage

_LOG_ODDS = frozenset({"prior", "support", "denial", "conflict"})
"""The terms that add up; all others are said in words."""


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("alerts", "The alerts in an agency's picture")
    parser = group.add("ls", _ls, "List alerts, the gravest and surest first; no signature is judged (see verify)")
    _which(parser)
    parser = group.add("show", _show, "Show one alert: its members, origins, confidence, and the reason for each")
    parser.add_argument("id", metavar="ID", nargs="?", help="its id, or the beginning (default: the first of the list)")
    _which(parser)
    parser = group.add("watch", _watch, "Tell of each alert as it comes, changes, closes or goes, until stopped")
    _which(parser)
    parser.add_argument(
        "--since", metavar="N", type=int, help="from delivery N + 1 on (default: where this command stopped last time)"
    )
    parser.add_argument("--once", action="store_true", help="stop when nothing waits any more")
    parser.add_argument("--no-verify", action="store_true", help="judge no signatures")


def _which(parser: ArgumentParser) -> None:
    as_agency(parser)
    parser.add_argument("--origins", metavar="N", type=int, default=0, help="only with at least N independent origins")


def _listed(args: Namespace, output: Output, picture: "Picture") -> "list[tuple[Held, AlertMessage]]":
    """The alerts that are asked for: the gravest first, then the surest, then the latest."""
    found = []
    for ref, held in picture.alerts().items():
        message = picture.alert(ref)
        if message is None:
            note_unreadable(output, ref)
        elif message.body.origins >= args.origins:
            found.append((held, message))
    return sorted(found, key=lambda one: (*_rank(one[1].body), one[0].ref))


def _rank(body: "Alert") -> tuple[float, ...]:
    last = 0 if body.when is None else body.when.end or body.when.start or 0
    return (-body.severity.level, -body.confidence.probability, -last)


def _ls(args: Namespace, output: Output) -> int:
    with looked_at(args) as (_, picture):
        alerts = _listed(args, output, picture)
        events = len(picture.events())
    if output.as_json:
        for held, message in alerts:
            output.item(alert_json(held, message))
        return DONE
    rows = []
    for held, message in alerts:
        body = message.body
        belief = f"{body.confidence.probability:.2f} {body.confidence.words}"
        members = f"{len(body.members)} of {len({one.agency for one in body.members})}"
        rows.append(
            (
                held.ref[:12],
                body.severity.level,
                belief,
                members,
                body.origins,
                body.type,
                when_text(body.when),
                where_text(body.where),
            )
        )
    heads = ["ALERT", "SEVERITY", "CONFIDENCE", "REPORTS OF AGENCIES", "ORIGINS", "TYPE", "WHEN", "WHERE"]
    output.table(heads, rows)
    if not rows and events and args.origins == 0:
        output.note("  What it may read makes no alert: that takes several origins, or one report grave enough.")
        output.note(f"  `tocsin events ls --as {args.agency}` lists the {events} events in its picture.")
    return DONE


def _show(args: Namespace, output: Output) -> int:
    def find(picture: "Picture") -> str:
        return find_alert(picture, args.id or next((held.ref for held, _ in _listed(args, output, picture)), ""))

    def text(picture: "Picture", held: "Held", message: "AlertMessage") -> None:
        _print(output, picture, held, message)
        output.line()
        output.line(f"`tocsin verify {held.ref[:12]} --as {args.agency}` checks every signature behind it.")

    return show(args, output, find, alert_json, text)


def _watch(args: Namespace, output: Output) -> int:
    from bus.cli.alerts_watch import watch

    return watch(args, output)


def _print(output: Output, picture: "Picture", held: "Held", message: "AlertMessage") -> None:
    body = message.body
    sure = body.confidence
    state = "closed" if held.closed else "open"
    output.line(f"alert       {held.ref}, revision {held.revision}, {state}")
    output.line(f"label       {message.header.label}")
    output.line(f"what        {body.type} ({body.nature.value})")
    output.line(f"when        {when_text(body.when)}")
    output.line(f"where       {where_text(body.where)}")
    output.line(f"counts      {counts_text(body.counts) or 'none given'}")
    output.line(f"severity    {body.severity.level} of 4")
    output.line(f"confidence  {sure.probability:.2f}, {sure.words} (at most {sure.cap:.2f})")
    disciplines = ", ".join(one.value for one in body.disciplines)
    output.line(f"origins     {body.origins} independent, by {disciplines or 'no discipline'}")
    for related in body.related:
        output.line(f"related     {related}")
    for attribution in body.attributions:
        output.line(f"source      {attribution}")
    output.line()
    output.line("It rests on one report:" if len(body.members) == 1 else f"It rests on {len(body.members)} reports:")
    for member in sorted(body.members, key=lambda one: (one.origin_group, one.first_at, one.agency, one.feed, one.id)):
        name = f"{member.agency}/{member.feed}/{member.id}"
        claim = "" if member.claims.value == "SUPPORTS" else f", {member.claims.value}"
        output.line(
            f"  origin {member.origin_group}  {name}, revision {member.revision}, "
            f"accepted {moment(member.accepted_at)}{claim}"
        )
        headline = _headline(picture, name)
        if headline:
            output.line(f"            {headline}")
    output.line()
    output.line("Why (figures are log-odds; A1 to F6 grade source and report):")
    for term in body.explanation:
        figure = f"{term.value:+.2f}" if term.term in _LOG_ODDS else ""
        output.line(f"  {term.term:10} {figure:>7}  {term.reason}")


def _headline(picture: "Picture", ref: str) -> str:
    """What a member is about, in its author's words where it has any."""
    message = picture.event(ref)
    if message is None:
        return ""
    body = message.body
    headline = next((text.headline for text in body.texts if text.headline), None)
    return headline or f"{body.type}, {when_text(body.when)}, {where_text(body.where)}"
