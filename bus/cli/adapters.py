"""`tocsin adapters`: the formats that can be read and written."""

from argparse import Namespace

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.output import Output


def add(commands: Commands) -> None:
    """Declare the command."""
    commands.add("adapters", _adapters, "List the formats that can be read and written, with what their licences ask")


def _adapters(_: Namespace, output: Output) -> int:
    from adapters import available, load
    from bus.errors import TocsinError

    status = DONE
    for name in available():
        try:
            one = load(name)
        except TocsinError as fault:
            output.note(f"{name}: {fault}. {fault.advice}")
            status = NO
            continue
        if output.as_json:
            fields = {"name": one.name, "title": one.title, "reads": one.reads, "writes": one.writes}
            output.item({**fields, "licence": one.licence, "options": dict(one.options)})
            continue
        output.line(f"{one.name}: {one.title}")
        output.line(f"  reads    {', '.join(one.reads) or '-'}")
        output.line(f"  writes   {', '.join(one.writes) or '-'}")
        output.line(f"  licence  {one.licence}")
        for option, meaning in sorted(one.options.items()):
            output.line(f"  --option {option}=…  {meaning}")
    return status
