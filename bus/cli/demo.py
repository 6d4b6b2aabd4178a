"""`tocsin demo`: the whole bus on real partner files, in a home that is thrown away."""

from argparse import Namespace
from pathlib import Path

from bus.cli.commands import Commands
from bus.cli.output import Output


def add(commands: Commands) -> None:
    """Declare the command."""
    commands.add("demo", _demo, "Play the whole bus on real partner files and show what each agency sees")


def _demo(args: Namespace, output: Output) -> int:
    from bus import demo

    home = Path(args.home) if args.home else None
    return demo.play(home, output.out, as_json=output.as_json, progress=output.progress)
