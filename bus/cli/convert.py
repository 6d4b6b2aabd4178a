"""`tocsin convert`: a partner's file as drafts, offline, with an account of every field."""

from argparse import Namespace

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO, USAGE
from bus.cli.output import Output
from bus.cli.translating import (
    has_errors,
    options,
    read_input,
    refused_json,
    say_loss,
    say_refused,
    translate,
    translation_flags,
    whole_file,
)


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add(
        "convert", _convert, "Turn a file into drafts, offline: NDJSON on stdout, the account on stderr"
    )
    parser.add_argument("format", metavar="FORMAT", help="as `tocsin adapters` lists them")
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    translation_flags(parser)


def _convert(args: Namespace, output: Output) -> int:
    _, found = translate(read_input(args.file), options(args), args.format)
    drafts = (
        {
            "kind": draft.kind,
            "id": draft.id,
            "status": draft.status,
            "modified_at": draft.modified_at,
            "body": draft.body,
            "replaces": draft.replaces,
            "party": draft.party,
        }
        for draft in found.drafts
    )
    if output.as_json:
        refused = [refused_json(one) for one in found.refused]
        output.document({"drafts": list(drafts), "loss": found.loss.report(), "refused": refused})
    else:
        for draft in drafts:
            output.item(draft)
        if not whole_file(found):
            say_loss(output, found)
        say_refused(output, args.file, found)
    if whole_file(found):
        return USAGE
    return NO if has_errors(found) else DONE
