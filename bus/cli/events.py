"""`tocsin events`: the authors' records in one agency's picture."""

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from bus.cli.commands import Commands, as_agency
from bus.cli.exits import DONE
from bus.cli.output import Output, moment
from bus.cli.picture import counts_text, find_event, looked_at, note_unreadable, show, when_text, where_text

if TYPE_CHECKING:
    from bus.client import Picture
    from bus.client.picture import Held
    from schemas.models import EventMessage


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("events", "The events in an agency's picture: all that it may read, never more")
    as_agency(group.add("ls", _ls, "List events, by agency, feed and id; no signature is judged (see verify)"))
    parser = group.add("show", _show, "Show one event as its author wrote it; no signature is judged (see verify)")
    parser.add_argument("id", metavar="ID", help="agency/feed/id, or the id where one event has it")
    as_agency(parser)


def _ls(args: Namespace, output: Output) -> int:
    rows = []
    with looked_at(args) as (_, picture):
        for ref, held in sorted(picture.events().items()):
            message = picture.event(ref)
            if message is None:
                note_unreadable(output, ref)
            elif output.as_json:
                output.item(_json(held, message))
            else:
                body = message.body
                rows.append((ref, message.header.revision, body.type, when_text(body.when), where_text(body.where)))
    if not output.as_json:
        output.table(["EVENT", "REVISION", "TYPE", "WHEN", "WHERE"], rows)
    return DONE


def _show(args: Namespace, output: Output) -> int:
    def text(_: "Picture", held: "Held", message: "EventMessage") -> None:
        _print(output, held.ref, message)

    return show(args, output, lambda picture: find_event(picture, args.id), _json, text)


def _print(output: Output, ref: str, message: "EventMessage") -> None:
    header, body = message.header, message.body
    output.line(f"event      {ref}, revision {header.revision}, {header.status.value}")
    output.line(f"label      {header.label}")
    output.line(f"signed     {moment(header.created_at)}")
    output.line(f"type       {', '.join((body.type, *body.also))} ({body.nature.value})")
    output.line(f"when       {when_text(body.when)}")
    output.line(f"where      {where_text(body.where)}")
    if body.counts:
        output.line(f"counts     {counts_text(body.counts)}")
    for actor in body.actors:
        output.line(f"actor      {actor.role.value}: {actor.name or actor.class_.value}")
    source = body.source
    output.line(f"source     {source.discipline.value}, {source.claims.value}, origin {source.origin or 'not named'}")
    if source.derived_from:
        output.line(f"rests on   {', '.join(source.derived_from)}")
    for text in body.texts:
        for part in (text.headline, text.description, text.instruction):
            for line in part.split("\n") if part else ():
                output.line(f"text {text.language:5} {line}")


def _json(held: "Held", message: "EventMessage") -> dict[str, Any]:
    return {
        "ref": held.ref,
        "closed": held.closed,
        "delivered_at": held.delivered_at,
        "header": message.header.model_dump(),
        "body": message.body.model_dump(),
    }
