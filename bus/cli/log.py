"""`tocsin log verify`: whether the log is what the bus wrote, and says what its signatures say."""

from argparse import Namespace

from bus.cli.bar import bar
from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import opened
from bus.cli.output import Output


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("log", "The log's soundness")
    parser = group.add(
        "verify",
        _verify,
        "Check the file, every signature, receipt and chain; 1 where anything is wrong, with its place",
    )
    parser.add_argument("--quick", action="store_true", help="the file, ends and heads only: seconds on a large log")


def _verify(args: Namespace, output: Output) -> int:
    from bus.operate.soundness import readers_ahead, verify_log

    with opened(args) as bus, bar(output) as progress:
        found = verify_log(bus.home, bus.log, quick=args.quick, progress=progress)
        ahead = readers_ahead(bus.home, bus.log)
    status = DONE if found.sound and not ahead else NO
    if output.as_json:
        said = {
            name: [one._asdict() for one in some] for name, some in (("findings", found.findings), ("readers", ahead))
        }
        output.document({"sound": found.sound, "quick": args.quick, **said, "checked": found.checked})
        return status
    for one in (*found.findings, *ahead):
        output.line(f"{one.place}: {one.what}")
    counts = ", ".join(f"{number} {what}" for what, number in found.checked.items())
    output.line(f"{counts} checked: {'the log is sound' if found.sound else f'{len(found.findings)} findings'}")
    if not found.sound:
        output.note("Stop the bus, keep the damaged home for study, and `tocsin restore` its latest backup.")
    return status
